"""Texts of one language called by key, as pages say them; plurals by Babel's rules."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from contracts.numbers import LOCALES, whole
from contracts.scores import Language


class Words:
    """The texts of one language, called by key.

    Examples:
        >>> said = Words("it", {"list.title": "Clienti", "n.one": "{n} cliente", "n.other": "{n} clienti"})
        >>> said("list.title"), said.count("n", 1), said.count("n", 1284)
        ('Clienti', '1 cliente', '1.284 clienti')
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


def flatten(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return the texts of nested tables with dotted keys.

    Examples:
        >>> flatten({"list": {"title": "Customers"}})
        [('list.title', 'Customers')]
    """
    pairs: list[tuple[str, str]] = []
    for name, value in table.items():
        key = f"{prefix}{name}"
        pairs += [(key, value)] if isinstance(value, str) else flatten(value, f"{key}.")
    return pairs
