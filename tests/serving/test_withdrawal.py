"""Customers taken out of the scores are out for every reader at once, in every kept generation."""

import pytest

from serving.store.generations import open_store
from serving.store.rows import Selection


@pytest.fixture
def kept(store, write):
    return [write(store, name, count=40) for name in ("g1", "g2", "g3")]


def rows_of(store, info, language="en"):
    return {row.customer_id: row for _, row in store.changed_since(None, info, language, 1_000)}


def test_who_is_erased_is_in_no_kept_generation_and_everyone_else_is_as_before(store, kept):
    before = [rows_of(store, info, "it") for info in kept]
    counts = store.withdraw(["C-00007", "N-1", "stranger"])
    assert counts == {"g1": 2, "g2": 2, "g3": 2}
    infos = list(reversed(store.find_generations()))
    assert [info.generation for info in infos] == ["g1", "g2", "g3"]
    for info, rows in zip(infos, before, strict=True):
        assert rows_of(store, info, "it") == {
            name: row for name, row in rows.items() if name not in ("C-00007", "N-1")
        }
        assert (info.scored, info.not_scored) == (39, {"already_ended": 1})
        assert info.kinds == {"shop": 39}
    assert store.current() == infos[-1]


def test_a_reader_with_the_store_open_sees_the_withdrawal_without_a_restart(workspace, store, kept):
    reader = open_store(workspace)
    try:
        assert "C-00007" in reader.read(["C-00007"], "en")
        total = reader.count(Selection())
        store.withdraw(["C-00007"])
        assert reader.read(["C-00007"], "en") == {}
        assert reader.count(Selection()) == total - 1
        assert "C-00007" not in {row.customer_id for row in reader.page(Selection(), "en", 100)}
    finally:
        reader.close()


def test_who_objects_is_known_without_a_score_and_in_no_list(store, kept):
    store.withdraw(["C-00007", "N-1"], "suppressed")
    info = store.current()
    row = store.read(["C-00007"], "en")["C-00007"]
    assert (row.status, row.reason, row.kind, row.record("en")) == ("not_scored", "suppressed", "shop", None)
    assert row.churn_probability is row.contact_value is row.raw_score is None
    assert "C-00007" not in {each.customer_id for each in store.page(Selection(), "en", 100)}
    assert store.read(["N-1"], "en")["N-1"].reason == "no_first_order"
    assert info.not_scored == {"already_ended": 1, "no_first_order": 1, "suppressed": 1}
    assert info.scored == 39


def test_withdrawing_again_finds_nothing_left_to_do(store, kept):
    store.withdraw(["C-00007"], "suppressed")
    assert store.withdraw(["C-00007"], "suppressed") == {"g1": 0, "g2": 0, "g3": 0}
    store.withdraw(["C-00007"])
    before = store.current()
    assert store.withdraw(["C-00007"]) == {"g1": 0, "g2": 0, "g3": 0}
    assert rows_of(store, store.current()) == rows_of(store, before)


def test_the_feed_of_changes_still_compares_generations_after_a_withdrawal(store, kept, write):
    store.withdraw(["C-00007"])
    first, newest = store.find_generation("g1"), store.current()
    assert store.changed_since(first, newest, "en", 100) == []
    later = write(store, "g4", count=40)
    found = store.changed_since(store.find_generation("g3"), later, "en", 100)
    assert [row.customer_id for _, row in found] == ["C-00007"]


def test_no_byte_of_the_erased_stays_in_the_files_of_the_scores(tmp_path, write):
    from testkit.stored import make_workspace

    workspace = make_workspace(tmp_path / "shop")
    store = open_store(workspace)
    write(store, "g1", count=300)
    store.withdraw(["C-00123"])
    assert all(b"C-00123" not in file.read_bytes() for file in workspace.scores.iterdir())
    assert [file.name for file in workspace.scores.iterdir()] == ["g1.db"]
    store.close()
