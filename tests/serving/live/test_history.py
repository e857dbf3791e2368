"""Histories: what went in comes out, whatever batches it came in; nobody else's rows; erased for good."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from features.direct.cells import to_micros
from serving.live.history import Histories, add_rows, erase_histories, write_histories

START = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def rows():
    return pa.table(
        {
            "customer_id": ["a", "a", "b", "b", "b", "d"],
            "occurred_at": pa.array([START + timedelta(hours=at) for at in range(6)], pa.timestamp("us")),
            "amount": pa.array(
                [Decimal("1.50"), None, *map(Decimal, ("2", "2", "2", "-3"))], pa.decimal128(18, 2)
            ),
            "margin": [0.1, 0.25, None, None, None, 1.0],
            "removed": [False] * 6,
            "channel": ["web", 'è, "17"', None, "app", "web", "web"],
        }
    )


@pytest.fixture
def file(tmp_path, rows):
    written = tmp_path / "history.db"
    write_histories(written, [("orders", rows.to_reader(2)), ("tickets", rows.slice(0, 0).to_reader())])
    return written


def test_every_row_of_a_customer_comes_back_as_cells(file, rows):
    histories = Histories(file)
    found = histories.read(["b", "nobody"])["orders"]
    histories.close()
    assert histories.schemas["orders"] == rows.schema
    assert found == {
        "customer_id": ["b"] * 3,
        "occurred_at": [to_micros(START + timedelta(hours=at)) for at in (2, 3, 4)],
        "amount": [Decimal("2.00")] * 3,
        "margin": [None] * 3,
        "removed": [False] * 3,
        "channel": [None, "app", "web"],
    }


def test_rows_of_several_customers_come_together(file):
    histories = Histories(file)
    found = histories.read(["d", "a"])
    histories.close()
    assert sorted(found["orders"]["customer_id"]) == ["a", "a", "d"]
    assert found["tickets"]["customer_id"] == []


def test_an_erased_customer_is_in_no_byte_of_the_file(file):
    assert erase_histories(file, ["a"]) == 1
    assert erase_histories(file, ["a"]) == 0
    histories = Histories(file)
    assert histories.read(["a"])["orders"]["customer_id"] == []
    assert histories.read(["d"])["orders"]["customer_id"] == ["d"]
    histories.close()
    assert "è".encode() not in file.read_bytes()


def test_new_rows_stand_below_the_stored_ones(file):
    histories = Histories(file)
    stored = histories.read(["d"])
    histories.close()
    joined = add_rows(stored, {"orders": [{"customer_id": "d", "amount": Decimal("9.00")}]})
    assert joined["orders"]["amount"] == [Decimal("-3.00"), Decimal("9.00")]
    assert joined["orders"]["channel"] == ["web", None]
    assert stored["orders"]["amount"] == [Decimal("-3.00")]
