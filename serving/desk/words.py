"""The desk's own words: one TOML file a language, the same keys in both; plurals by Babel's rules."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from contracts.scores import Language
from serving.desk.numbers import LOCALES, whole

SHARED = ("bands", "families", "flags", "not_scored", "notes", "segments", "strengths")
"""Sections that every other answer of Fedele uses too: they come from ``features.wording``."""
_FOLDER = Path(__file__).parent


class Words:
    """The texts of one language, called by key.

    Examples:
        >>> load_words("it")("list.title")
        'Clienti a rischio'
        >>> load_words("en").count("list.customers", 1), load_words("en").count("list.customers", 1284)
        ('1 customer', '1,284 customers')
    """

    def __init__(self, language: Language, messages: Mapping[str, str]) -> None:
        self.language = language
        self.messages = messages

    def __call__(self, key: str, **values: Any) -> str:
        """Return the text called ``key`` with its placeholders filled; ``KeyError`` when there is none."""
        return self.messages[key].format(**values)

    def count(self, key: str, number: int, **values: Any) -> str:
        """Return the singular or plural of ``key``; ``{n}`` is the number as people write it."""
        form = LOCALES[self.language].plural_form(number)
        text = self.messages.get(f"{key}.{form}", self.messages[f"{key}.other"])
        return text.format(n=whole(number, self.language), **values)

    def marked(self, key: str, **values: Any) -> Markup:
        """Return the text as HTML with its values escaped and set strong."""
        strong = {
            name: Markup("<strong>") + escape(value) + Markup("</strong>") for name, value in values.items()
        }
        return Markup(self.messages[key]).format(**strong)

    def find(self, key: str, otherwise: str) -> str:
        """Return the text called ``key``, or ``otherwise`` for a code that came after this version."""
        return self.messages.get(key, otherwise)


@cache
def load_words(language: Language) -> Words:
    """Return the words of a language, read once."""
    from features.wording import load_catalogue  # imported late: it brings pandas along

    tables = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    shared = load_catalogue().texts[language]
    return Words(language, dict(_flatten({name: shared[name] for name in SHARED}) + _flatten(tables)))


def _flatten(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in table.items():
        key = f"{prefix}{name}"
        pairs += [(key, value)] if isinstance(value, str) else _flatten(value, f"{key}.")
    return pairs
