"""What is written appears whole or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.atomic import append_line, replace_file, write_folder


def test_a_replaced_file_holds_the_new_bytes_and_leaves_nothing_beside_it(tmp_path):
    for data in (b"1\n", b"a longer second text\n", b""):
        replace_file(tmp_path / "models" / "champion", data)
        assert (tmp_path / "models" / "champion").read_bytes() == data
    assert [file.name for file in (tmp_path / "models").iterdir()] == ["champion"]


def test_a_folder_that_exists_is_not_overwritten(tmp_path):
    write_folder(tmp_path / "1", {"a": b"1"})
    with pytest.raises(OSError, match="not empty"):
        write_folder(tmp_path / "1", {"a": b"2"})
    assert (tmp_path / "1" / "a").read_bytes() == b"1"


@given(
    st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line), max_size=5),
    st.binary(min_size=1, max_size=9).filter(lambda line: b"\n" not in line),
)
def test_lines_are_kept_and_a_torn_last_one_is_cut_off(tmp_path_factory, lines, torn):
    file = tmp_path_factory.mktemp("log") / "log"
    for line in lines:
        append_line(file, line)
    with file.open("ab") as stream:
        stream.write(torn)
    append_line(file, b"last")
    assert file.read_bytes() == b"".join(line + b"\n" for line in [*lines, b"last"])
