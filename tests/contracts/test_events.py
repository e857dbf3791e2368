"""The seven tables say of every column what it is, when it was known and within which bounds."""

import re
from typing import get_args

import pytest

from contracts.events import TABLES, Kind, Name, State, Stored

COLUMNS = [
    pytest.param(table, column, id=f"{table.name}.{column.name}")
    for table in TABLES.values()
    for column in table.columns
]
EVERY_TABLE = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


def test_the_seven_tables_of_the_design_are_there_in_its_order():
    assert list(TABLES) == [
        "customers",
        "orders",
        "subscriptions",
        "interactions",
        "tickets",
        "feedback",
        "actions",
    ]


@EVERY_TABLE
def test_a_table_has_a_key_a_customer_and_an_instant(table):
    assert {table.key, Name.CUSTOMER_ID, Name.OCCURRED_AT} <= set(table.names)
    assert all(table.column(name).required for name in (Name.CUSTOMER_ID, Name.OCCURRED_AT))
    assert table.column(table.key).kind == "string"


@EVERY_TABLE
def test_no_column_is_there_twice_or_takes_a_name_of_the_store(table):
    assert len(set(table.names)) == len(table.names)
    assert not set(table.names) & {*Stored, Name.RECORDED_AT, Name.SOURCE}


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_every_column_is_a_slug_of_a_known_kind_with_a_meaning(table, column):
    assert re.fullmatch("[a-z][a-z0-9_]*", column.name)
    assert column.kind in get_args(Kind)
    assert column.state in get_args(State)
    assert column.meaning


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_bounds_are_in_order_and_only_on_numbers_and_values_only_on_texts(table, column):
    bounds = [bound for bound in (column.low, column.high) if bound is not None]
    assert bounds == sorted(bounds)
    assert not bounds or column.kind in ("money", "number", "integer")
    assert not column.values or column.kind == "string"


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_dated_state_is_an_instant_and_what_is_required_is_a_fact(table, column):
    assert column.state != "dated" or column.kind == "instant"
    assert not column.required or column.state == "fact"


@EVERY_TABLE
def test_a_column_is_found_by_its_name_and_an_unknown_one_is_an_error(table):
    assert all(table.column(name).name == name for name in table.names)
    with pytest.raises(KeyError, match="nothing"):
        table.column("nothing")


def test_money_that_may_be_negative_is_the_refund_and_nothing_else():
    negative = [
        (table.name, column.name)
        for table in TABLES.values()
        for column in table.columns
        if column.kind == "money" and (column.low is None or column.low < 0)
    ]
    assert negative == [("orders", "amount")]
