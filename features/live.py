"""The features of a few customers from their own rows: the expressions of the frame, become steps once.

What depends on the whole company (which tables hold facts, the usual fee) is given, because the rows at hand
are those of a few customers only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from contracts.feature_frame import INDEX, Feature, FeatureFrame, FeatureList
from contracts.settings import Settings
from contracts.voice import READING
from features.answered import choose_answers, find_lots, find_ratings
from features.direct.cells import to_micros
from features.direct.groups import Column
from features.direct.plan import Answer, Plan
from features.economics import find_economics
from features.engine import KEY, Engine, Table, Value, at_instant, later_of, read_frame
from features.families import Family, find_families
from features.families.family import short_name
from features.frame import check_type, place_columns
from features.population import SCORED, find_population
from features.snapshot import Crowd, Snapshot, take_snapshot
from features.spoken import TEXT
from features.versions import find_consent

Columns: TypeAlias = Mapping[str, Column]
"""A few rows by column, cells as ``features.direct.cells`` has them."""

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MEMORY = "256MB"
FEES, TELLING = "company_fees", "telling_sources"
_ZEROS = {family.name: family.zeros for family in find_families()}


@dataclass(frozen=True)
class Company:
    """What holds for everybody, whoever is asked for.

    ``since`` says from when on (exclusive) each table holds known facts, None: never; ``crowd`` is what
    features ask of all customers together.
    """

    since: Mapping[str, datetime | None]
    crowd: Crowd

    def knows(self, table: str, as_of: datetime) -> bool:
        """Return whether any row of a table is known at ``as_of``."""
        first = self.since.get(table)
        return first is not None and first < as_of

    def learn(self, tables: Iterable[str], as_of: datetime) -> "Company":
        """Return what is known of the company, with the tables that new facts are the first of."""
        just_before = as_of - timedelta(microseconds=1)
        new = {table: just_before for table in tables if not self.knows(table, as_of)}
        return replace(self, since={**self.since, **new})


@dataclass(frozen=True)
class LiveFacts:
    """What is known of the customers asked for: ``status`` by id (``scored`` or why not), frames by list.

    ``answers`` are those of ``features.answered``.
    """

    status: dict[str, str]
    frames: dict[str, FeatureFrame]
    economics: pd.DataFrame
    answers: pd.DataFrame


@dataclass(frozen=True, eq=False)
class _FewCustomers(Snapshot):
    """The snapshot of whoever is asked for: what depends on the whole company is given with the rows."""

    @cached_property
    def given_fees(self) -> Table:
        """One row: as_of, usual_fee."""
        return self._make(FEES, {"as_of": pa.timestamp("us"), "usual_fee": pa.float64()})

    @cached_property
    def telling_sources(self) -> Table:
        """A row for each source that tells when a ticket was solved."""
        return self._make(TELLING, {"source": pa.string()})

    def is_telling(self, tickets: Table) -> Value:
        """Return whether the company's tickets of each source tell: those at hand are a few of them."""
        return tickets.source.isin(self.telling_sources.source)

    @property
    def refusals(self) -> Table:
        """Who refuses profiling: as_of, customer_id."""
        return find_consent(
            self.events.tables["customers"], self.cutoffs.mutate(consent_as_of=self.cutoffs.as_of)
        )

    def keep(self, name: str, expression: Table) -> Table:
        """Return the expression: a plan computes once what several share."""
        del name
        return expression

    def _make(self, name: str, columns: Mapping[str, pa.DataType]) -> Table:
        rows = pa.schema(columns.items()).empty_table()
        table: Table = self.events.backend.create_table(name, obj=rows, temp=True)
        return table


def find_company(snapshot: Snapshot, crowd: Crowd) -> Company:
    """Return what holds for everybody at the snapshot's only ``as_of``, and which tables fill later."""
    (as_of,) = snapshot.as_of
    since = {}
    for name, table in snapshot.events.tables.items():
        known = later_of(table.occurred_at, table.recorded_at)
        rows = table.filter(~table.removed)
        if name not in crowd.seen:
            rows = rows.filter(known >= at_instant(as_of))
        (first,) = read_frame(rows.agg(first=known.min())).to_pylist()
        since[name] = None if first["first"] is None else first["first"].replace(tzinfo=UTC)
    return Company(since, crowd)


