"""The one door to Ibis and DuckDB: a locked-down engine, typed event tables, and the portable expressions.

Everything inside the engine is naive UTC. Time differences are whole epoch seconds / 86,400, quantiles are
exact, and every double that leaves is rounded to nine decimals, so that one expression gives one number on
one or many threads.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from contracts.events import TABLES, Name, Stored, TableContract
from contracts.feature_frame import INDEX
from contracts.time import SECONDS_PER_DAY
from contracts.voice import READING

if TYPE_CHECKING:
    from features.spoken import Heard, Teach

Table: TypeAlias = ir.Table
Value: TypeAlias = ir.Value

KEY = INDEX[:2]
"""The columns every point-in-time table is keyed by: as_of and customer_id."""

MONEY = "decimal(18, 2)"
_KINDS = {
    "string": "string",
    "instant": "timestamp(6)",
    "money": MONEY,
    "number": "float64",
    "integer": "int64",
    "flag": "boolean",
}
_STORED = {
    Name.RECORDED_AT.value: "timestamp(6)",
    Name.SOURCE.value: "string",
    Stored.LOADED_AT.value: "timestamp(6)",
    Stored.BACKFILLED.value: "boolean",
    Stored.ROW_KEY.value: "string",
    Stored.CONTENT.value: "string",
    Stored.REMOVED.value: "boolean",
}
_DECIMALS = 9


@dataclass(frozen=True)
class Engine:
    """How to compute: threads, the memory limit, and a folder to spill to (None: never spill).

    Every ``open_events`` makes an in-memory DuckDB of its own that can read files below that one folder and
    nothing else, installs no extension, and cannot be unlocked: a query can never reach another workspace.
    """

    threads: int = 2
    memory_limit: str = "2GB"
    temp_folder: Path | None = None

    def open_events(self, folder: Path, without_loads: Collection[str] = ()) -> "Events":
        """Return the event tables under ``folder``, one Delta table each; empty where nothing was loaded.

        Rows that came by one of ``without_loads`` are left out: the store as it was before those loads.
        """
        from features.store.delta import active_files

        backend = self._connect(folder)
        files = {name: active_files(folder / name) for name in TABLES}
        found = {
            name: backend.read_parquet(paths, union_by_name=True) for name, paths in files.items() if paths
        }
        if without_loads:
            known = ~ibis._[Stored.LOAD].isin(sorted(without_loads))
            found = {name: table.filter(known) for name, table in found.items()}
        return _open(backend, found)

    def open_frames(self, frames: Mapping[str, "pd.DataFrame | pa.Table"]) -> "Events":
        """Return event tables held in memory, for tests and the simulator.

        What the store would add is filled in where absent: recorded_at and loaded_at as occurred_at, source
        ``memory``, not backfilled, not removed, row_key from the table's key or else the row's position.
        """
        backend = self._connect(None)
        filled = {name: _without_nulls(frame) for name, frame in frames.items()}
        found = {name: backend.create_table(name, obj=table, temp=True) for name, table in filled.items()}
        return _open(backend, found)

    def _connect(self, folder: Path | None) -> Any:
        backend = ibis.duckdb.connect()
        spill = "" if self.temp_folder is None else str(self.temp_folder)
        readable = "" if folder is None else _quoted(f"{folder.resolve()}/")
        for statement in (
            "TimeZone = 'UTC'",
            f"threads = {int(self.threads)}",
            f"memory_limit = {_quoted(self.memory_limit)}",
            f"temp_directory = {_quoted(spill)}",
            "autoinstall_known_extensions = false",
            "autoload_known_extensions = false",
            "allow_community_extensions = false",
            f"allowed_directories = [{readable}]",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            backend.con.execute(f"SET {statement}")
        return backend


@dataclass(frozen=True, eq=False)
class Events:
    """The seven event tables as lazy expressions: the columns of the contract and those of the store.

    ``loaded`` names the tables that hold anything at all. ``readings`` holds what was read from each text of
    feedback: ``text`` and the columns of ``contracts.voice.READING``; None where nothing has been read.
    ``heard`` and ``teach`` let the company's own answers improve the sentiment at each cutoff.
    An objection to profiling holds at every ``as_of`` if it was recorded before ``consents_until`` (None:
    before that ``as_of``).
    """

    backend: Any
    tables: dict[str, Table]
    loaded: tuple[str, ...] = ()
    counter: Iterator[int] = field(default_factory=count)
    readings: Table | None = None
    heard: "Heard | None" = None
    teach: "Teach | None" = None
    consents_until: datetime | None = None

    @classmethod
    def from_frames(
        cls, frames: Mapping[str, "pd.DataFrame | pa.Table"], engine: Engine | None = None
    ) -> "Events":
        """Return ``Engine.open_frames`` of the frames, on a default engine unless one is given."""
        return (engine or Engine()).open_frames(frames)

    def since(self, instant: datetime) -> "Events":
        """Return what a log begun at ``instant`` would hold; customers are known from before.

        Refunds of earlier orders are there without their order, as in any young log.
        """
        begin = ibis.literal(_naive(instant))
        tables = {
            name: table if name == "customers" else table.filter(table.occurred_at >= begin)
            for name, table in self.tables.items()
        }
        return replace(self, tables=tables)

    def with_readings(self, readings: pd.DataFrame, heard: "Heard | None" = None) -> "Events":
        """Return the events with what was read from each text: ``text`` and the columns of ``READING``.

        Without ``heard`` the sentiments stay what they are, whoever teaches.
        """
        kinds = {"text": "string"} | {spoken.name: spoken.kind for spoken in READING}
        return replace(self, readings=self.table_from(readings, kinds), heard=heard)

    def with_teaching(self, teach: "Teach") -> "Events":
        """Return the events whose texts are read again by the heads that ``teach`` gives each cutoff."""
        return replace(self, teach=teach)

    def table_from(self, rows: pd.DataFrame, kinds: Mapping[str, str]) -> Table:
        """Return a table of rows held in memory; ``kinds`` gives its columns, in words of the contract."""
        schema = ibis.schema({name: _KINDS[kind] for name, kind in kinds.items()}).to_pyarrow()
        found = pa.Table.from_pandas(rows[list(kinds)], schema=schema, preserve_index=False)
        return self.backend.create_table(f"rows_{next(self.counter)}", obj=found, temp=True)

    def of(self, customer_ids: Sequence[str]) -> "Events":
        """Return the events of these customers alone."""
        wanted = pa.table({str(Name.CUSTOMER_ID): pa.array(sorted({*customer_ids}), pa.string())})
        chosen = self.backend.create_table(f"chosen_{next(self.counter)}", obj=wanted, temp=True)
        tables = {name: table.semi_join(chosen, str(Name.CUSTOMER_ID)) for name, table in self.tables.items()}
        return replace(self, tables=tables)

    def heeding(self, consents_until: datetime) -> "Events":
        """Return the events under which objections recorded before ``consents_until`` hold backwards."""
        return replace(self, consents_until=consents_until)

    def table_of(self, **columns: Sequence[datetime]) -> Table:
        """Return a small table of instants (with zone), one column per argument."""
        arrays = {
            name: pa.array([_naive(value) for value in values], pa.timestamp("us"))
            for name, values in columns.items()
        }
        return self.backend.create_table(f"instants_{next(self.counter)}", obj=pa.table(arrays), temp=True)


def read_frame(expression: Table) -> pa.Table:
    """Return the rows of an expression as Arrow; the only way results leave the engine."""
    return expression.to_pyarrow()


def read_batches(expression: Table, rows: int) -> pa.RecordBatchReader:
    """Return the rows of an expression as Arrow batches of about ``rows``: for results larger than memory."""
    backend = expression.get_backend()
    # Ibis asks DuckDB 2 for batches by a name it no longer has.
    return backend.con.sql(backend.compile(expression)).to_arrow_reader(rows)


def beside(left: Table, right: Table) -> Table:
    """Return ``left`` with the columns of ``right`` for the same (as_of, customer), missing without a row."""
    joined = left.left_join(right, KEY)
    return joined.drop(*(f"{name}_right" for name in KEY))


def days_between(start: Value, end: Value) -> Value:
    """Return the days from ``start`` to ``end``: whole seconds / 86,400, negative when ``end`` is earlier."""
    seconds = end.truncate("s").epoch_seconds() - start.truncate("s").epoch_seconds()
    return seconds.cast("float64") / SECONDS_PER_DAY


def whole_days(start: Value, end: Value) -> Value:
    """Return the calendar days (UTC) from the date ``start`` to the date ``end``, as int64."""
    return end.delta(start, unit="day").cast("int64")


def last_observed_day(as_of: Value) -> Value:
    """Return the UTC date of ``as_of`` minus one microsecond; see ``contracts.time.last_observed_day``."""
    return (as_of - ibis.interval(microseconds=1)).date()


def shift_days(instant: Value, days: int) -> Value:
    """Return the instant ``days`` (of 24 hours; may be negative) later."""
    return instant + ibis.interval(days=days)


def number(value: Value) -> Value:
    """Return the value as float64; exact sums of money stay exact until here."""
    return value.cast("float64")


def rounded(value: Value) -> Value:
    """Return a float64 rounded to nine decimals: the last step of every feature."""
    return value.cast("float64").round(_DECIMALS)


def cents(value: Value) -> Value:
    """Return a float64 amount as exact money, so that its sums are exact."""
    return value.round(2).cast(MONEY)


def share(part: Value, whole: Value) -> Value:
    """Return ``part / whole`` as float64, missing where ``whole`` is 0 or missing."""
    return number(part) / number(whole).nullif(0.0)


def when(condition: Value, value: Any, otherwise: Any = None) -> Value:
    """Return ``value`` where the condition holds, else ``otherwise`` (missing by default)."""
    return ibis.ifelse(condition, value, otherwise)


def later_of(*values: Value) -> Value:
    """Return the greatest of the values in each row, missing ones left out."""
    return ibis.greatest(*values)


def earlier_of(*values: Value) -> Value:
    """Return the least of the values in each row, missing ones left out."""
    return ibis.least(*values)


def first_present(*values: Value) -> Value:
    """Return the first value that is not missing."""
    return ibis.coalesce(*values)


def median_of(values: Value) -> Value:
    """Return the exact median of the values present: the mean of the middle two of an even number."""
    return values.median()


def absent(kind: str) -> Value:
    """Return a missing value of a kind of the contract, for example ``string`` or ``number``."""
    return ibis.null(_KINDS[kind])


def constant(value: float | None) -> Value:
    """Return a constant float64; None is missing."""
    return ibis.null("float64") if value is None else ibis.literal(value, "float64")


def text(value: str) -> Value:
    """Return a constant string."""
    return ibis.literal(value, "string")


def at_instant(instant: datetime) -> Value:
    """Return a constant instant (with zone)."""
    return ibis.literal(_naive(instant))


def stacked(tables: Sequence[Table]) -> Table:
    """Return the rows of all tables, which have the same columns."""
    return ibis.union(*tables) if len(tables) > 1 else tables[0]


def exact(value: Value) -> Value:
    """Return money in whole cents, or a count, as an integer of 38 digits: sums and squares are exact."""
    scale = 100 if value.type().is_decimal() else 1
    return (value * scale).cast("decimal(38, 0)")


def exact_spread(count: Value, total: Value, squares: Value) -> Value:
    """Return the population standard deviation from ``exact`` sums, in their unit."""
    n = exact(count)
    return number(n * squares - total * total).sqrt() / number(n)


def ordered(by: Sequence[Value], within: Sequence[Value]) -> Any:
    """Return a window over the rows of each group ``within``, in the order ``by``."""
    return ibis.window(group_by=list(within), order_by=list(by))


def upto(by: Sequence[Value], within: Sequence[Value]) -> Any:
    """Return a window over each group up to and with the present row; the whole group without ``by``."""
    if not by:
        return ibis.window(group_by=list(within))
    return ibis.window(group_by=list(within), order_by=list(by), preceding=(None, 0))


def following(by: Sequence[Value], within: Sequence[Value]) -> Any:
    """Return a window over the rows strictly after each row of its group ``within``, in the order ``by``."""
    return ibis.window(group_by=list(within), order_by=list(by), following=(1, None))


def position() -> Value:
    """Return the row's place within an ``ordered`` window, from 0."""
    return ibis.row_number()


