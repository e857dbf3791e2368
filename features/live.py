"""The features of a few customers from their own rows: the expressions of the frame, compiled to SQL once.

What depends on the whole company (which tables hold facts, the usual fee) is given, because the rows at hand
are those of a few customers only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from contracts.feature_frame import INDEX, Feature, FeatureFrame, FeatureList
from contracts.settings import Settings
from features.economics import find_economics, index_rows
from features.engine import KEY, Engine, Table, at_instant, later_of, read_frame
from features.families import Family, find_families
from features.frame import gather, place_columns, read_columns
from features.population import SCORED, find_population
from features.snapshot import Snapshot, take_snapshot
from features.versions import find_consent

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MEMORY = "256MB"


@dataclass(frozen=True)
class Company:
    """What holds for everybody, whoever is asked for.

    ``since`` says from when on (exclusive) each table holds known facts, None: never; ``fees`` and ``payers``
    are the sum of the running fees and who pays one.
    """

    since: Mapping[str, datetime | None]
    fees: Decimal = Decimal(0)
    payers: int = 0

    def knows(self, table: str, as_of: datetime) -> bool:
        """Return whether any row of a table is known at ``as_of``."""
        first = self.since.get(table)
        return first is not None and first < as_of


@dataclass(frozen=True)
class LiveFacts:
    """What is known of the customers asked for: ``status`` by id (``scored`` or why not), frames by list."""

    status: dict[str, str]
    frames: dict[str, FeatureFrame]
    economics: pd.DataFrame


@dataclass(frozen=True, eq=False)
class PreparedSnapshot(Snapshot):
    """A snapshot whose tables are computed again for each request: ``statements`` fill them, in order."""

    statements: list[tuple[str, str]] = field(default_factory=list)

    @cached_property
    def company_fees(self) -> Table:
        """One row: as_of, fees, payers."""
        rows = pa.table(
            {
                "as_of": pa.array([], pa.timestamp("us")),
                "fees": pa.array([], pa.decimal128(38, 2)),
                "payers": pa.array([], pa.int64()),
            }
        )
        table: Table = self.events.backend.create_table("company_fees", obj=rows, temp=True)
        return table

    @property
    def refusals(self) -> Table:
        """Who refuses profiling: as_of, customer_id."""
        return find_consent(
            self.events.tables["customers"], self.cutoffs.mutate(consent_as_of=self.cutoffs.as_of)
        )

    def fee_totals(self, fees: Table) -> Table:
        """Return what the company as a whole charges: the subscribers at hand are a few of it."""
        del fees
        return self.company_fees

    def keep(self, name: str, expression: Table) -> Table:
        """Return a table that each request fills anew from an expression."""
        return self._keep(name, expression)

    def _keep(self, name: str, expression: Table) -> Table:
        backend = self.events.backend
        statement, kept = backend.compile(expression), f"kept_{name}"
        backend.con.execute(f'CREATE TEMP TABLE "{kept}" AS {statement}')
        self.statements.append((kept, statement))
        table: Table = backend.table(kept)
        return table


def find_company(snapshot: Snapshot) -> Company:
    """Return what holds for everybody at the snapshot's only ``as_of``, and which tables fill later."""
    (as_of,) = snapshot.as_of
    since = {}
    for name, table in snapshot.events.tables.items():
        known = later_of(table.occurred_at, table.recorded_at)
        rows = table.filter(~table.removed)
        if not read_frame(snapshot.table(name).limit(1)).num_rows:
            rows = rows.filter(known >= at_instant(as_of))
        (first,) = read_frame(rows.agg(first=known.min())).to_pylist()
        since[name] = None if first["first"] is None else first["first"].replace(tzinfo=UTC)
    plans = snapshot.subscriptions.filter(snapshot.subscriptions.ended_at.isnull())
    totals = snapshot.fee_totals(plans.group_by(KEY).agg(fee=plans.monthly_fee.sum()))
    rows = read_frame(totals).to_pylist()
    return Company(since, rows[0]["fees"] or Decimal(0), rows[0]["payers"]) if rows else Company(since)


