"""Commits have names: the same one twice is one."""

import pyarrow as pa
import pyarrow.parquet as pq

from features.store import delta
from features.store.loads import read_loads


def rows_of(folder):
    return sorted(row["a"] for file in delta.active_files(folder) for row in pq.read_table(file).to_pylist())


def append(folder, name, ids):
    delta.append_rows(folder, pa.table({"customer_id": ids}).to_reader(), name)


def test_a_commit_of_the_same_name_is_written_once(tmp_path):
    rows = pa.table({"a": ["x", "y"]})
    for name in ("one", "one", "two"):
        delta.append_rows(tmp_path / "t", rows.to_reader(), name)
    assert rows_of(tmp_path / "t") == ["x", "x", "y", "y"]
    assert delta.has_commit(tmp_path / "t", "one")
    assert not delta.has_commit(tmp_path / "t", "three")


def test_replacing_rows_leaves_the_others(tmp_path):
    delta.append_rows(tmp_path / "t", pa.table({"a": ["x", "y", "it's"]}).to_reader(), "one")
    for _ in range(2):
        delta.replace_rows(tmp_path / "t", pa.table({"a": ["it's", "it's"]}), "a", "it's", "two")
    assert rows_of(tmp_path / "t") == ["it's", "it's", "x", "y"]


def test_a_table_that_is_not_there_is_empty(tmp_path):
    assert delta.active_files(tmp_path / "none") == []
    assert delta.column_kinds(tmp_path / "none") == {}
    assert not delta.has_commit(tmp_path / "none", "one")
    assert read_loads(tmp_path) == []


def test_a_later_column_is_added_and_earlier_rows_have_none(tmp_path):
    delta.append_rows(tmp_path / "t", pa.table({"a": ["x"]}).to_reader(), "one")
    delta.append_rows(tmp_path / "t", pa.table({"a": ["y"], "n": [1.5]}).to_reader(), "two")
    assert delta.column_kinds(tmp_path / "t") == {"a": "string", "n": "number"}


def test_the_log_keeps_no_statistics_of_other_columns_than_instants(tmp_path):
    delta.append_rows(tmp_path / "t", pa.table({"a": ["secret-customer"]}).to_reader(), "one")
    logs = (tmp_path / "t" / "_delta_log").glob("*.json")
    assert not any("secret-customer" in log.read_text() for log in logs)


def test_a_folder_with_a_space_or_a_percent_sign_is_read(tmp_path):
    folder = tmp_path / "my shop 100%" / "t"
    delta.append_rows(folder, pa.table({"a": ["x"]}).to_reader(), "one")
    assert rows_of(folder) == ["x"]


def test_an_erasure_leaves_no_row_no_file_and_no_log_line_of_whom_it_took(tmp_path):
    append(tmp_path / "t", "one", ids=["ada", "secret-customer", "secret-customer"])
    append(tmp_path / "t", "two", ids=["ada", "linus"])
    assert delta.erase_rows(tmp_path / "t", "customer_id", ["secret-customer", "nobody"]) == 2
    assert delta.list_values(tmp_path / "t", "customer_id") == {"ada", "linus"}
    for file in (file for file in (tmp_path / "t").rglob("*") if file.is_file()):
        assert b"secret-customer" not in file.read_bytes(), file.name
    assert delta.has_commit(tmp_path / "t", "one")
    assert delta.erase_rows(tmp_path / "t", "customer_id", ["secret-customer"]) == 0
    append(tmp_path / "t", "three", ids=["grace"])
    assert delta.list_values(tmp_path / "t", "customer_id") == {"ada", "linus", "grace"}


def test_an_erasure_that_was_cut_short_is_finished_by_the_next(tmp_path):
    append(tmp_path / "t", "one", ids=["ada", "secret-customer"])
    stray = tmp_path / "t" / "part-0-stray.snappy.parquet"
    stray.write_bytes(b"secret-customer")
    delta.erase_rows(tmp_path / "t", "customer_id", ["secret-customer"])
    assert not stray.exists()
    assert delta.erase_rows(tmp_path / "absent", "customer_id", ["ada"]) == 0
