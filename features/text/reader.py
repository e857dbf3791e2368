"""The reader: texts in, what they say out, each a pure function of its own text."""

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contracts.voice import HEADS, OTHER, READING, UNNAMED
from features.text.cache import TextCache, hash_texts
from features.text.embedder import DEFAULT, Embedder, open_embedder
from features.text.heads import Floats
from features.text.language import describe_detection, find_languages
from features.text.lexicon import weigh_words
from features.text.links import drop_links
from features.text.masking import mask
from features.text.sentences import split_sentences
from features.text.signs import weigh_signs
from features.text.spelling import Spelling, join
from features.text.teaching import Heads, open_heads, open_spelling

Progress = Callable[[int, int], None]

FLOORS = {
    "topic": 0.25,
    "emotion": 0.4,
    "effort": 0.35,
    "leave_intent": 0.35,
    "urgency": 0.35,
    "rival": 0.4,
}
"""Confidence below which a head says ``other`` (rival: nothing)."""

SIGNS = 1.0
"""What smileys or emoji of one mood add to the mood before it is bent into -1..1."""

WORDS = 0.8
"""What a tone of 1 of the words adds to it."""

TEMPER = 0.8
"""Sentences, signs and words say much the same: together they are less sure than their sum."""

SAYS_ONCE = ("effort", "leave_intent", "urgency", "rival")
"""Heads for which one sentence of a long text is enough."""

PART = 2048
DIGITS = 6


class Reader:
    """Reads texts with one embedder; what it computed is kept in ``folder``, without one while it lives.

    ``rivals`` are names to look for; capitals and accents do not matter.
    """

    def __init__(self, embedder: Embedder, folder: Path | None = None, rivals: Sequence[str] = ()) -> None:
        self.embedder = embedder
        self.rivals = tuple(rivals)
        self._plain_rivals = [(name, f" {_simplify(name)} ") for name in rivals if _simplify(name)]
        vectors = _place(folder, embedder.name, f"{embedder.name} {embedder.version}")
        self._vectors = TextCache(vectors, "<f2", embedder.dim)
        self._languages = TextCache(_place(folder, "languages", describe_detection()), "|S3", 1)

    def read(self, texts: Sequence[object], progress: Progress | None = None) -> pd.DataFrame:
        """Return ``text``, the columns of ``READING`` and ``masked``: one row per text, in order.

        A missing or empty text has no sentiment, no class and no confidence. ``progress`` is told how
        many of how many different texts are read.
        """
        given = ["" if pd.isna(text) else str(text) for text in texts]
        distinct = list(dict.fromkeys(given))
        parts = [self._read_part([mask(text) for text in part]) for part in _part(distinct, progress)]
        place = {text: row for row, text in enumerate(distinct)}
        rows = np.array([place[text] for text in given], dtype=np.int64)
        columns = {name: np.concatenate([part[name] for part in parts])[rows] for name in parts[0]}
        names = [*(spoken.name for spoken in READING), "masked"]
        return pd.DataFrame({"text": given, **{name: columns[name] for name in names}})

    def vectors(self, texts: Sequence[str], progress: Progress | None = None) -> NDArray[np.float32]:
        """Return a unit row per text (n, dim), zeros for an empty one; of a long text its sentences' mean."""
        parts = [
            self._find_vectors([drop_links(mask(text)) for text in part]) for part in _part(texts, progress)
        ]
        return np.concatenate(parts)

    def prune(self, keep: Iterable[str]) -> int:
        """Forget what was computed from any text but those of ``keep``; return how many pieces went."""
        masked = [mask(text) for text in keep]
        pieces, _ = _split([drop_links(text) for text in masked])
        return self._vectors.prune(hash_texts(pieces)) + self._languages.prune(hash_texts(masked))

    @cached_property
    def heads(self) -> Heads:
        """The heads of the embedder."""
        return open_heads(self.embedder, self._embed)

    @cached_property
    def spelling(self) -> Spelling:
        """What the letters of a text say of its topic."""
        return open_spelling()

    def _find_vectors(self, linkless: Sequence[str]) -> NDArray[np.float32]:
        pieces, owners = _split(linkless)
        summed = np.zeros((len(linkless), self.embedder.dim))
        np.add.at(summed, owners, self._embed(pieces))
        length = np.linalg.norm(summed, axis=1, keepdims=True)
        unit: NDArray[np.float32] = (summed / np.where(length > 0, length, 1)).astype(np.float32)
        return unit

    def _read_part(self, masked: Sequence[str]) -> dict[str, NDArray[Any]]:
        linkless = [drop_links(text) for text in masked]
        pieces, owners = _split(linkless)
        vectors = self._embed(pieces)
        lengths = np.array([len(piece) for piece in pieces], dtype=np.float64)
        said = _Combination(owners, lengths, len(masked))
        columns: dict[str, NDArray[Any]] = {
            "language": self._find_languages(masked),
            "masked": np.array(masked, dtype=object),
        }
        signs = np.array([weigh_signs(text) for text in linkless], dtype=np.float64)
        tones = weigh_words(linkless, columns["language"].tolist())
        mood = TEMPER * (said.mean(self.heads.mood.read(vectors)) + SIGNS * signs + WORDS * tones)
        columns["sentiment"] = np.round(np.tanh(mood), DIGITS)
        columns["sentiment_confidence"] = np.round(1 / (1 + np.exp(-2 * np.abs(mood))), DIGITS)
        columns["sentiment_confidence"][said.empty] = 0
        for name in HEADS[1:]:
            head = self.heads.classes[name]
            told = head.read(vectors)
            if name == "topic":
                told = join(told, self.spelling.read(pieces))
            shares = said.most(told) if name in SAYS_ONCE else said.mean(told)
            columns |= _choose(name, head.classes, shares)
        columns["rival"], columns["rival_confidence"] = self._name_rivals(masked, columns)
        return columns

    def _find_languages(self, masked: Sequence[str]) -> NDArray[np.object_]:
        return _remember(self._languages, masked, _find_codes)[:, 0].astype(str).astype(object)

    def _embed(self, pieces: Sequence[str]) -> Floats:
        distinct = list(dict.fromkeys(pieces))
        rows = _remember(self._vectors, distinct, self._compute)
        place = {piece: row for row, piece in enumerate(distinct)}
        exact: Floats = rows.astype(np.float64)
        return exact[[place[piece] for piece in pieces]] if len(distinct) < len(pieces) else exact

    def _compute(self, pieces: Sequence[str]) -> NDArray[Any]:
        # Rounded as the cache rounds, so that a first and a second reading are the same.
        return self.embedder.embed(pieces).astype("<f2")

    def _name_rivals(
        self, masked: Sequence[str], columns: dict[str, NDArray[Any]]
    ) -> tuple[NDArray[np.object_], Floats]:
        names = np.array([UNNAMED if each == "yes" else None for each in columns["rival"]], dtype=object)
        sure: Floats = columns["rival_confidence"].copy()
        if self._plain_rivals:
            for row, text in enumerate(masked):
                plain = f" {_simplify(text)} "
                found = [
                    (plain.index(sought), name) for name, sought in self._plain_rivals if sought in plain
                ]
                if found:
                    names[row], sure[row] = min(found)[1], 1.0
        return names, sure


