"""The desk's own words: one TOML file a language, the same keys in both."""

import tomllib
from functools import cache
from pathlib import Path

from contracts.scores import Language
from contracts.words import Words, flatten

SHARED = ("bands", "families", "flags", "not_scored", "notes", "segments", "strengths")
"""Sections that every other answer of Fedele uses too: they come from ``features.wording``."""
_FOLDER = Path(__file__).parent


@cache
def load_words(language: Language) -> Words:
    """Return the words of a language, read once.

    Examples:
        >>> load_words("it")("list.title")
        'Clienti a rischio'
    """
    from features.wording import load_catalogue  # imported late: it brings pandas along

    tables = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    shared = load_catalogue().texts[language]
    return Words(language, dict(flatten({name: shared[name] for name in SHARED}) + flatten(tables)))