class LiveFeatures:
    """Builds frames of a few customers. Compiling takes seconds, a frame milliseconds; one thread at a time.

    Args:
        tables: an Arrow schema per event table, as ``Events.tables`` has them.
        features: the lists wanted, by name.
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
        snapshot = take_snapshot(events, EPOCH, settings)
        self._snapshot = PreparedSnapshot(events, snapshot.as_of, settings)
        self._con: Any = events.backend.con
        self._cutoffs = _find_name(self._snapshot.cutoffs)
        self._wanted = _find_wanted(self._features)
        self._schemas = dict(tables)
        self._prepare(lapsed_after_days)

    def build(self, rows: Mapping[str, pa.Table], as_of: datetime, company: Company) -> LiveFacts:
        """Return the frames of the customers whose event rows these are, as known at ``as_of``.

        The numbers are those of ``build_frame`` over the whole company's rows.
        """
        self._fill(rows, as_of, company)
        everyone = self._read("everyone").to_pylist()
        index = _read_index(everyone)
        economics = index_rows(self._read("economics"))
        seen = {
            family.name
            for family in find_families()
            if any(company.knows(table, as_of) for table in family.needs)
        }
        built: dict[Feature, pd.Series] = {}
        known = np.full(len(index), True)
        for family, wanted in self._wanted.items():
            if family.name in seen:
                built |= read_columns(family, wanted, self._read(family.name), known)
        status = {row["customer_id"]: row["status"] for row in everyone}
        frames = {name: _gather(index, built, each, seen) for name, each in self._features.items()}
        return LiveFacts(status, frames, economics)

    def _prepare(self, lapsed_after_days: int | None) -> None:
        snapshot = self._snapshot
        population = snapshot.keep("everyone", find_population(snapshot, lapsed_after_days))
        scored = population.filter(population.status == SCORED).select(*INDEX)
        asked: dict[str, Table] = {
            "everyone": population.order_by(KEY),
            "economics": find_economics(snapshot),
        }
        for family, features in self._wanted.items():
            asked[family.name] = place_columns(snapshot, family, features, scored)
        for name, expression in asked.items():
            self._con.execute(f'PREPARE "ask_{name}" AS {snapshot.events.backend.compile(expression)}')
        for name, statement in snapshot.statements:
            self._con.execute(f'PREPARE "fill_{name}" AS INSERT INTO "{name}" {statement}')

    def _fill(self, rows: Mapping[str, pa.Table], as_of: datetime, company: Company) -> None:
        instant = as_of.astimezone(UTC).replace(tzinfo=None)
        self._con.execute(f'UPDATE "{self._cutoffs}" SET as_of = ?', [instant])
        fees = _find_name(self._snapshot.company_fees)
        self._con.execute(f'DELETE FROM "{fees}"')
        self._con.execute(f'INSERT INTO "{fees}" VALUES (?, ?, ?)', [instant, company.fees, company.payers])
        for name, schema in self._schemas.items():
            self._con.execute(f'DELETE FROM "{name}"')
            given = rows.get(name)
            if given is not None and given.num_rows:
                self._con.from_arrow(given.select(schema.names).cast(schema)).insert_into(name)
        for name, _ in self._snapshot.statements:
            self._con.execute(f'DELETE FROM "{name}"')
            self._con.execute(f'EXECUTE "fill_{name}"')

    def _read(self, name: str) -> pa.Table:
        return self._con.sql(f'EXECUTE "ask_{name}"').to_arrow_table()


def _find_wanted(lists: Mapping[str, FeatureList]) -> dict[Family, tuple[Feature, ...]]:
    wanted: dict[Family, tuple[Feature, ...]] = {}
    for family in find_families():
        own = {each.name: each for features in lists.values() for each in features}
        named = tuple(each for each in own.values() if each.family == family.name)
        if named:
            wanted[family] = named
    return wanted


def _read_index(everyone: list[dict[str, Any]]) -> pd.DataFrame:
    scored = [row for row in everyone if row["status"] == SCORED]
    columns = {name: [row[name] for row in scored] for name in INDEX}
    index = pd.DataFrame(columns)
    return index.assign(as_of=pd.to_datetime(index["as_of"]).dt.tz_localize(UTC))


def _gather(
    index: pd.DataFrame, built: dict[Feature, pd.Series], features: FeatureList, seen: set[str]
) -> FeatureFrame:
    unseen = tuple(name for name in features.families if name not in seen)
    return FeatureFrame(index, gather(built, features, len(index)), features, unseen)


def _find_name(table: Table) -> str:
    name: str = table.op().name
    return name