def open_reader(
    folder: Path | None = None, embedder: str = DEFAULT, threads: int = 1, rivals: Sequence[str] = ()
) -> Reader:
    """Return a reader; the model is loaded with the first text that is not in the cache of ``folder``.

    Raises:
        SettingsError: there is no such embedder, or its library is not installed.
    """
    return Reader(open_embedder(embedder, threads), folder, rivals)


class _Combination:
    """How the pieces of a text become one: weighted by their length, or the piece that says it most."""

    def __init__(self, owners: NDArray[np.int64], lengths: Floats, texts: int) -> None:
        self.owners, self.texts = owners, texts
        total = np.bincount(owners, lengths, texts)
        self.empty = total == 0
        self.weights = lengths / total[owners] if len(owners) else lengths

    def mean(self, values: Floats) -> Floats:
        """Return the weighted mean by text, NaN without pieces."""
        shape = (-1, *([1] * (values.ndim - 1)))
        summed = np.zeros((self.texts, *values.shape[1:]))
        np.add.at(summed, self.owners, values * self.weights.reshape(shape))
        summed[self.empty] = np.nan
        return summed

    def most(self, shares: Floats) -> Floats:
        """Return the largest probability of each class by text, NaN without pieces."""
        largest = np.zeros((self.texts, shares.shape[1]))
        np.maximum.at(largest, self.owners, shares)
        largest[self.empty] = np.nan
        return largest


def _choose(head: str, classes: tuple[str, ...], shares: Floats) -> dict[str, NDArray[Any]]:
    """Return the likeliest named class of each row where it reaches the floor, and how likely it is."""
    named = np.array([each != OTHER for each in classes])
    names = np.array(classes, dtype=object)[named]
    likely = np.nan_to_num(shares[:, named], nan=0.0)
    sure = np.round(likely.max(axis=1), DIGITS) if len(likely) else np.empty(0)
    best = names[likely.argmax(axis=1)] if len(likely) else np.empty(0, object)
    return {head: np.where(sure >= FLOORS[head], best, OTHER).astype(object), f"{head}_confidence": sure}


def _split(texts: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the pieces of all texts and the number of the text that each is of; blanks have none."""
    pieces: list[str] = []
    owners: list[int] = []
    for row, text in enumerate(texts):
        if stripped := text.strip():
            found = split_sentences(stripped)
            pieces += found
            owners += [row] * len(found)
    return pieces, np.array(owners, dtype=np.int64)


def _remember(
    cache: TextCache,
    texts: Sequence[str],
    compute: Callable[[Sequence[str]], NDArray[Any]],
) -> NDArray[Any]:
    """Return a row per text, from the cache where it has it, else computed and kept."""
    keys = hash_texts(texts)
    known, rows = cache.find(keys)
    missing: NDArray[np.int64] = np.flatnonzero(~known)
    if not len(missing):
        return rows
    computed = compute([texts[place] for place in missing.tolist()])
    cache.add(keys[missing], computed)
    whole = np.empty((len(texts), cache.width), cache.dtype)
    whole[known], whole[missing] = rows, computed
    return whole


def _part(texts: Sequence[str], progress: Progress | None) -> Iterator[Sequence[str]]:
    """Yield the texts in parts that fit into memory: one at least, and what was computed of each is kept."""
    for start in range(0, max(len(texts), 1), PART):
        part = texts[start : start + PART]
        yield part
        if progress is not None:
            progress(start + len(part), len(texts))


def _find_codes(texts: Sequence[str]) -> NDArray[Any]:
    return np.array(find_languages(texts), dtype="|S3").reshape(-1, 1)


def _place(folder: Path | None, name: str, made_by: str) -> Path | None:
    """Return the place of what ``made_by`` computes: another version has its own."""
    if folder is None:
        return None
    plain = "".join(sign if sign.isalnum() else "-" for sign in name.rsplit("/", 1)[-1])
    return folder / f"{plain}_{hashlib.sha256(made_by.encode()).hexdigest()[:12]}"


def _simplify(text: str) -> str:
    """Return a text in small letters without accents, its words apart by one blank."""
    bare = "".join(
        sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign)
    )
    return " ".join("".join(sign if sign.isalnum() else " " for sign in bare).split())
