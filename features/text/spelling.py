"""Topics by how words begin: what an embedding blurs ("invoice", "bolletta") is told by its letters.

A text is the beginnings of its words, the rare ones counting most, brought to unit length; ridge regression
on the prototypes weighs them. Of a text without a word that it has met it says nothing.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from features.text.heads import Floats, Ints, find_slope, find_unseen

LETTERS = (3, 4, 5, 6)
MET = 2
"""How many prototypes a beginning needs to be in, so that it is no accident of one."""

RIDGE = 0.5
TOLERANCE = 1e-8

TEMPER = 0.7
"""Both say much the same of easy texts: together they are less sure than their sum."""

HUNDREDTHS = 100
DIGITS = 3
_WORDS = re.compile(r"[^\W_]+")
_MASKS = re.compile(r"\[(?:email|iban|card|phone)\]")


@dataclass(frozen=True, eq=False)
class Spelling:
    """Log-odds of ``classes`` (k) from known ``beginnings`` (n): ``rarity`` (n) and ``weights`` (n, k)."""

    classes: tuple[str, ...]
    beginnings: Mapping[str, int]
    rarity: Floats
    weights: Floats

    def read(self, texts: Sequence[str]) -> Floats:
        """Return log-odds of each class (n, k), all 0 for a text of unknown words."""
        words: dict[str, int] = {}
        spoken = [
            (row, words.setdefault(word, len(words)))
            for row, text in enumerate(texts)
            for word in split_words(text)
        ]
        # Word by word in their order, so that a text reads the same whatever stands beside it.
        summed = _add(spoken, len(texts), self._weigh(list(words)))
        length = np.sqrt(summed[:, -1:])
        read: Floats = summed[:, :-1] / np.where(length > 0, length, 1)
        return read

    def _weigh(self, words: Sequence[str]) -> Floats:
        """Return what each word says of each class and, in the last column, its squared length."""
        known = [
            (row, self.beginnings[each])
            for row, word in enumerate(words)
            for each in find_beginnings(word)
            if each in self.beginnings
        ]
        return _add(known, len(words), self._values)

    @cached_property
    def _values(self) -> Floats:
        rarity = self.rarity[:, None]
        return np.hstack([rarity * self.weights, rarity**2])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: weights in whole hundredths."""
        return {
            "classes": list(self.classes),
            "beginnings": list(self.beginnings),
            "rarity": np.round(self.rarity, DIGITS).tolist(),
            "weights": np.round(HUNDREDTHS * self.weights).astype(int).tolist(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Spelling":
        """Return what ``to_dict`` told."""
        places = {each: place for place, each in enumerate(data["beginnings"])}
        weights = np.array(data["weights"], dtype=np.float64) / HUNDREDTHS
        return cls(tuple(data["classes"]), places, np.array(data["rarity"]), weights)


def fit_spelling(texts: Sequence[str], labels: Sequence[str], rows: Ints) -> Spelling:
    """Return what ``texts`` of ``labels`` teach; entries of one row are held out together.

    Each text has its label and the number of its row: the same said in other languages has the same.
    """
    classes = tuple(dict.fromkeys(labels))
    truth = np.array([classes.index(label) for label in labels])
    places, rarity = _collect(texts)
    matrix = _count(texts, places, rarity)
    told = np.eye(len(classes))[truth]
    told -= told.mean(axis=0)
    unseen = find_unseen(rows, lambda seen, held: matrix[held] @ _regress(matrix[seen], told[seen]))
    weights = find_slope(unseen, truth) * _regress(matrix, told)
    # As the package keeps them, so that what is fitted here and what is shipped are the same.
    return Spelling(classes, places, np.round(rarity, DIGITS), np.round(weights * HUNDREDTHS) / HUNDREDTHS)


def join(shares: Floats, spelled: Floats) -> Floats:
    """Return probabilities (n, k) from those of an embedding and the log-odds of letters.

    Examples:
        >>> join(np.array([[0.5, 0.5]]), np.array([[1.0, -1.0]])).round(3)
        array([[0.802, 0.198]])
    """
    odds = TEMPER * (np.log(shares + 1e-12) + spelled)
    raised = np.exp(odds - odds.max(axis=1, keepdims=True))
    joined: Floats = raised / raised.sum(axis=1, keepdims=True)
    return joined


def split_words(text: str) -> list[str]:
    """Return the words of a text in small letters without accents; what masking put in is none.

    Examples:
        >>> split_words("Perché la BOLLETTA? Scrivo a [email]")
        ['perche', 'la', 'bolletta', 'scrivo', 'a']
    """
    bare = _MASKS.sub(" ", text).casefold()
    if not bare.isascii():
        bare = "".join(
            sign for sign in unicodedata.normalize("NFKD", bare) if not unicodedata.combining(sign)
        )
    return _WORDS.findall(bare)


def find_beginnings(word: str) -> list[str]:
    """Return how a word begins, and the word itself with its end.

    Examples:
        >>> find_beginnings("paid")
        ['pai', 'paid', 'paid.']
    """
    return [*(word[:length] for length in LETTERS if len(word) >= length), f"{word}."]


def _collect(texts: Sequence[str]) -> tuple[dict[str, int], Floats]:
    """Return the beginnings met often enough with their places, and how rare each is."""
    met: dict[str, int] = {}
    for text in texts:
        for beginning in dict.fromkeys(_list_beginnings(text)):
            met[beginning] = met.get(beginning, 0) + 1
    often = {beginning: count for beginning, count in met.items() if count >= MET}
    rarity = np.log((1 + len(texts)) / (1 + np.array(list(often.values()), dtype=np.float64)))
    return {beginning: place for place, beginning in enumerate(often)}, rarity


def _count(texts: Sequence[str], places: Mapping[str, int], rarity: Floats) -> Any:
    """Return a sparse matrix of texts by beginnings, as ``Spelling.read`` weighs them."""
    from scipy import sparse

    entries = [
        (row, places[each])
        for row, text in enumerate(texts)
        for each in _list_beginnings(text)
        if each in places
    ]
    rows, columns = np.array(entries).reshape(-1, 2).T
    squares = np.bincount(rows, rarity[columns] ** 2, len(texts))
    length = np.sqrt(np.where(squares > 0, squares, 1))
    values = rarity[columns] / length[rows]
    return sparse.csr_matrix((values, (rows, columns)), shape=(len(texts), len(places)))


def _regress(matrix: Any, told: Floats) -> Floats:
    from sklearn.linear_model import Ridge

    # Conjugate gradients: the matrix is sparse, and thousands of texts by thousands of beginnings.
    ridge = Ridge(alpha=RIDGE, fit_intercept=False, solver="sparse_cg", tol=TOLERANCE)
    weights: Floats = ridge.fit(matrix, told).coef_.T
    return weights


def _add(pairs: Sequence[tuple[int, int]], count: int, values: Floats) -> Floats:
    """Return ``count`` rows: each the sum of the rows of ``values`` that it is paired with."""
    rows, places = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    summed = np.zeros((count, values.shape[1]))
    np.add.at(summed, rows, values[places])
    return summed


def _list_beginnings(text: str) -> Iterator[str]:
    for word in split_words(text):
        yield from find_beginnings(word)
