"""A document as it is read in one language: its figures as people write them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.numbers import Formats
from contracts.scores import Language
from contracts.words import Words
from training.documents import find_report_cutoff
from training.page.words import load_words

_DIGITS = {"log_loss": 4, "brier": 4, "tweedie_deviance": 3}
_SHARES = ("ece", "base_rate", "decile_mape", "coverage_80")
_TWO = (
    *("lift_at_5", "lift_at_10", "lift_at_20", "empc", "profit", "value_kept"),
    *("crps", "mae", "mae_of_mean", "rmse", "interval_score"),
)
DASH = "–"


@dataclass(frozen=True)
class Reading:
    """A report document with the words and formats of a language and a zone."""

    document: Mapping[str, Any]
    t: Words
    f: Formats

    @property
    def currency(self) -> str:
        """The code of the document's money."""
        return str(self.document["currency"])

    @property
    def report_cutoff(self) -> Mapping[str, Any] | None:
        """The cutoff that no choice has seen, None where none has matured."""
        return find_report_cutoff(self.document)

    @property
    def missing(self) -> str:
        """The sentence that stands where figures do not."""
        has_report = self.report_cutoff is not None
        return self.t("absent.not_recorded" if has_report else "absent.nothing_matured")

    def part(self, name: str) -> Any:
        """Return a part of the document, an empty mapping where it is absent."""
        return self.document.get(name) or {}

    def rows(self, name: str) -> Sequence[Mapping[str, Any]]:
        """Return a list of the document, empty where it is absent."""
        return self.document.get(name) or ()

    def family(self, name: str) -> str:
        """Return a model family in words."""
        return self.t.find(f"family.{name}", name)

    def plainly(self, name: str) -> str:
        """Return a model family in words for those who do not build models."""
        return self.t.find(f"plainly.{name}", name)

    def segment(self, name: str) -> str:
        """Return a segment in words."""
        return self.t.find(f"segments.{name}", name)

    def money(self, amount: float) -> str:
        """Return an estimated sum."""
        return self.f.round_money(amount, self.currency)

    def about(self, amount: float) -> str:
        """Return an estimated sum to three figures, for a sentence."""
        return self.money(float(f"{amount:.3g}"))

    def day(self, instant: str) -> str:
        """Return the day of an instant in RFC 3339."""
        return self.f.day(instant, with_time=False)

    def figure(self, metric: str, value: float | None) -> str:
        """Return a metric's value with the decimals that it deserves, a dash where it is absent."""
        if value is None:
            return DASH
        if metric in _SHARES:
            return self.f.fine_percent(value)
        if metric == "total_error":
            return f"{'+' if value > 0 else ''}{self.f.fine_percent(value)}"
        return self.f.decimal(value, 2 if metric in _TWO else _DIGITS.get(metric, 3))

    def figure_with_error(self, metric: str, value: float | None, error: float | None) -> str:
        """Return a metric's value, and its standard error where that is known."""
        printed = self.figure(metric, value)
        if value is None or error is None:
            return printed
        return self.t("page.plus_minus", value=printed, error=self.figure(metric, error))

    def months(self, count: int) -> str:
        """Return a number of months in words."""
        return self.t.count("money.months", count)


def read_document(document: Mapping[str, Any], language: Language, zone: str = "UTC") -> Reading:
    """Return the document as it is read in a language; days are those of ``zone``."""
    return Reading(document, load_words(language), Formats(language, zone))
