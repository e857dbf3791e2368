"""The leak guard of models trained from events: what knows the outcome, and what times prove.

Two proofs. Where every row a family reads says when it was known, the frame is built again from a store that
holds nothing later: a column that differs has read the future. Where rows were back-filled nobody recorded
when they were known, a ticket written after the customer had left may stand in the past, and rules (1) to (3)
of ``training.leaks`` speak instead. Orders are their own past: they cannot know what comes.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from contracts.events import TABLES, Name
from contracts.feature_frame import INDEX, Feature, FeatureFrame, FeatureList
from contracts.settings import Settings
from features.engine import Events, Table, read_frame, when
from features.families import find_families
from features.frame import build_frame
from features.snapshot import take_snapshot
from features.versions import CONSENT, find_attributes
from features.wording.catalogue import load_catalogue
from training.leaks import LeakReport, Suspicion, judge_column
from training.models.columns import BTYD_FEATURES

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

ORDERS = TABLES["orders"].name
CUSTOMER = INDEX[1]
CLOSE = 2e-9
UNDATED = "Its rows are back-filled: nobody recorded when they were known."
PROVEN = "Its rows say when they were known: no stop."
ALLOWED = "Allowed by name."


def guard_events(
    past: FeatureFrame, churned: Floats, in_play: Mask, proven: frozenset[str], allowed: Collection[str]
) -> LeakReport:
    """Return what rules (1) to (3) say of a frame's features among the customers in play.

    Lapsed customers are left out because their recency decides the outcome honestly. A rule that fires on a
    family of ``proven``, or on a feature of ``allowed``, is a remark. Names are looked at (rule 3) where they
    come from the company: Fedele's own mean what the glossary says.

    Args:
        past: (n) rows, those of all cutoffs together.
        churned: (n,) 0 or 1.
        in_play: (n,) which rows count.
        proven: families whose rows carry real times (``find_proven_families``).
        allowed: features (or attributes by the company's own name) that people vouch for.

    Returns:
        Suspicions by the names of features; nothing but a remark where one label is absent in play.
    """
    label = churned[in_play]
    if not label.any() or label.all():
        return LeakReport((), ("Leak guard: the customers in play all have one label, nothing to judge.",))
    values, ours = past.values.loc[in_play], frozenset(load_catalogue().keys)
    fired: list[Suspicion] = []
    remarks: list[str] = []
    strength = []
    for feature in past.features:
        verdict = judge_column(feature.name, values[feature.name], label, feature.name not in ours)
        strength.append((feature.name, verdict.alone))
        remarks += verdict.remarks
        why = _excuse(feature, proven, allowed)
        if why:
            remarks += [f"{each.text} {why}" for each in verdict.fired]
        else:
            fired += [replace(each, text=f"{each.text} {UNDATED}") for each in verdict.fired]
    return LeakReport(tuple(fired), tuple(remarks), tuple(strength))


def find_proven_families(events: Events, as_of: datetime) -> frozenset[str]:
    """Return the families without a back-filled row before ``as_of``, and those that need orders only.

    What BTYD appends is made of orders.
    """
    unsure = {name for name in events.loaded if name != ORDERS and _has_backfilled(events, name, as_of)}
    proven = {family.name for family in find_families() if not unsure & set(family.needs)}
    return frozenset(proven | {BTYD_FEATURES[0].family})


def prove_by_rebuilding(
    events: Events, settings: Settings, cutoff: datetime, frame: FeatureFrame
) -> tuple[str, ...]:
    """Return the features of ``frame`` that come out otherwise from a store without later facts.

    The store is copied without every row that occurred or was recorded at or after ``cutoff``, and without
    what the rows left in it came to know later: dated states at or after it, undated ones of a later load
    (but static attributes and consent). The rows of ``frame`` at ``cutoff`` are compared with the same
    customers there; a customer who is not there differs in every feature. Columns of models (``btyd``) are
    not rebuilt.
    """
    here = frame.rows((frame.index[INDEX[0]] == cutoff).to_numpy())
    names = {family.name for family in find_families()}
    features = FeatureList(tuple(feature for feature in frame.features if feature.family in names))
    before = _cut_off(events, settings, cutoff)
    again = build_frame(take_snapshot(before, cutoff, settings), features)
    rebuilt = again.values.set_axis(again.index[CUSTOMER]).reindex(here.index[CUSTOMER])
    gone = ~here.index[CUSTOMER].isin(again.index[CUSTOMER]).to_numpy()
    return tuple(
        name
        for name in features.names
        if (gone | _differ(here.values[name], rebuilt[name].reset_index(drop=True))).any()
    )


def describe(report: LeakReport, differing: Collection[str] = ()) -> tuple[str, ...]:
    """Return the gate's reasons, with the next step: what stops, and what a rebuilt frame has otherwise.

    Examples:
        >>> describe(LeakReport(), ("trend.orders_30d",))
        ("Column 'trend.orders_30d' reads facts from after its cutoff: report it, it is a fault of Fedele.",)
    """
    stops = [
        f"{each.text} Load them with --recorded-at, leave them out, or vouch for {each.column!r} in "
        "[training] allowed_columns."
        for each in report.suspicious
    ]
    return (
        *stops,
        *(
            f"Column {name!r} reads facts from after its cutoff: report it, it is a fault of Fedele."
            for name in differing
        ),
    )


def _excuse(feature: Feature, proven: frozenset[str], allowed: Collection[str]) -> str:
    if feature.name in allowed or (feature.label and feature.label in allowed):
        return ALLOWED
    return PROVEN if feature.family in proven else ""


def _has_backfilled(events: Events, name: str, as_of: datetime) -> bool:
    rows, cutoff = events.tables[name], events.table_of(as_of=[as_of])
    early = cutoff.join(rows.filter(rows.backfilled), [rows.occurred_at < cutoff.as_of])
    return bool(read_frame(early.agg(rows=early.count())).to_pylist()[0]["rows"])


def _cut_off(events: Events, settings: Settings, cutoff: datetime) -> Events:
    """Return the tables as copies that hold nothing of the time from ``cutoff`` on."""
    instant = events.table_of(as_of=[cutoff])
    static = frozenset(settings.history.static_attributes)
    tables = {name: _truncate(events.tables[name], name, instant, static) for name in TABLES}
    return replace(events, tables=tables)


def _truncate(rows: Table, name: str, instant: Table, static: frozenset[str]) -> Table:
    contract = TABLES[name]
    early = instant.join(
        rows, [rows[Name.OCCURRED_AT] < instant.as_of, rows[Name.RECORDED_AT] < instant.as_of]
    )
    undated = {column.name for column in contract.columns if column.state == "undated"}
    if name == TABLES["customers"].name:
        undated |= set(find_attributes(rows))
    late = early.backfilled & (early.loaded_at >= early.as_of)
    cut = {
        column.name: when(early[column.name] < early.as_of, early[column.name])
        for column in contract.columns
        if column.state == "dated"
    }
    cut |= {column: when(~late, early[column]) for column in sorted(undated - static - {CONSENT})}
    return early.mutate(**cut).drop("as_of").cache()


def _differ(one: "pd.Series[float] | pd.Series[str]", other: "pd.Series[float] | pd.Series[str]") -> Mask:
    """Return which values (n,) differ; missing equals missing, numbers to the last rounded decimal."""
    both = one.isna().to_numpy() & other.isna().to_numpy()
    if one.dtype != object and other.dtype != object:
        numbers = one.to_numpy(dtype=np.float64), other.to_numpy(dtype=np.float64)
        same = both | np.isclose(*numbers, rtol=CLOSE, atol=CLOSE)
    else:
        same = both | (one.to_numpy(dtype=object) == other.to_numpy(dtype=object))
    return np.asarray(~same, dtype=np.bool_)
