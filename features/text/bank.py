"""The prototype sentences that teach the heads: a few rows per class, each in every language of ours."""

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

LANGUAGES = ("en", "it", "es", "fr", "de", "pt")
"""Languages of the prototypes, in the order of a row."""

FILES = tuple(
    f"{name}.toml"
    for name in (
        *("topics", "narratives", "phrases", "contrasts", "moods", "verdicts", "intents", "words"),
        *("episodes", "everyday", "remarks", "vocabulary"),
    )
)


@dataclass(frozen=True)
class Prototype:
    """A sentence of class ``mood`` in ``section``; equal ``row`` means the same said in other languages.

    The mood ``told`` is none: such a sentence teaches topics alone.
    """

    section: str
    mood: str
    language: str
    row: int
    text: str


@cache
def load_prototypes() -> tuple[Prototype, ...]:
    """Return every prototype, in the order of the files.

    Examples:
        >>> first = load_prototypes()[0]
        >>> first.section, first.mood, first.language, first.row
        ('delivery', 'good', 'en', 0)
    """
    rows = [
        (section, mood, row)
        for name in FILES
        for section, moods in tomllib.loads(_read(name)).items()
        for mood, rows in moods.items()
        for row in rows
    ]
    return tuple(
        Prototype(section, mood, language, place, text)
        for place, (section, mood, row) in enumerate(rows)
        for language, text in zip(LANGUAGES, row, strict=True)
    )


@cache
def digest_prototypes() -> str:
    """Return the SHA-256 of the files, in hexadecimal: heads fitted on others are not these."""
    return hashlib.sha256("\n".join(map(_read, FILES)).encode()).hexdigest()


def _read(name: str) -> str:
    return files("features.text").joinpath("prototypes", name).read_text(encoding="utf-8")
