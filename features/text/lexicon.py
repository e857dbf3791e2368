"""What single words say of the mood: in languages that an embedding knows less well they say what it misses.

A text's tone is the sum of its good less its bad words over the square root of their number. A word after a
denial ("not", "mai", "ohne") counts the other way.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from contracts.voice import UNDETERMINED
from features.text.bank import LANGUAGES
from features.text.spelling import split_words

TONES = {"good": 1, "bad": -1}
REACH = 3
"""So many words after a denial are denied."""

LONGEST = 3
"""Words of the longest expression."""


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Tones (1 good, -1 bad) and denials (0) of whole expressions and of ``beginnings``."""

    whole: Mapping[str, int]
    beginnings: Mapping[str, int]

    @cached_property
    def openers(self) -> frozenset[str]:
        """First words of what has more than one."""
        return frozenset(entry.split()[0] for entry in (*self.whole, *self.beginnings) if " " in entry)

    def weigh(self, words: Sequence[str], met: dict[str, int | None]) -> float:
        """Return the tone of a text of ``words``, 0 without a known one; ``met`` remembers look-ups."""
        tones: list[int] = []
        place, denied_until = 0, 0
        for start, word in enumerate(words):
            # Most words say nothing and open nothing.
            if start < place or (word not in self.openers and met.get(word, 0) is None):
                continue
            length, tone = self._match(words, start, met)
            place = start + length
            if tone == 0:
                denied_until = place + REACH
            elif tone is not None:
                tones.append(-tone if start < denied_until else tone)
        return sum(tones) / len(tones) ** 0.5 if tones else 0.0

    def _match(self, words: Sequence[str], place: int, met: dict[str, int | None]) -> tuple[int, int | None]:
        """Return words and tone of the longest known expression that begins at ``place``."""
        longest = LONGEST if words[place] in self.openers else 1
        for length in range(min(longest, len(words) - place), 0, -1):
            expression = " ".join(words[place : place + length])
            if expression not in met:
                met[expression] = self.find(expression)
            if met[expression] is not None:
                return length, met[expression]
        return 1, None

    def find(self, expression: str) -> int | None:
        """Return the tone of an expression, 0 for a denial, None for neither."""
        if expression in self.whole:
            return self.whole[expression]
        # An ending is that of the last word.
        shortest = expression.rfind(" ") + 2
        for end in range(len(expression), shortest - 1, -1):
            if expression[:end] in self.beginnings:
                return self.beginnings[expression[:end]]
        return None


def weigh_words(texts: Sequence[str], languages: Sequence[str]) -> NDArray[np.float64]:
    """Return the tone of each text (n), 0 where its language has no lexicon.

    A text of undetermined language is looked up in all, but for what two of them take differently.

    Examples:
        >>> weigh_words(["Che meraviglia!", "not good", "der Tisch"], ["it", "en", "de"]).tolist()
        [1.0, -1.0, 0.0]
    """
    met: dict[str, dict[str, int | None]] = {}
    tones = [
        load_lexicon(language).weigh(split_words(text), met.setdefault(language, {}))
        if language in (*LANGUAGES, UNDETERMINED)
        else 0.0
        for text, language in zip(texts, languages, strict=True)
    ]
    return np.array(tones, dtype=np.float64)


@cache
def load_lexicon(language: str) -> Lexicon:
    """Return the lexicon of a language of the prototypes, or for ``und`` what all of them agree on."""
    spoken = LANGUAGES if language == UNDETERMINED else (language,)
    tones: dict[str, set[int]] = {}
    for each in spoken:
        for name, entries in _read(each).items():
            for entry in entries:
                tones.setdefault(entry, set()).add(TONES.get(name, 0))
    agreed = {entry: min(found) for entry, found in tones.items() if len(found) == 1}
    return Lexicon(
        {entry: tone for entry, tone in agreed.items() if not entry.endswith("*")},
        {entry[:-1]: tone for entry, tone in agreed.items() if entry.endswith("*")},
    )


def _read(language: str) -> dict[str, list[str]]:
    file = files("features.text").joinpath("lexica", f"{language}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))
