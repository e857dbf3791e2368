"""The language of a text, undetermined where it is too short or mixed: the one door to py3langid."""

import re
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from contracts.voice import UNDETERMINED
from features.text.links import LINK

LANGUAGES = ("ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh")
"""The languages that the default embedder was trained on: of any other no head could read the text, and each
further candidate takes short comments from these."""

FLOOR = 0.8
"""Confidence below which a text is undetermined."""

LETTERS = 6
"""Letters below which nothing is said of the language."""

MIXED = 10
"""Words from which the two halves of a text are asked apart: sure of two languages, it is mixed."""

_NOISE = re.compile(rf"\[(?:email|phone|iban|card)\]|{LINK}|[@#]\w+|\d+", re.IGNORECASE)


def describe_detection() -> str:
    """Return what the answers depend on: with another library, floor or noise they are others."""
    rules = f"{FLOOR} {LETTERS} {MIXED} {_NOISE.pattern}"
    return f"py3langid {version('py3langid')} {rules} {' '.join(LANGUAGES)}"


def find_languages(texts: Sequence[str]) -> list[str]:
    """Return the ISO 639-1 code of each text, ``und`` where it is too short or no language is sure enough.

    Links, names behind @ and #, digits and masks count for nothing.

    Examples:
        >>> find_languages(["The parcel arrived late again", "Il pacco è arrivato in ritardo", "ok"])
        ['en', 'it', 'und']
    """
    return [_find(_NOISE.sub(" ", text).strip()) for text in texts]


def _find(text: str) -> str:
    if sum(map(str.isalpha, text)) < LETTERS and text.isascii():
        return UNDETERMINED
    whole = _classify(text)
    words = text.split()
    if whole == UNDETERMINED or len(words) < MIXED:
        return whole
    halves = {_classify(" ".join(half)) for half in (words[: len(words) // 2], words[len(words) // 2 :])}
    return whole if len(halves - {UNDETERMINED}) < 2 else UNDETERMINED


def _classify(text: str) -> str:
    code, confidence = _identifier().classify(text)
    return str(code) if confidence >= FLOOR else UNDETERMINED


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LANGUAGES)
    return identifier