class LiveFeatures:
    """Builds frames of a few customers. Compiling takes a second, a frame milliseconds.

    Args:
        tables: an Arrow schema per event table, as ``Events.tables`` has them.
        features: the lists wanted, by kind of customer.
        settings: the workspace's.
        lapsed_after_days: the silence that makes a shopper lapsed, as in ``build_frame``.
    """

    def __init__(
        self,
        tables: Mapping[str, pa.Schema],
        features: Mapping[str, FeatureList],
        settings: Settings,
        lapsed_after_days: int | None,
    ) -> None:
        self._features = dict(features)
        empty = {name: schema.empty_table() for name, schema in tables.items()}
        events = Engine(threads=1, memory_limit=MEMORY).open_frames(empty)
        events = events.with_readings(pd.DataFrame(columns=[TEXT, *(each.name for each in READING)]))
        snapshot = _FewCustomers(events, take_snapshot(events, EPOCH, settings).as_of, settings)
        assert events.readings is not None
        self._cutoffs, self._readings = _find_name(snapshot.cutoffs), _find_name(events.readings)
        self._spoken = tuple(events.readings.columns)
        self._plan = Plan(_ask(snapshot, self._features, lapsed_after_days))
        events.backend.disconnect()

    def build(
        self, rows: Mapping[str, Columns], readings: Columns | None, as_of: datetime, company: Company
    ) -> LiveFacts:
        """Return the frames of the customers whose event rows these are, as known at ``as_of``.

        ``readings`` are those of ``spoken.read_all`` for these customers. Cells are those of
        ``features.direct``. The numbers are those of ``build_frame`` over the whole company's rows.
        """
        found = self._plan.compute(self._gather(rows, readings, as_of, company))
        everyone = found["everyone"].list()
        scored = [row for row in everyone if row["status"] == SCORED]
        seen = {
            family.name
            for family in find_families()
            if any(company.knows(table, as_of) for table in family.needs)
        }
        frames = {
            kind: self._build_frame(kind, scored, found, (as_of, seen))
            for kind in self._features
            if any(row["kind"] == kind for row in scored)
        }
        answers = choose_answers(found["ratings"].list(), found["lots"].list())
        costs = dict(found["economics"].columns)
        costs.pop(KEY[0])
        economics = pd.DataFrame(costs).set_index(KEY[1]).astype(np.float64)
        return LiveFacts({row[KEY[1]]: row["status"] for row in everyone}, frames, economics, answers)

    def _gather(
        self, rows: Mapping[str, Columns], readings: Columns | None, as_of: datetime, company: Company
    ) -> dict[str, Columns]:
        instant, crowd = to_micros(as_of), company.crowd
        fee = [] if crowd.usual_fee is None else [crowd.usual_fee]
        return {
            **rows,
            self._cutoffs: {KEY[0]: [instant]},
            self._readings: _find_said(readings, self._spoken),
            FEES: {KEY[0]: [instant] * len(fee), "usual_fee": fee},
            TELLING: {"source": sorted(crowd.telling)},
        }

    def _build_frame(
        self,
        kind: str,
        scored: list[dict[str, Any]],
        found: Mapping[str, Answer],
        known: tuple[datetime, set[str]],
    ) -> FeatureFrame:
        (as_of, seen), features = known, self._features[kind]
        places = [at for at, row in enumerate(scored) if row["kind"] == kind]
        index = pd.DataFrame({name: [scored[at][name] for at in places] for name in INDEX[1:]})
        index.insert(0, KEY[0], pd.DatetimeIndex([as_of] * len(places), tz=UTC))
        cells = {
            each: _read_cells(each, found[each.family] if each.family in seen else None, places)
            for each in features
        }
        unseen = tuple(name for name in features.families if name not in seen)
        return FeatureFrame(index, _to_values(cells, len(places)), features, unseen)


def _ask(
    snapshot: Snapshot, lists: Mapping[str, FeatureList], lapsed_after_days: int | None
) -> dict[str, Table]:
    """Return what is asked of the rows of a few customers, by name.

    Raises:
        ContractError: a feature has another type in the store than in its list.
    """
    population = find_population(snapshot, lapsed_after_days)
    scored = population.filter(population.status == SCORED).select(*INDEX)
    recent_days = snapshot.settings.satisfaction.recent_days
    asked: dict[str, Table] = {
        "everyone": population.order_by(KEY),
        "economics": find_economics(snapshot),
        "ratings": find_ratings(snapshot, recent_days),
        "lots": find_lots(snapshot, recent_days),
    }
    for family, features in _find_wanted(lists).items():
        asked[family.name] = place_columns(snapshot, family, features, scored)
        for each in features:
            name = short_name(each)
            if name in asked[family.name].columns:
                check_type(each, is_text=asked[family.name][name].type().is_string())
    return asked


def _find_wanted(lists: Mapping[str, FeatureList]) -> dict[Family, tuple[Feature, ...]]:
    wanted: dict[Family, tuple[Feature, ...]] = {}
    for family in find_families():
        own = {each.name: each for features in lists.values() for each in features}
        named = tuple(each for each in own.values() if each.family == family.name)
        if named:
            wanted[family] = named
    return wanted


def _read_cells(feature: Feature, found: Answer | None, places: list[int]) -> Column:
    """Return a feature at some places of its family's rows; missing in each where nothing is known."""
    name = short_name(feature)
    column = None if found is None else found.columns.get(name)
    if column is None:
        return [None] * len(places)
    zero = 0.0 if name in _ZEROS[feature.family] else None
    return [zero if column[at] is None else column[at] for at in places]


def _to_values(cells: Mapping[Feature, Column], rows: int) -> pd.DataFrame:
    """Return the values of a frame; numbers are made together, one by one they cost more than the plan."""
    numeric = {each.name: column for each, column in cells.items() if each.dtype == "float64"}
    matrix = np.array(list(numeric.values()), dtype=np.float64).reshape(len(numeric), rows).T
    values = pd.DataFrame(matrix, columns=list(numeric))
    for place, (each, column) in enumerate(cells.items()):
        if each.dtype != "float64":
            values.insert(place, each.name, pd.Series(column, dtype=object))
    return values


def _find_said(readings: Columns | None, names: Sequence[str]) -> dict[str, Column]:
    """Return each different reading once: two customers may have written the same."""
    if readings is None:
        return {name: [] for name in names}
    rows = dict.fromkeys(zip(*(readings[name] for name in names), strict=True))
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _find_name(table: Table) -> str:
    name: str = table.op().name
    return name
