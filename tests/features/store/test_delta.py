"""Commits have names: the same one twice is one."""

import pyarrow as pa
import pyarrow.parquet as pq

from features.store import delta
from features.store.loads import read_loads


def rows_of(folder):
    return sorted(row["a"] for file in delta.active_files(folder) for row in pq.read_table(file).to_pylist())


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
