from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from contracts.events import TABLES
from features.engine import Engine, Events, read_frame


def write_orders(folder: Path, **more: pa.Array) -> None:
    columns = {
        "order_id": pa.array(["a"]),
        "customer_id": pa.array(["ada"]),
        "occurred_at": pa.array([datetime(2025, 1, 1, 23, 30, tzinfo=UTC)], pa.timestamp("us", tz="UTC")),
        "amount": pa.array([Decimal("12.50")], pa.decimal128(18, 2)),
        **more,
    }
    write_deltalake(str(folder / "orders"), pa.table(columns), mode="append", schema_mode="merge")


def test_delta_tables_are_read_as_naive_utc_and_exact_money(tmp_path: Path) -> None:
    write_orders(tmp_path)
    row = read_frame(Engine().open_events(tmp_path).tables["orders"]).to_pylist()[0]
    assert row["occurred_at"] == datetime(2025, 1, 1, 23, 30)  # noqa: DTZ001
    assert row["amount"] == Decimal("12.50")
    assert (row["backfilled"], row["removed"], row["row_key"]) == (False, False, "a")


def test_files_of_an_earlier_shape_are_read_beside_later_ones(tmp_path: Path) -> None:
    write_orders(tmp_path)
    write_orders(tmp_path, channel=pa.array(["web"]))
    rows = read_frame(Engine().open_events(tmp_path).tables["orders"]).to_pylist()
    assert sorted(str(row["channel"]) for row in rows) == ["None", "web"]


def test_a_table_never_loaded_is_empty_and_typed(tmp_path: Path) -> None:
    events = Engine().open_events(tmp_path)
    assert {*events.tables} == {*TABLES}
    assert events.loaded == ()
    for name, table in events.tables.items():
        assert set(TABLES[name].names) <= set(table.columns)
        assert read_frame(table).num_rows == 0


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO '{outside}/x.csv'",
        "ATTACH '{outside}/x.db'",
    ],
)
def test_the_engine_reaches_no_file_outside_its_folder(tmp_path: Path, statement: str) -> None:
    (tmp_path / "events").mkdir()
    events = Engine().open_events(tmp_path / "events")
    with pytest.raises(Exception, match=r"(?i)permission error|disabled"):
        events.backend.con.execute(statement.format(outside=tmp_path))


def test_another_workspaces_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    pq.write_table(pa.table({"amount": [1]}), tmp_path / "theirs.parquet")
    events = Engine().open_events(tmp_path / "mine")
    with pytest.raises(Exception, match=r"(?i)permission error"):
        events.backend.con.execute(f"SELECT * FROM read_parquet('{tmp_path}/theirs.parquet')")


@pytest.mark.parametrize("statement", ["SET enable_external_access = true", "SET lock_configuration = false"])
def test_the_lock_cannot_be_undone(statement: str) -> None:
    with pytest.raises(Exception, match=r"(?i)locked|cannot"):
        Events.from_frames({}).backend.con.execute(statement)


def test_a_folder_with_a_quote_in_its_name_is_only_a_name(tmp_path: Path) -> None:
    folder = tmp_path / "it's here"
    write_orders(folder)
    assert read_frame(Engine().open_events(folder).tables["orders"]).num_rows == 1


def test_frames_are_given_what_the_store_would_add() -> None:
    frame = pd.DataFrame(
        {"customer_id": ["ada"], "occurred_at": [pd.Timestamp("2025-01-01")], "amount": [1.5]}
    )
    row = read_frame(Events.from_frames({"orders": frame}).tables["orders"]).to_pylist()[0]
    assert row["recorded_at"] == row["loaded_at"] == row["occurred_at"]
    assert (row["source"], row["amount"], row["row_key"]) == ("memory", Decimal("1.50"), "0")
