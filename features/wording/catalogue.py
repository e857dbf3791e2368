"""The catalogue of texts: for each feature a label and sentences with the customer's value and a comparator.

A template holds placeholders ``{name:format}`` or ``{name:format|singular|plural}``; ``name`` is a feature of
the same customer, ``peer.name`` that feature's median among all scored customers, ``value`` and
``peer.value`` the feature spoken of, ``label`` the source's own name for it, ``part`` what the star of its
pattern stands for and ``about`` the topic it names, as in "about delivery". No sentence names a cause.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from contracts.errors import ContractError
from contracts.feature_frame import Feature, FeatureList
from contracts.scores import LANGUAGES, Language
from features.wording.numbers import format_value
from features.wording.template import BARE, Slot, Template, parse_template

FEATURES, WORDS, ABOUT = "features", "words", "about"
CASES = ("sentences", "one", "below_one", "negative", "zero", "missing")
Values = Mapping[str, float | str | None]


@dataclass(frozen=True)
class Entry:
    """The texts on one feature in one language; ``subject`` is the feature whose value decides between them.

    Lists of templates: ``sentences``, ``one``, ``below_one`` (0 < value < 1), ``negative``, ``zero``, and
    ``missing``.
    """

    label: str
    subject: str
    cases: Mapping[str, tuple[Template, ...]]

    def templates(self, value: float | str | None) -> tuple[Template, ...]:
        """Return the templates for a value of the subject."""
        case = "sentences"
        if value is None:
            case = "missing"
        elif isinstance(value, str):
            case = "sentences"
        elif value == 0:
            case = "zero"
        elif value < 0:
            case = "negative"
        elif value < 1:
            case = "below_one"
        elif value == 1:
            case = "one"
        return self.cases.get(case) or self.cases["sentences"]


@dataclass(frozen=True)
class Catalogue:
    """All texts in both languages; made by ``load_catalogue``, bound to a company by ``for_company``."""

    texts: Mapping[Language, Mapping[str, Mapping[str, str]]]
    entries: Mapping[Language, Mapping[str, Entry]]
    currency: str = "EUR"
    features: Mapping[str, Feature] = field(default_factory=dict)
    _found: dict[tuple[str, str], tuple[str, str] | None] = field(
        default_factory=dict, repr=False, compare=False
    )

    def for_company(self, features: Iterable[Feature] = (), currency: str | None = None) -> "Catalogue":
        """Return the catalogue that knows the features' own labels and units, and the currency of money."""
        known = {feature.name: feature for feature in features}
        return replace(self, features=known, currency=currency or self.currency)

    def text(self, section: str, key: str, language: Language) -> str:
        """Return a fixed text: of families, bands, segments, flags, not_scored, strengths, directions, notes.

        Raises:
            ContractError: there is no such text.

        Examples:
            >>> load_catalogue().text("families", "rhythm", "it")
            "ritmo d'acquisto"
        """
        try:
            return self.texts[language][section][key]
        except KeyError as error:
            raise ContractError(f"No {language} text {section}.{key}: add it to features/wording.") from error

    def family(self, name: str, language: Language) -> str:
        """Return the name of a feature family."""
        return self.text("families", name, language)

    def label(self, feature: str, language: Language) -> str:
        """Return the name of a feature for people.

        Raises:
            ContractError: the feature has no texts.

        Examples:
            >>> load_catalogue().label("engagement.touchpoint_delivery_late_90d", "en")
            '‘late delivery’ in the last 90 days'
        """
        entry, part = self._find(feature, language)
        own, about = self._own_name(feature, part, language), self._about(part, language)
        return entry.label.replace("{label}", own).replace("{part}", part).replace("{about}", about)

    def sentence(
        self, feature: str, language: Language, values: Values, peers: Values, currency: str | None = None
    ) -> str:
        """Return the richest sentence on ``feature`` of which every placeholder is known.

        Peers are left out where their median is the customer's own value.

        Args:
            feature: its name, or ``rhythm`` for the buying rhythm that a buy-till-you-die model sees.
            language: ``en`` or ``it``.
            values: the customer's features by name; None, NaN or absent is missing.
            peers: the medians of all scored customers, alike.
            currency: ISO 4217 code of money, by default the catalogue's.

        Raises:
            ContractError: the feature has no texts.

        Examples:
            >>> catalogue = load_catalogue()
            >>> values = {"rfm.days_since_last_order": 58.0, "rhythm.usual_gap_days": 31.0}
            >>> catalogue.sentence("rfm.days_since_last_order", "en", values, {})
            'Last order 58 days ago; usually orders every 31 days.'
            >>> catalogue.sentence("rfm.days_since_last_order", "it", values, {})
            'Ultimo ordine 58 giorni fa; di solito ordina ogni 31 giorni.'
        """
        entry, part = self._find(feature, language)
        subject = entry.subject or feature
        spoken = _Spoken(feature, part, language, currency or self.currency)
        others: Values = {} if peers.get(feature) == values.get(feature) else peers
        for template in (*entry.templates(known(values.get(subject))), entry.cases["missing"][0]):
            sentence = self._fill(template, spoken, values, others)
            if sentence is not None:
                break
        return "" if sentence is None else sentence[:1].upper() + sentence[1:]

    def check(self, features: FeatureList) -> None:
        """Raise ``ContractError`` listing the features that lack texts in one of the languages."""
        wanting = [
            f"{feature.name} ({language})"
            for feature in features
            for language in LANGUAGES
            if find_key(tuple(self.entries[language]), feature.name, feature.unit) is None
        ]
        if wanting:
            raise ContractError(
                f"No texts for {', '.join(wanting)}: add them to features/wording/en.toml and it.toml."
            )

    def _fill(self, template: Template, spoken: "_Spoken", values: Values, peers: Values) -> str | None:
        said: list[str] = []
        for piece in template.pieces:
            if isinstance(piece, str):
                said.append(piece)
                continue
            text = self._say(piece, spoken, peers if piece.is_peer else values)
            if text is None:
                return None
            said.append(text)
        return "".join(said)

    def _say(self, slot: Slot, spoken: "_Spoken", values: Values) -> str | None:
        if slot.name in BARE:
            return self._say_fixed(slot.name, spoken)
        value = known(values.get(spoken.feature if slot.name == "value" else slot.name))
        if value is None:
            return None
        if isinstance(value, str):
            say = self._about if slot.format == ABOUT else self._word
            return say(value, spoken.language)
        return format_value(value, slot.format, spoken.language, spoken.currency, slot.forms)

    def _say_fixed(self, name: str, spoken: "_Spoken") -> str:
        if name == "label":
            return self._own_name(spoken.feature, spoken.part, spoken.language)
        return self._about(spoken.part, spoken.language) if name == ABOUT else spoken.part

    def _find(self, feature: str, language: Language) -> tuple[Entry, str]:
        unit = self.features[feature].unit if feature in self.features else ""
        if (feature, unit) not in self._found:
            self._found[feature, unit] = find_key(self.keys, feature, unit)
        found = self._found[feature, unit]
        if found is None:
            raise ContractError(
                f"No texts for {feature!r}: add them to features/wording/en.toml and it.toml."
            )
        key, part = found
        return self.entries[language][key], part

    def _own_name(self, feature: str, part: str, language: Language) -> str:
        label = self.features[feature].label if feature in self.features else ""
        own = self._word(label, language) if label else self._slugged[language].get(part, part)
        return own.replace("_", " ")

    def _word(self, text: str, language: Language) -> str:
        return self.texts[language][WORDS].get(text.lower(), text)

    def _about(self, topic: str, language: Language) -> str:
        return self.texts[language][ABOUT].get(topic, topic)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The keys of the entries: names of features, and patterns with one star."""
        return tuple(self.entries["en"])

    @cached_property
    def _slugged(self) -> dict[Language, dict[str, str]]:
        return {
            language: {word.replace(".", "_"): said for word, said in self.texts[language][WORDS].items()}
            for language in LANGUAGES
        }


@dataclass(frozen=True, slots=True)
class _Spoken:
    feature: str
    part: str
    language: Language
    currency: str


@cache
def load_catalogue() -> Catalogue:
    """Return the catalogue that comes with the package."""
    return build_catalogue(read_texts())


def read_texts() -> dict[Language, dict[str, Any]]:
    """Return the texts that come with the package, as their files hold them."""
    return {language: _read(language) for language in LANGUAGES}


def build_catalogue(raw: Mapping[Language, Mapping[str, Any]]) -> Catalogue:
    """Return the catalogue of texts as ``read_texts`` gives them; their order matters."""
    texts: dict[Language, dict[str, dict[str, str]]] = {
        language: {name: part for name, part in raw[language].items() if name != FEATURES}
        for language in LANGUAGES
    }
    entries: dict[Language, dict[str, Entry]] = {
        language: {key: _read_entry(key, raw[language][FEATURES]) for key in raw[language][FEATURES]}
        for language in LANGUAGES
    }
    return Catalogue(texts, entries)


def known(value: float | str | None) -> float | str | None:
    """Return the value, or None where it is NaN."""
    return None if value is None or value != value else value


def find_key(keys: tuple[str, ...], feature: str, unit: str = "") -> tuple[str, str] | None:
    """Return the key that speaks of a feature, and what its star stands for; the longest pattern wins.

    A key that ends in a colon and a unit is for features of that unit.

    Examples:
        >>> find_key(("trend.*", "trend.orders_*"), "trend.orders_90")
        ('trend.orders_*', '90')
        >>> find_key(("trend.orders_*",), "rfm.orders") is None
        True
    """
    if feature in keys:
        return feature, ""
    for key in sorted(keys, key=len, reverse=True):
        name, _, only = key.partition(":")
        before, star, after = name.partition("*")
        if star and only in ("", unit) and feature.startswith(before) and feature.endswith(after):
            part = feature[len(before) : len(feature) - len(after)]
            if part:
                return key, part
    return None


def _read(language: Language) -> dict[str, Any]:
    return tomllib.loads(files("features.wording").joinpath(f"{language}.toml").read_text(encoding="utf-8"))


def _read_entry(key: str, entries: Mapping[str, Mapping[str, Any]]) -> Entry:
    own = entries[key]
    said = entries[own.get("same", key)]
    cases = {case: _read_templates(said[case]) for case in CASES if case in said}
    return Entry(own["label"], said.get("subject", ""), cases)


def _read_templates(texts: str | list[str]) -> tuple[Template, ...]:
    templates = [parse_template(text) for text in ([texts] if isinstance(texts, str) else texts)]
    return tuple(sorted(templates, key=lambda template: -len(template.slots)))
