"""Rows are sealed one over the other; what is blanked is gone, and all else must be as it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import StoreError
from serving.ledger import rows
from serving.ledger.rows import CONTENT, ROW, RowWriter

NAME = "scores/000001-g1.rows"


def write(folder, count=9):
    file = folder / "scores" / "some.rows"
    writer = RowWriter(file, NAME)
    writer.write(bytes([number + 1]) * CONTENT for number in range(count))
    root = writer.sync()
    writer.close()
    return file, root


def altered(file, blanked=()):
    return [number for number, _ in rows.find_altered(file, NAME, blanked)]


def test_rows_come_back_as_written_and_their_seals_have_one_digest(tmp_path):
    file, root = write(tmp_path)
    assert [rows.read_row(file, number)[0] for number in range(9)] == list(range(1, 10))
    assert rows.count_rows(file) == (9, 0)
    assert rows.digest_seals(file, [9])[9] == root != rows.digest_seals(file, [8])[8]
    assert rows.digest_seals(file, [10]) == {}
    assert altered(file) == []
    assert file.stat().st_mode & 0o777 == 0o600


@given(st.data())
def test_any_single_changed_byte_of_a_row_is_found_at_that_row(tmp_path_factory, data):
    file, root = write(tmp_path_factory.mktemp("rows"), count=5)
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)
    assert altered(file)[0] == place // ROW
    if place % ROW >= CONTENT:
        assert rows.digest_seals(file, [5])[5] != root


def test_rows_sealed_for_another_file_do_not_fit_this_one(tmp_path):
    file, _ = write(tmp_path)
    assert [number for number, _ in rows.find_altered(file, "scores/other.rows", ())] == [0]


def test_a_blank_row_is_whole_only_where_an_erasure_blanked_it(tmp_path):
    file, root = write(tmp_path)
    rows.blank_rows(file, [3, 4, 8])
    rows.blank_rows(file, [4])
    assert altered(file, {3, 4, 8}) == []
    assert altered(file, {3, 8}) == [4]
    assert altered(file, {3, 4, 5, 8}) == [5]
    assert rows.digest_seals(file, [9])[9] == root
    assert rows.read_row(file, 3) == rows.BLANK


def test_rows_are_found_by_pseudonym_wherever_its_bytes_begin_a_row(tmp_path):
    writer = RowWriter(tmp_path / "x.rows", NAME)
    mine, other = b"m" * 16, b"o" * 16
    writer.write(
        [mine + bytes(32), other + mine + bytes(16), other + bytes(8) + mine + bytes(8), mine + other * 2]
    )
    writer.close()
    assert rows.find_rows(tmp_path / "x.rows", mine) == [0, 3]
    assert rows.find_rows(tmp_path / "absent.rows", mine) == []


def test_a_row_beyond_the_end_is_told_with_the_next_step(tmp_path):
    file, _ = write(tmp_path)
    with pytest.raises(StoreError, match=r"ledger/scores/some\.rows is cut off: restore it from a backup"):
        rows.read_row(file, 9)
