"""Expressions over rows in memory give what the engine gives, missing cells and ties included."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import ibis
import pyarrow as pa
import pytest

from contracts.errors import ContractError
from contracts.randomness import generator
from features.direct.cells import round_half_away, round_to, to_micros, to_money
from features.direct.plan import Plan
from features.engine import (
    Engine,
    beside,
    cents,
    days_between,
    exact,
    exact_spread,
    last_observed_day,
    later_of,
    median_of,
    number,
    ordered,
    read_frame,
    rounded,
    share,
    shift_days,
    stacked,
    upto,
    when,
    whole_days,
)

SEED, ROWS = 2060, 60
KEY = ("source", "customer_id")


@pytest.fixture(scope="module")
def orders():
    draw = generator(SEED, "direct")
    start = datetime(2024, 12, 30, tzinfo=UTC)
    rows = [
        {
            "customer_id": f"c{draw.integers(6)}",
            "occurred_at": start + timedelta(seconds=float(draw.uniform(0, 4e6))),
            "amount": Decimal(int(draw.integers(-500, 5000))) / 100,
            "margin": None if draw.random() < 0.3 else float(draw.random()),
            "channel": [None, "web", "Store", "app"][draw.integers(4)],
            "source": ["a", "b"][draw.integers(2)],
            "order_id": f"o{number}",
            "refund_of": None if draw.random() < 0.8 else f"o{draw.integers(ROWS)}",
        }
        for number in range(ROWS)
    ]
    schema = pa.schema(
        [
            ("customer_id", pa.string()),
            ("occurred_at", pa.timestamp("us", "UTC")),
            ("amount", pa.decimal128(18, 2)),
            ("margin", pa.float64()),
            ("channel", pa.string()),
            ("source", pa.string()),
            ("order_id", pa.string()),
            ("refund_of", pa.string()),
        ]
    )
    return (
        Engine(threads=1).open_frames({"orders": pa.Table.from_pylist(rows, schema=schema)}).tables["orders"]
    )


def to_cells(table):
    """Return the engine's rows as the plan holds them, in any order."""
    rows = []
    for row in table.to_pylist():
        cells = {name: to_micros(cell) if isinstance(cell, datetime) else cell for name, cell in row.items()}
        rows.append(tuple(cells.items()))
    return sorted(rows, key=repr)


def group(orders):
    when_placed = [orders.occurred_at, orders.order_id]
    whole = exact(orders.amount)
    sums = orders.group_by(KEY).agg(
        count=orders.count(where=orders.amount > 0),
        total=orders.amount.sum(where=orders.amount > 0),
        cents=whole.sum(),
        squares=(whole * whole).sum(),
        margin=cents(number(orders.amount) * orders.margin).sum(),
        least=orders.margin.min(),
        most=orders.occurred_at.max(),
        different=orders.channel.nunique(),
        first=orders.channel.first(order_by=when_placed),
        last=orders.margin.last(where=orders.amount > 20, order_by=[orders.amount.desc(), orders.order_id]),
        middle=rounded(median_of(orders.margin)),
    )
    spread = exact_spread(sums["count"], sums.cents, sums.squares)
    return sums.mutate(mean=rounded(share(sums.total, sums["count"])), far=when(spread > 3, 1, 0))


def windows(orders):
    own = ordered([orders.occurred_at, orders.order_id], [orders.customer_id])
    return orders.select(
        "order_id",
        place=ibis.row_number().over(own),
        before=orders.channel.lag().over(own),
        running=orders.amount.sum().over(upto([orders.order_id], [orders.customer_id])),
        known=orders.margin.count().over(upto([], [orders.source])),
    )


def dates(orders):
    day = orders.occurred_at.date()
    return orders.select(
        "order_id",
        month=orders.occurred_at.month(),
        year=day.year(),
        weekday=day.day_of_week.index(),
        gap=whole_days(
            last_observed_day(orders.occurred_at), last_observed_day(shift_days(orders.occurred_at, 40))
        ),
        days=rounded(days_between(shift_days(orders.occurred_at, -3), orders.recorded_at)),
        later=later_of(orders.occurred_at, shift_days(orders.recorded_at, -1)),
        turn=rounded((number(orders.occurred_at.month()) / 6).sin() + (number(day.year()) / 7).cos()),
    )


