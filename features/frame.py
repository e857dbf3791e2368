"""The feature frame: every family, every scored customer, every cutoff of a snapshot (design, section 5)."""

from datetime import UTC
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from contracts.errors import ContractError
from contracts.events import TABLES
from contracts.feature_frame import INDEX, Feature, FeatureFrame, FeatureList
from features.engine import KEY, Table, beside, read_frame, stacked, text
from features.families import Family, find_families
from features.families.family import short_name
from features.families.subscription import find_usual_fees
from features.population import SCORED, find_population
from features.snapshot import Crowd, Snapshot

Seen: TypeAlias = dict[str, frozenset[pd.Timestamp]]
Wanted: TypeAlias = dict[Family, tuple[Feature, ...]]


def decide_features(snapshot: Snapshot) -> FeatureList:
    """Return the features this snapshot can fill: families with data, columns with a value in some row."""
    return build_frame(snapshot).features


def build_frame(
    snapshot: Snapshot, features: FeatureList | None = None, lapsed_after_days: int | None = None
) -> FeatureFrame:
    """Return the frame of every scored customer at every cutoff, sorted by (as_of, customer_id).

    With ``features`` the frame has exactly that list: what the store has beyond it goes to ``ignored``, a
    column it cannot fill is missing in every row, and families without data at any cutoff are named in
    ``unseen_families``. Without, it has what ``decide_features`` says. Numbers are float64 rounded to nine
    decimals, categories text or None. ``lapsed_after_days`` (None: setting or percentile) decides the segment
    lapsed.

    Raises:
        ContractError: a feature of the list belongs to no family, or has another type in the store than in
        the list.
    """
    scored = _find_scored(snapshot, lapsed_after_days)
    index = _read_index(scored)
    seen = _find_seen(snapshot)
    found = {family: family.list_features(snapshot) for family in find_families() if seen[family.name]}
    if features is None:
        built = _build_families(snapshot, found, scored, index, seen)
        kept = FeatureList(tuple(feature for feature, values in built.items() if values.notna().any()))
        return FeatureFrame(index, gather(built, kept, len(index)), kept)
    _check_families(features)
    wanted = {family: tuple(each for each in features if each.family == family.name) for family in found}
    built = _build_families(
        snapshot, {family: own for family, own in wanted.items() if own}, scored, index, seen
    )
    unseen = tuple(name for name in features.families if not seen[name])
    ignored = _find_new(found, features)
    return FeatureFrame(index, gather(built, features, len(index)), features, unseen, ignored)


def _find_new(found: Wanted, features: FeatureList) -> tuple[str, ...]:
    # A fixed column that the list leaves out had no value in training: only what depends on the data is news.
    news = [
        own
        for family, own in found.items()
        if callable(family.features) or family.name not in features.families
    ]
    return tuple(sorted({feature.name for own in news for feature in own} - {*features.names}))


def _find_scored(snapshot: Snapshot, lapsed_after_days: int | None) -> Table:
    everyone = find_population(snapshot, lapsed_after_days)
    return everyone.filter(everyone.status == SCORED).select(*INDEX).cache()


def _read_index(scored: Table) -> pd.DataFrame:
    index: pd.DataFrame = read_frame(scored.order_by(KEY)).to_pandas()
    return index.assign(as_of=index.as_of.dt.tz_localize(UTC))


def find_seen_tables(snapshot: Snapshot) -> Seen:
    """Return by table at which cutoffs it held anything; ``snapshot.crowd`` knows without looking."""
    if snapshot.crowd is not None:
        every = frozenset(map(pd.Timestamp, snapshot.as_of))
        return {name: every if name in snapshot.crowd.seen else frozenset() for name in TABLES}
    names = snapshot.events.loaded or tuple(TABLES)
    marked = [snapshot.table(name).select(KEY[0]).distinct().mutate(table=text(name)) for name in names]
    rows = read_frame(stacked(marked)).to_pandas()
    return {name: frozenset(rows.as_of[rows.table == name].dt.tz_localize(UTC)) for name in TABLES}


