"""Who answered lately and what, and which survey requests were sent or held back by lot."""

import numpy as np
import pandas as pd

from contracts.voice import SURVEY_REQUESTS
from features.engine import KEY, Table, read_frame, shift_days
from features.nps import bands_of, to_ten
from features.snapshot import Snapshot

RELATIONAL = "nps_relational"
RATED = (RELATIONAL, "nps_transactional", "csat", "ces", "review")
"""Kinds of feedback that rate us: the state of the relationship first, then moments of it."""

BAND = "band"


def read_answers(snapshot: Snapshot, recent_days: int) -> pd.DataFrame:
    """Return what is known of the last ``recent_days`` before the snapshot's only ``as_of``.

    Indexed by customer_id, sorted; columns: ``band`` (0 detractor, 1 passive, 2 promoter) of the latest
    relational answer, else of the latest other rating; and by kind of survey request 1 where the latest one
    was sent, 0 where it was held back by lot. NaN where there is none; customers without any are absent.
    """
    answers = _choose(_read_ratings(snapshot, recent_days))
    lots = _read_lots(snapshot, recent_days)
    known = pd.concat([answers, *(lots[kind] for kind in SURVEY_REQUESTS)], axis=1)
    known.index.name = KEY[1]
    return known.sort_index().astype(np.float64)


def _recent(rows: Table, days: int) -> Table:
    return rows.filter(rows.occurred_at >= shift_days(rows.as_of, -days))


def _read_ratings(snapshot: Snapshot, recent_days: int) -> pd.DataFrame:
    said = _recent(snapshot.feedback, recent_days)
    rated = said.filter(said.kind.isin(RATED) & said.score.notnull())
    names = (KEY[1], "kind", "score", "scale_min", "scale_max", "occurred_at", "source", "row_key")
    return read_frame(rated.select(*names)).to_pandas()


def _choose(ratings: pd.DataFrame) -> "pd.Series[float]":
    numbers = (ratings[name].to_numpy(dtype=np.float64) for name in ("score", "scale_min", "scale_max"))
    bands = bands_of(to_ten(*numbers)) + 1
    ranked = ratings.assign(**{BAND: bands, "moment": ratings["kind"] != RELATIONAL})
    ranked = ranked[np.isfinite(bands)]
    order = [KEY[1], "moment", "occurred_at", "source", "row_key"]
    ranked = ranked.sort_values(order, ascending=[True, True, False, True, True])
    return ranked.drop_duplicates(KEY[1]).set_index(KEY[1])[BAND]


def _read_lots(snapshot: Snapshot, recent_days: int) -> "dict[str, pd.Series[float]]":
    made = _recent(snapshot.actions, recent_days)
    drawn = made.filter(made.kind.lower().isin(SURVEY_REQUESTS) & made.arm.notnull())
    names = (KEY[1], "occurred_at", "source", "row_key", "arm")
    rows = read_frame(drawn.select(*names, kind=drawn.kind.lower())).to_pandas()
    order = [KEY[1], "kind", "occurred_at", "source", "row_key"]
    latest = rows.sort_values(order, ascending=[True, True, False, True, True])
    latest = latest.drop_duplicates([KEY[1], "kind"]).set_index(KEY[1])
    sent = (latest["arm"] == "treated").astype(np.float64)
    return {kind: sent[latest["kind"] == kind].rename(kind) for kind in SURVEY_REQUESTS}
