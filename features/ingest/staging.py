"""From text to typed rows: the table ``parsed``, one row for each row of the file, with its first fault."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.events import Column, Name
from contracts.settings import Rate
from features.ingest.columns import Plan
from features.ingest.fields import BLANKS, Field, Rules, fault_of, value_of
from features.ingest.reader import Session, quote

SQL_TYPES = {
    "string": "VARCHAR",
    "instant": "TIMESTAMP",
    "money": "DECIMAL(18, 2)",
    "number": "DOUBLE",
    "integer": "BIGINT",
    "flag": "BOOLEAN",
}
_SPACES = "' ' || chr(9) || chr(10) || chr(13) || chr(160) || chr(65279)"
_BLANK_FREE = ("text",)


@dataclass(frozen=True)
class Money:
    """The workspace's currency, the one declared for the file (None: not declared), and dated rates."""

    workspace: str
    declared: str | None
    rates: Sequence[Rate]


@dataclass(frozen=True)
class Staging:
    """Everything that turns the text of one file into typed rows. ``now`` bounds the future."""

    plan: Plan
    rules: Rules
    money: Money
    now: datetime
    typed: frozenset[str] = frozenset()


def stage_rows(session: Session, staging: Staging) -> None:
    """Make ``parsed``: line, the table's columns, recorded_given, content and fault ('code|column' or NULL).

    Instants are clamped to ``now`` (a skew of five minutes) after the digest ``content`` was taken, so
    that a file
    read again later has the same digest.
    """
    plan = staging.plan
    fields = [_field(staging, column) for column in plan.columns]
    now = instant_literal(staging.now)
    values = [f'{value_of(field, staging.rules)} AS "v_{field.column.name}"' for field in fields]
    attributes = {column.name for column, _ in plan.attributes}
    faults = [
        _faulty(
            field,
            fault_of(field, f'"v_{field.column.name}"', staging.rules, now),
            attribute=field.column.name in attributes,
        )
        for field in fields
    ]
    inner = f"SELECT line, {_texts(staging)} FROM raw"
    values += [*_recorded_value(staging), *_currency_value(staging)]
    middle = f"SELECT *, {', '.join(values)} FROM ({inner})"
    rated = _with_rates(session, staging, middle)
    faults += [*_recorded_faults(staging), *_relation_faults(plan), *_money_faults(staging)]
    shown = ", ".join(f'{_final(staging, column)} AS "{column.name}"' for column in all_columns(plan))
    shown += f", {_given(plan, now)} AS recorded_given, coalesce({', '.join(faults)}) AS fault"
    outer = f"SELECT line, {shown} FROM ({rated})"
    clamped = f'least("{Name.OCCURRED_AT}", {now}) AS "{Name.OCCURRED_AT}"'
    session.execute(
        f"CREATE TABLE parsed AS SELECT * REPLACE ({clamped}), {content_of(all_columns(plan))} AS content, "
        f'"{Name.OCCURRED_AT}" > {now} AS clamped FROM ({outer})'
    )
    session.execute("DROP TABLE raw")


def all_columns(plan: Plan) -> tuple[Column, ...]:
    """Return the columns of the contract in its order, then the attributes of the file."""
    return (*plan.table.columns, *(column for column, _ in plan.attributes))


def content_of(columns: Iterable[Column]) -> str:
    """Return the SQL of a row's digest: equal exactly for equal values; missing columns do not count."""
    parts = (f"'{column.name}=' || {_spelt(column)}" for column in columns)
    return f"md5(concat_ws(chr(31), {', '.join(parts)}))"


def instant_literal(instant: datetime) -> str:
    """Return the SQL literal of an instant, naive UTC."""
    return f"TIMESTAMP '{instant.astimezone(UTC).replace(tzinfo=None).isoformat(' ')}'"


def _spelt(column: Column) -> str:
    name = f'"{column.name}"'
    if column.kind == "string":
        return f"length({name}) || ':' || {name}"
    return f"epoch_us({name})" if column.kind == "instant" else f"CAST({name} AS VARCHAR)"


def _field(staging: Staging, column: Column) -> Field:
    return Field(column, f'"t_{column.name}"', column.name in staging.typed)


def _texts(staging: Staging) -> str:
    plan = staging.plan
    places = dict(plan.positions) | {column.name: place for column, place in plan.attributes}
    texts = [f'{_text(column, places[column.name])} AS "t_{column.name}"' for column in plan.columns]
    if plan.recorded_at is not None:
        texts.append(f"{_trimmed(plan.recorded_at)} AS t_recorded")
    return ", ".join(texts)


def _text(column: Column, place: int) -> str:
    if column.required or column.name in _BLANK_FREE or column.kind == "string":
        return _trimmed(place)
    listed = ", ".join(quote(word) for word in BLANKS)
    return f"CASE WHEN lower({_trimmed(place)}) NOT IN ({listed}) THEN {_trimmed(place)} END"