def read_crowd(snapshot: Snapshot) -> Crowd:
    """Return what features ask of all customers together, at the snapshot's only ``as_of``."""
    seen = frozenset(name for name, instants in find_seen_tables(snapshot).items() if instants)
    fees = read_frame(find_usual_fees(snapshot)).to_pylist()
    tickets = snapshot.tickets
    telling = read_frame(tickets.filter(snapshot.is_telling(tickets)).select("source").distinct())
    sources = frozenset(telling.column("source").to_pylist())
    return Crowd(seen, fees[0]["usual_fee"] if fees else None, sources)


def _find_seen(snapshot: Snapshot) -> Seen:
    instants = find_seen_tables(snapshot)
    return {
        family.name: frozenset().union(*(instants[name] for name in family.needs))
        for family in find_families()
    }


def _build_families(
    snapshot: Snapshot, wanted: Wanted, scored: Table, index: pd.DataFrame, seen: Seen
) -> dict[Feature, pd.Series]:
    built: dict[Feature, pd.Series] = {}
    for family, features in wanted.items():
        rows = read_frame(place_columns(snapshot, family, features, scored))
        built |= read_columns(family, features, rows, index.as_of.isin(seen[family.name]).to_numpy())
    return built


def place_columns(snapshot: Snapshot, family: Family, features: tuple[Feature, ...], scored: Table) -> Table:
    """Return a family's columns for each of the ``scored`` (as_of, customer), in the order of a frame."""
    columns = family.build_columns(snapshot, features)
    return beside(scored.select(*KEY), columns).order_by(KEY)


def read_columns(
    family: Family, features: tuple[Feature, ...], rows: pa.Table, known: npt.NDArray[np.bool_]
) -> dict[Feature, pd.Series]:
    """Return the features of a family from the rows of ``place_columns``.

    ``known`` (n,) says where the cutoff knows any row of the tables the family needs: else it is missing.

    Raises:
        ContractError: a feature has another type in the store than in its list.
    """
    built: dict[Feature, pd.Series] = {}
    for feature in features:
        name = short_name(feature)
        values = _read_values(rows, name, feature)
        if name in family.zeros:
            values = values.mask(values.isna() & known, 0.0)
        built[feature] = values.where(known)
    return built


def _read_values(rows: pa.Table, name: str, feature: Feature) -> pd.Series:
    if name not in rows.column_names:
        return _missing(feature, rows.num_rows)
    column = rows.column(name)
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    check_type(feature, is_text=is_text)
    if is_text:
        return pd.Series(np.array(column.to_pylist(), dtype=object), dtype=object)
    return pd.Series(column.cast(pa.float64()).to_numpy())


def check_type(feature: Feature, *, is_text: bool) -> None:
    """Raise ``ContractError`` where the store holds text and the list says number, or the other way round."""
    found = "category" if is_text else "float64"
    if feature.dtype != found:
        raise ContractError(
            f"Feature {feature.name!r} is {found} in the store and {feature.dtype} in its list: "
            "load that column with its earlier type, or train again."
        )


def _missing(feature: Feature, rows: int) -> pd.Series:
    if feature.dtype == "category":
        return pd.Series([None] * rows, dtype=object)
    return pd.Series(np.full(rows, np.nan))


def _check_families(features: FeatureList) -> None:
    known = [family.name for family in find_families()]
    for feature in features:
        if feature.family not in known:
            raise ContractError(
                f"Feature {feature.name!r} is of no family built from events ({', '.join(known)}): "
                "leave it out of the list, it is appended later."
            )


def gather(built: dict[Feature, pd.Series], features: FeatureList, rows: int) -> pd.DataFrame:
    """Return the columns of a list from what was built of it, missing where nothing was."""
    columns = {feature.name: built.get(feature, _missing(feature, rows)) for feature in features}
    return pd.DataFrame(columns, index=pd.RangeIndex(rows))