def _open(backend: Any, found: Mapping[str, Table]) -> Events:
    tables = {}
    for name, contract in TABLES.items():
        types = {column.name: _KINDS[column.kind] for column in contract.columns} | _STORED
        if name in found:
            tables[name] = _conform(contract, found[name], types)
        else:
            tables[name] = backend.create_table(f"no_{name}", schema=ibis.schema(types), temp=True)
    return Events(backend, tables, tuple(name for name in TABLES if name in found))


def _conform(contract: TableContract, found: Table, types: Mapping[str, str]) -> Table:
    typed = _typed(found, types)
    recorded = first_present(typed[Name.RECORDED_AT], typed[Name.OCCURRED_AT])
    key = first_present(typed[Stored.ROW_KEY], typed[contract.key], ibis.row_number().cast("string"))
    return typed.mutate(
        **{
            Name.RECORDED_AT: recorded,
            Name.SOURCE: first_present(typed[Name.SOURCE], ibis.literal("memory")),
            Stored.LOADED_AT: first_present(typed[Stored.LOADED_AT], recorded),
            Stored.BACKFILLED: typed[Stored.BACKFILLED].fill_null(False),
            Stored.ROW_KEY: key,
            Stored.CONTENT: typed[Stored.CONTENT].fill_null(""),
            Stored.REMOVED: typed[Stored.REMOVED].fill_null(False),
        }
    )


def _typed(table: Table, types: Mapping[str, str]) -> Table:
    present = {name: table[name].cast(kind) for name, kind in types.items() if name in table.columns}
    absent = {name: ibis.null(kind) for name, kind in types.items() if name not in table.columns}
    unwanted = [name for name in (Stored.LOAD, Stored.LINE) if name in table.columns]
    return table.mutate(**present, **absent).drop(*unwanted)


def _without_nulls(frame: "pd.DataFrame | pa.Table") -> pa.Table:
    table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame, preserve_index=False)
    return table.select([field.name for field in table.schema if not pa.types.is_null(field.type)])


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
