"""The page's own words: one TOML file a language, the same keys in both."""

import tomllib
from functools import cache
from importlib.resources import files

from contracts.scores import Language
from contracts.words import Words, flatten

SHARED = ("families", "notes", "not_scored", "segments")
"""Sections that every other answer of Fedele uses too: they come from ``features.wording``."""


@cache
def load_words(language: Language) -> Words:
    """Return the words of a language, read once.

    Examples:
        >>> load_words("it")("remarks.title")
        'Note dell’addestramento'
    """
    from features.wording import load_catalogue  # imported late: it brings pandas along

    text = files("training.page").joinpath(f"{language}.toml").read_text(encoding="utf-8")
    shared = load_catalogue().texts[language]
    return Words(
        language, dict(flatten({name: shared[name] for name in SHARED}) + flatten(tomllib.loads(text)))
    )
