"""Counts and sums of whole lists, remembered: a generation changes only when somebody is withdrawn."""

from dataclasses import dataclass
from math import fsum
from weakref import WeakKeyDictionary

from serving.store.generations import ScoreStore
from serving.store.rows import GenerationInfo, Selection

_MOST_REMEMBERED = 500


@dataclass(frozen=True)
class Totals:
    """What is expected of the first customers of a list: how many leave, and the money lost with them."""

    customers: int
    leavers: float
    money: float


class Figures:
    """The remembered figures of every open store."""

    def __init__(self) -> None:
        self._counts: WeakKeyDictionary[ScoreStore, dict[object, int]] = WeakKeyDictionary()
        self._totals: WeakKeyDictionary[ScoreStore, dict[object, Totals]] = WeakKeyDictionary()

    def count(self, store: ScoreStore, selection: Selection, info: GenerationInfo) -> int:
        """Return how many customers a list holds, whatever its order."""
        known = self._counts.setdefault(store, {})
        key = (info.generation, info.sequence, info.scored, selection.segment, selection.band, selection.kind)
        if key not in known:
            _make_room(known)
            known[key] = store.count(selection, info)
        return known[key]

    def totals(self, store: ScoreStore, selection: Selection, info: GenerationInfo, contacts: int) -> Totals:
        """Return the sums over the first ``contacts`` customers of a list, or all where there are fewer."""
        known = self._totals.setdefault(store, {})
        key = (info.generation, info.sequence, info.scored, selection, contacts)
        if key not in known:
            _make_room(known)
            rows = store.page(selection, "en", contacts, None, info)
            known[key] = Totals(
                len(rows),
                fsum(row.churn_probability or 0.0 for row in rows),
                fsum(row.value_at_risk or 0.0 for row in rows),
            )
        return known[key]


def _make_room(known: dict[object, int] | dict[object, Totals]) -> None:
    if len(known) >= _MOST_REMEMBERED:
        known.clear()
