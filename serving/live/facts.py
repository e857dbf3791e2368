"""Facts that come with a request: checked against the contract of their table, never stored."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from contracts.events import TABLES, Column, Name, Stored, TableContract
from features.direct.cells import to_micros
from features.live import Columns
from serving.api.bodies import is_customer_id
from serving.api.problems import Fault, Problem
from serving.live.history import add_rows

TAKEN = ("orders", "tickets", "interactions", "feedback")
MOST_FACTS = 100
LONGEST_TEXT = 4_000
LARGEST_COUNT = 2**31 - 1
SOURCE = "live"
JUST_BEFORE = timedelta(microseconds=1)
_KINDS: dict[str, type] = {"string": str, "instant": str, "money": float, "number": float, "integer": int}


@dataclass(frozen=True)
class NewFacts:
    """Checked facts of one customer by table, as rows of the event store, and as they were ``sent``."""

    rows: Mapping[str, list[dict[str, Any]]]
    sent: Mapping[str, Any]

    @property
    def newest(self) -> datetime | None:
        """When the last of them occurred; None without any."""
        instants: list[datetime] = [row[Name.OCCURRED_AT] for rows in self.rows.values() for row in rows]
        return max(instants).replace(tzinfo=UTC) if instants else None

    def join(self, tables: Mapping[str, Columns]) -> dict[str, Columns]:
        """Return stored rows by table with the new ones below them."""
        new = {
            name: [{column: _to_cell(value) for column, value in row.items()} for row in rows]
            for name, rows in self.rows.items()
        }
        return add_rows(tables, new)


class FactReader:
    """Reads the facts of one customer. What is wrong gathers in ``faults``, never repeating what was sent."""

    def __init__(self, customer_id: str, currency: str, as_of: datetime) -> None:
        self._customer_id, self._currency, self._as_of = customer_id, currency, as_of
        self.faults: list[Fault] = []

    def read(self, body: Mapping[str, Any]) -> NewFacts:
        """Return the facts in a body, by table.

        Raises:
            Problem: too many, or one is not as its table's contract says; ``errors`` names each.
        """
        rows: dict[str, list[dict[str, Any]]] = {}
        for table in TAKEN:
            given = body.get(table, [])
            if not isinstance(given, list):
                self._refuse(f"/{table}", "not_a_list", "A list of facts is needed.")
                continue
            if len(given) > MOST_FACTS:
                raise Problem("too-large", f"Send at most {MOST_FACTS} facts of a table.")
            read = [self._read_fact(TABLES[table], each, place) for place, each in enumerate(given)]
            rows[table] = [row for row in read if row is not None]
            keys = [(row[Name.SOURCE], row[Stored.ROW_KEY]) for row in rows[table]]
            if len(set(keys)) < len(keys):
                self._refuse(f"/{table}", "duplicate_key", "Send each fact once.")
        if self.faults:
            raise Problem("invalid", "Mend what errors lists.", tuple(self.faults))
        sent = {table: body[table] for table in TAKEN if body.get(table)}
        return NewFacts({table: given for table, given in rows.items() if given}, sent)

    def _read_fact(self, table: TableContract, given: Any, place: int) -> dict[str, Any] | None:
        pointer = f"/{table.name}/{place}"
        if not isinstance(given, dict):
            self._refuse(pointer, "not_an_object", "A fact is an object.")
            return None
        names = {column.name for column in table.columns} - {Name.CUSTOMER_ID} | {Name.SOURCE}
        if set(given) - names:
            self._refuse(pointer, "unknown_field", f"{table.name} has {', '.join(sorted(names))}.")
        before = len(self.faults)
        row: dict[str, Any] = {}
        for column in table.columns:
            value = given.get(column.name)
            if value is not None:
                row[column.name] = self._read_value(column, value, f"{pointer}/{column.name}")
            elif column.required and column.name not in (Name.CUSTOMER_ID, Name.OCCURRED_AT):
                self._refuse(f"{pointer}/{column.name}", "missing", f"{column.name}: {column.meaning}.")
        source = given.get(Name.SOURCE, SOURCE)
        if not is_customer_id(source):
            self._refuse(f"{pointer}/source", "bad_value", "A short text is needed.")
        self._check_money(row, pointer)
        return None if len(self.faults) > before else self._complete(table, row, source, place)

    def _read_value(self, column: Column, value: Any, pointer: str) -> Any:
        wanted = _KINDS.get(column.kind, bool)
        fits = isinstance(value, wanted) or (wanted is float and isinstance(value, int))
        if not fits or (isinstance(value, bool) and wanted is not bool):
            return self._refuse(pointer, "other_type", f"{column.name} is a {column.kind}.")
        if column.kind == "instant":
            return self._read_instant(column, value, pointer)
        if isinstance(value, str):
            if len(value) > LONGEST_TEXT or any(mark in value for mark in ("\x00", "\ud800")):
                return self._refuse(pointer, "bad_value", f"At most {LONGEST_TEXT} characters, no NUL.")
            if column.values and value not in column.values:
                return self._refuse(pointer, "unknown_value", f"Choose from {', '.join(column.values)}.")
            return value
        widest = LARGEST_COUNT if column.kind == "integer" else math.inf
        low, high = _or(column.low, -widest), _or(column.high, widest)
        if not math.isfinite(value) or not low <= value <= high:
            return self._refuse(pointer, "out_of_range", f"{column.name} is from {low:g} to {high:g}.")
        if column.kind == "money":
            exact = Decimal(str(value))
            if exact != round(exact, 2):
                return self._refuse(pointer, "too_fine", "An amount has at most two decimals.")
            return round(exact, 2)
        return float(value) if column.kind == "number" else value

    def _read_instant(self, column: Column, value: str, pointer: str) -> datetime | None:
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            self._refuse(pointer, "no_instant", "RFC 3339 with an offset is needed.")
            return None
        if column.name == Name.OCCURRED_AT and instant >= self._as_of:
            self._refuse(pointer, "not_before_as_of", "A fact must have occurred before as_of.")
        try:
            return instant.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            self._refuse(pointer, "no_instant", "RFC 3339 with an offset is needed.")
            return None

    def _check_money(self, row: Mapping[str, Any], pointer: str) -> None:
        if row.get("currency", self._currency) != self._currency:
            self._refuse(f"{pointer}/currency", "currency_other", f"Send amounts in {self._currency}.")
        amount = row.get("amount")
        if amount is not None and amount < 0 and not row.get("refund_of"):
            self._refuse(f"{pointer}/refund_of", "missing", "Name the order it pays back.")

    def _complete(self, table: TableContract, row: dict[str, Any], source: str, place: int) -> dict[str, Any]:
        known = (self._as_of - JUST_BEFORE).astimezone(UTC).replace(tzinfo=None)
        key = row.get(table.key) or f"{SOURCE}-{place}"
        money = {"currency": self._currency} if any(each.kind == "money" for each in table.columns) else {}
        return {
            Name.OCCURRED_AT: known,
            **money,
            **row,
            Name.CUSTOMER_ID: self._customer_id,
            Name.RECORDED_AT: known,
            Name.SOURCE: source,
            Stored.LOADED_AT: known,
            Stored.BACKFILLED: False,
            Stored.ROW_KEY: key,
            Stored.CONTENT: "",
            Stored.REMOVED: False,
        }

    def _refuse(self, pointer: str, code: str, detail: str) -> None:
        self.faults.append(Fault(pointer, code, detail))


def _to_cell(value: Any) -> Any:
    return to_micros(value) if isinstance(value, datetime) else value


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
