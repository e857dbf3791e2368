"""The page's own words, one TOML file a language, and how figures are said in them."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from contracts.numbers import Formats
from contracts.scores import Language
from contracts.words import Words, flatten

DASH = "–"
MINUS = "−"
Figure = Mapping[str, float]


@cache
def load_words(language: Language) -> Words:
    """Return the words of a language, read once.

    Examples:
        >>> load_words("it")("topics.delivery")
        'consegna'
    """
    text = files("training.drivers.page").joinpath(f"{language}.toml").read_text(encoding="utf-8")
    return Words(language, dict(flatten(tomllib.loads(text))))


@dataclass(frozen=True)
class Reading:
    """A document of what moves people with the words and formats of a language and a zone."""

    document: Mapping[str, Any]
    t: Words
    f: Formats

    def rows(self, name: str) -> Sequence[Mapping[str, Any]]:
        """Return a list of the document."""
        found: Sequence[Mapping[str, Any]] = self.document[name]
        return found

    def money(self, amount: float) -> str:
        """Return an estimated sum."""
        return self.f.round_money(amount, str(self.document["currency"]))

    def signed(self, amount: float) -> str:
        """Return an estimated sum with its sign."""
        sign = MINUS if amount < 0 else "+"
        return f"{sign}{self.money(abs(amount))}"

    def figure(self, figure: Figure | None, count: int | None = None) -> str:
        """Return a sum with its interval, or that there are too few, with how many."""
        if figure is None:
            return self.too_few(count)
        low, high = self.signed(figure["low"]), self.signed(figure["high"])
        return self.t("figure.interval", value=self.signed(figure["value"]), low=low, high=high)

    def points(self, figure: Figure | None, count: int | None = None) -> str:
        """Return a difference of shares in percentage points with its interval."""
        if figure is None:
            return self.too_few(count)
        value, low, high = (self.number(100 * figure[name]) for name in ("value", "low", "high"))
        return self.t("figure.points", value=value, low=low, high=high)

    def number(self, value: float, digits: int = 1) -> str:
        """Return a number with its sign; what rounds to nought has none."""
        rounded = round(value, digits)
        sign = MINUS if rounded < 0 else "+" if rounded > 0 else ""
        return f"{sign}{self.f.decimal(abs(rounded), digits)}"

    def too_few(self, count: int | None = None) -> str:
        """Return that there are too few for a figure, and how many there are."""
        return (
            self.t("figure.too_few") if count is None else self.t("figure.too_few_of", n=self.f.whole(count))
        )

    def topic(self, name: str) -> str:
        """Return a topic in words."""
        return self.t.find(f"topics.{name}", name)

    def place(self, dimension: str, name: str) -> str:
        """Return an owner or stage in words, a touchpoint as it is on record, or that there is none."""
        if name == DASH or name == "-":
            return self.t("map.nowhere")
        return self.t.find(f"{dimension}.{name}", name)

    @property
    def days(self) -> str:
        """The horizon in days."""
        return self.f.whole(self.document["horizon_days"])


def read_document(document: Mapping[str, Any], language: Language, zone: str = "UTC") -> Reading:
    """Return the document as it is read in a language; days are those of ``zone``."""
    return Reading(document, load_words(language), Formats(language, zone))
