"""Who answered lately and what, and which survey requests were sent or held back by lot."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from contracts.voice import SURVEY_REQUESTS
from features.contacts import TREATED
from features.engine import KEY, Table, read_frame, shift_days
from features.nps import bands_of, to_ten
from features.snapshot import Snapshot

RELATIONAL = "nps_relational"
RATED = (RELATIONAL, "nps_transactional", "csat", "ces", "review")
"""Kinds of feedback that rate us: the state of the relationship first, then moments of it."""

BAND, AT = "band", "occurred_at"
Rated: TypeAlias = Mapping[str, Any]


def read_answers(snapshot: Snapshot, recent_days: int) -> pd.DataFrame:
    """Return what is known of the last ``recent_days`` before the snapshot's only ``as_of``.

    Indexed by customer_id, sorted; columns: ``band`` (0 detractor, 1 passive, 2 promoter) of the latest
    relational answer, else of the latest other rating; and by kind of survey request 1 where the latest one
    was sent, 0 where it was held back by lot. NaN where there is none; customers without any are absent.
    """
    ratings, lots = find_ratings(snapshot, recent_days), find_lots(snapshot, recent_days)
    return choose_answers(read_frame(ratings).to_pylist(), read_frame(lots).to_pylist())


def choose_answers(ratings: Sequence[Rated], requests: Sequence[Rated]) -> pd.DataFrame:
    """Return the columns of ``read_answers`` from the rows of ``find_ratings`` and ``find_lots``."""
    known: dict[str, dict[str, float]] = {}
    for row, band in _find_latest(_find_bands(ratings), first="kind"):
        known.setdefault(row[KEY[1]], {})[BAND] = band
    lots = [(row, float(row["arm"] == TREATED)) for row in requests]
    for kind in SURVEY_REQUESTS:
        for row, sent in _find_latest([each for each in lots if each[0]["kind"] == kind]):
            known.setdefault(row[KEY[1]], {})[kind] = sent
    columns = (BAND, *SURVEY_REQUESTS)
    ids = sorted(known)
    cells = [[known[each].get(name, np.nan) for name in columns] for each in ids]
    matrix = np.array(cells, dtype=np.float64).reshape(len(ids), len(columns))
    return pd.DataFrame(matrix, index=pd.Index(ids, name=KEY[1], dtype="str"), columns=list(columns))


def _recent(rows: Table, days: int) -> Table:
    return rows.filter(rows.occurred_at >= shift_days(rows.as_of, -days))


def find_ratings(snapshot: Snapshot, recent_days: int) -> Table:
    """Return the answers that rate us of the last ``recent_days``."""
    said = _recent(snapshot.feedback, recent_days)
    rated = said.filter(said.kind.isin(RATED) & said.score.notnull())
    names = (KEY[1], "kind", "score", "scale_min", "scale_max", "occurred_at", "source", "row_key")
    return rated.select(*names)


def _find_bands(ratings: Sequence[Rated]) -> list[tuple[Rated, float]]:
    columns = ([row[name] for row in ratings] for name in ("score", "scale_min", "scale_max"))
    bands = bands_of(to_ten(*(np.array(column, dtype=np.float64) for column in columns))) + 1
    return [(row, band) for row, band in zip(ratings, bands.tolist(), strict=True) if np.isfinite(band)]


def _find_latest(
    valued: Sequence[tuple[Rated, float]], first: str | None = None
) -> Iterable[tuple[Rated, float]]:
    """Return each customer's latest row, then by source and key; with ``first`` relational ones go before."""
    best: dict[str, tuple[Rated, float]] = {}
    for each in sorted(valued, key=lambda each: (each[0]["source"], each[0]["row_key"]), reverse=True):
        held = best.get(each[0][KEY[1]])
        if held is None or _rank(held[0], first) <= _rank(each[0], first):
            best[each[0][KEY[1]]] = each
    return best.values()


def _rank(row: Rated, first: str | None) -> tuple[bool, Any]:
    return first is not None and row[first] == RELATIONAL, row[AT]


def find_lots(snapshot: Snapshot, recent_days: int) -> Table:
    """Return the survey requests of the last ``recent_days`` that a lot sent or held back."""
    made = _recent(snapshot.actions, recent_days)
    drawn = made.filter(made.kind.lower().isin(SURVEY_REQUESTS) & made.arm.notnull())
    names = (KEY[1], "occurred_at", "source", "row_key", "arm")
    return drawn.select(*names, kind=drawn.kind.lower())