def choices(orders):
    shown = when(orders.margin > 0.5, "high", when(orders.margin.isnull(), None, "low"))
    return orders.select(
        "order_id",
        shown=shown,
        asked=orders.channel.lower().isin(["web", "store"]),
        both=(orders.margin > 0.2) & (orders.amount > 10),
        either=(orders.margin > 0.2) | (orders.amount > 10),
        neither=~(orders.margin > 0.2),
        filled=orders.margin.fill_null(0.0).cast("decimal(18, 2)"),
        nothing=orders.channel.nullif("web"),
        ratio=rounded(share(orders.amount, orders.amount - orders.amount)),
        logarithm=rounded((number(orders.amount) + 100).ln().exp().sqrt()),
        raised=(number(orders.amount) / 7).ceil(),
    )


def joins(orders):
    paid = orders.filter(orders.refund_of.notnull())
    matched = orders.left_join(
        paid,
        [
            orders.source == paid.source,
            orders.order_id == paid.refund_of,
            orders.occurred_at < paid.occurred_at,
        ],
    )
    kept = matched.select("order_id", refund=matched.order_id_right, back=matched.amount_right)
    web = orders.filter(orders.channel == "web").select("customer_id").distinct()
    buyers = orders.semi_join(web, "customer_id").select("order_id", refund="channel", back="amount")
    return stacked([kept, buyers])


def sides(orders):
    sums = orders.group_by(["source"]).agg(total=orders.amount.sum())
    names = orders.filter(orders.amount > 30).select("source", "channel").distinct()
    joined = names.inner_join(sums, "source")
    return joined.mutate(known=joined.channel.isin(orders.filter(orders.margin > 0.9).channel)).order_by(
        "source"
    )


@pytest.mark.parametrize(
    "build", [group, windows, dates, choices, joins, sides], ids=lambda each: each.__name__
)
def test_a_plan_gives_the_rows_that_the_engine_gives(orders, build):
    asked = build(orders)
    given = {name: to_columns(name, orders) for name in {orders_name(orders)}}
    found = Plan({"asked": asked}).compute(given)["asked"].list()
    assert sorted((tuple(row.items()) for row in found), key=repr) == to_cells(read_frame(asked))


def orders_name(orders):
    (table,) = orders.op().find(ibis.expr.operations.DatabaseTable)
    return table.name


def to_columns(name, orders):
    held = orders.get_backend().table(name).to_pyarrow()
    return {
        column: [to_micros(cell) if isinstance(cell, datetime) else cell for cell in held[column].to_pylist()]
        for column in held.column_names
    }


def test_a_plan_reads_only_the_columns_that_are_asked_for(orders):
    plan = Plan({"asked": orders.select("order_id")})
    assert plan.needs == {orders_name(orders): ("order_id",)}
    assert Plan({"asked": beside_itself(orders)}).needs.keys() == {orders_name(orders)}


def beside_itself(orders):
    keyed = orders.select("customer_id", as_of="occurred_at")
    return beside(keyed, keyed.distinct())


def test_an_operation_that_nobody_taught_is_named(orders):
    with pytest.raises(ContractError, match="StringSQLLike is no operation"):
        Plan({"asked": orders.select(found=orders.channel.like("w%"))})
    with pytest.raises(ContractError, match="Limit is no table"):
        Plan({"asked": orders.limit(3)})


@pytest.mark.parametrize(
    ("value", "rounded_value"), [(2.5, 3.0), (-2.5, -3.0), (0.49999999999999994, 0.0), (2.0**53, 2.0**53)]
)
def test_halves_are_rounded_away_from_zero(value, rounded_value):
    assert round_half_away(value) == rounded_value


def test_money_of_a_float_is_the_engines():
    assert [to_money(value, 2) for value in (0.125, 0.145, 1.005, 12345.675)] == [
        Decimal("0.13"),
        Decimal("0.14"),
        Decimal("1.00"),
        Decimal("12345.68"),
    ]
    assert round_to(1e300, 9) == 1e300