def _trimmed(place: int) -> str:
    return f"nullif(trim(c{place}, {_SPACES}), '')"


def _recorded_value(staging: Staging) -> list[str]:
    if staging.plan.recorded_at is None:
        return []
    return [f"{staging.rules.instants.value('t_recorded')} AS v_recorded"]


def _given(plan: Plan, now: str) -> str:
    return "CAST(NULL AS TIMESTAMP)" if plan.recorded_at is None else f"least(v_recorded, {now})"


def _recorded_faults(staging: Staging) -> list[str]:
    if staging.plan.recorded_at is None:
        return []
    now = instant_literal(staging.now)
    return [
        f"({staging.rules.instants.fault('t_recorded', 'v_recorded')}) || '|recorded_at'",
        f"CASE WHEN v_recorded > {now} + INTERVAL 5 MINUTE THEN 'in_future|recorded_at' END",
        f"CASE WHEN v_recorded < \"v_{Name.OCCURRED_AT}\" THEN 'recorded_before_occurred|recorded_at' END",
    ]


def _relation_faults(plan: Plan) -> list[str]:
    filled = {column.name for column in plan.columns}
    dated = [column.name for column in plan.columns if column.state == "dated"]
    faults = [f"CASE WHEN \"v_{name}\" < v_occurred_at THEN 'before_start|{name}' END" for name in dated]
    if {"amount", "refund_of"} <= filled:
        faults.append("CASE WHEN v_refund_of IS NOT NULL AND v_amount >= 0 THEN 'refund_positive|amount' END")
    if "score" in filled:
        low = "v_scale_min" if "scale_min" in filled else "CAST(NULL AS DOUBLE)"
        high = "v_scale_max" if "scale_max" in filled else "CAST(NULL AS DOUBLE)"
        nps = "v_kind LIKE 'nps_%'"
        faults.append(
            f"CASE WHEN v_score < coalesce({low}, CASE WHEN {nps} THEN 0 END) "
            f"OR v_score > coalesce({high}, CASE WHEN {nps} THEN 10 END) THEN 'out_of_bounds|score' END"
        )
    return faults


def _has_currency(plan: Plan) -> bool:
    return "currency" in plan.table.names


def _currency_value(staging: Staging) -> list[str]:
    if not _has_currency(staging.plan):
        return []
    declared = "NULL" if staging.money.declared is None else quote(staging.money.declared)
    if "currency" in staging.plan.positions:
        return [f"coalesce(upper(t_currency), {declared}) AS paid_in"]
    return [f"{quote(staging.money.declared or staging.money.workspace)} AS paid_in"]


def _with_rates(session: Session, staging: Staging, query: str) -> str:
    if not _has_currency(staging.plan) or not staging.money.rates:
        return f"SELECT *, CAST(NULL AS DECIMAL(18, 8)) AS rate FROM ({query})"
    listed = ", ".join(
        f"({quote(rate.currency)}, DATE {quote(rate.date)}, CAST({quote(repr(rate.rate))} AS DECIMAL(18, 8)))"
        for rate in staging.money.rates
    )
    session.execute(f"CREATE TABLE rates AS SELECT * FROM (VALUES {listed}) AS r(currency, day, rate)")
    return (
        f"SELECT q.*, rates.rate FROM ({query}) AS q ASOF LEFT JOIN rates "
        f"ON q.paid_in = rates.currency AND CAST(q.v_occurred_at AS DATE) >= rates.day"
    )


def _money_faults(staging: Staging) -> list[str]:
    if not _has_currency(staging.plan):
        return []
    home = quote(staging.money.workspace)
    return [
        "CASE WHEN paid_in IS NULL THEN 'currency_missing|currency' END",
        "CASE WHEN NOT regexp_matches(paid_in, '^[A-Z]{3}$') THEN 'currency_malformed|currency' END",
        f"CASE WHEN paid_in <> {home} AND rate IS NULL THEN 'currency_other|currency' END",
    ]


def _final(staging: Staging, column: Column) -> str:
    filled = {each.name for each in staging.plan.columns}
    if column.name == "currency":
        return quote(staging.money.workspace)
    if column.name not in filled:
        return f"CAST(NULL AS {SQL_TYPES[column.kind]})"
    value = f'"v_{column.name}"'
    if column.kind == "money" and _has_currency(staging.plan):
        converted = f"TRY_CAST(TRY_CAST({value} AS DECIMAL(12, 2)) * rate AS DECIMAL(18, 2))"
        return f"CASE WHEN paid_in = {quote(staging.money.workspace)} THEN {value} ELSE {converted} END"
    return value


def _faulty(field: Field, fault: str, *, attribute: bool) -> str:
    if attribute:
        mistyped = f"({fault}) IN ('not_a_number', 'flag_malformed')"
        fault = f"CASE WHEN {mistyped} THEN 'attribute_type' ELSE {fault} END"
    return f"({fault}) || '|{field.column.name}'"
