"""Names fit for columns, made from what companies call their channels, touchpoints and attributes."""

import re
import unicodedata
from collections.abc import Iterable

_OTHER = re.compile(r"[^a-z0-9]+")
LONGEST = 40


def slug_of(text: str) -> str:
    """Return ``text`` in ``[a-z0-9_]``, accents taken off; ``unnamed`` where nothing is left.

    Examples:
        >>> slug_of("Qualità (voto)"), slug_of("delivery.late"), slug_of("***")
        ('qualita_voto', 'delivery_late', 'unnamed')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _OTHER.sub("_", plain).strip("_")[:LONGEST].rstrip("_") or "unnamed"


def slugs_of(texts: Iterable[str]) -> dict[str, str]:
    """Return a different slug for each text, by text; equal slugs are numbered in the order of their texts.

    Examples:
        >>> slugs_of(["Web", "web", "store"])
        {'Web': 'web', 'store': 'store', 'web': 'web_2'}
    """
    slugs: dict[str, str] = {}
    taken: set[str] = set()
    for text in sorted(set(texts)):
        slug, number = slug_of(text), 1
        while slug in taken:
            number += 1
            slug = f"{slug_of(text)}_{number}"
        slugs[text] = slug
        taken.add(slug)
    return slugs
