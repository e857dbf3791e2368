import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from contracts.errors import SchemaTooNew, StoreError
from contracts.scores import to_json
from serving.store.generations import open_store
from serving.store.rows import Selection
from serving.store.tables import SORTS
from testkit.stored import build_info, build_record, build_row, build_rows, make_workspace
from testkit.tree import ROOT


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    """One store for the many examples of a property; each writes its generation anew."""
    store = open_store(make_workspace(tmp_path_factory.mktemp("lasting") / "shop"))
    yield store
    store.close()


def everything(store, selection, limit):
    """Return all ids of a list, read in pages."""
    seen, after = [], None
    while page := store.page(selection, "en", limit, after):
        seen += [row.customer_id for row in page]
        after = page[-1].position
    return seen


def finish_with(writer, rows):
    writer.add(rows)
    writer.finish()


def expected_order(rows, selection):
    """The slow twin of a page: filter and sort in Python."""
    lapsed = selection.segment == "lapsed"
    chosen = [row for row in rows if row.status == "scored" and row.in_play != lapsed]
    chosen = [row for row in chosen if selection.segment in (None, row.segment)]
    chosen = [row for row in chosen if selection.band in (None, row.risk_band)]
    chosen.sort(key=lambda row: (-getattr(row, selection.sort), row.customer_id.encode()))
    return [row.customer_id for row in chosen]


def test_an_empty_workspace_has_no_generation_and_answers_with_nothing(store):
    assert store.current() is None
    assert store.find_generations() == []
    assert store.read(["C-1"], "en") == {}
    assert store.page(Selection(), "en", 10) == []
    assert store.count(Selection()) == 0


def test_a_finished_generation_is_read_back_byte_for_byte_in_both_languages(store, write):
    write(store)
    for language in ("en", "it"):
        record = build_record("C-00003", 0.05, language)
        found = store.read(["C-00003"], language)["C-00003"]
        assert found.record(language) == to_json(record)
        assert found.record("it" if language == "en" else "en") is None


def test_rows_are_read_without_records_where_nobody_asks_for_a_language(store, write):
    write(store, count=60)
    asked = [*(f"C-{number:05d}" for number in range(60)), "N-1", "nobody"]
    told, bare = store.read(asked, "en"), store.read(asked, None)
    assert bare == {each: replace(row, record_en=None) for each, row in told.items()}
    assert {row.status for row in bare.values()} == {"scored", "not_scored"}


def test_a_generation_counts_its_rows_and_keeps_its_facts(store, write):
    info = write(store, count=60)
    assert (info.scored, info.not_scored) == (60, {"already_ended": 1, "no_first_order": 1})
    assert store.current() == info
    assert store.find_generation("g1") == info
    assert store.find_generation("g2") is None


def test_a_known_customer_without_a_score_is_kept_with_the_reason(store, write):
    write(store)
    row = store.read(["N-1"], "it")["N-1"]
    assert (row.status, row.reason, row.record("it")) == ("not_scored", "no_first_order", None)


def test_reading_a_thousand_ids_returns_each_known_one_once(store, write):
    write(store, count=1200)
    ids = [f"C-{number:05d}" for number in range(1000)] + ["unknown", "C-00000"]
    assert sorted(store.read(ids, "en")) == ids[:1000]


def test_pages_are_in_the_order_a_plain_sort_gives(store, write):
    write(store, count=90)
    rows = list(build_rows(90))
    segments, bands = (None, "thin", "regular", "lapsed"), (None, "low", "high")
    for selection in (Selection(*each) for each in product(SORTS, segments, bands)):
        wanted = expected_order(rows, selection)
        assert everything(store, selection, 7) == wanted
        assert store.count(selection) == len(wanted)


@settings(max_examples=30)
@given(
    values=st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), min_size=1, max_size=25),
    names=st.lists(st.text("aAàÀ-z 0𝔘", min_size=1, max_size=3), min_size=25, max_size=25, unique=True),
    limit=st.integers(1, 9),
    sort=st.sampled_from(SORTS),
)
def test_pages_show_every_customer_exactly_once_whatever_the_ties(lasting, values, names, limit, sort):
    rows = [build_row(name, value) for name, value in zip(names, values, strict=False)]
    with lasting.begin(build_info()) as writer:
        writer.add(rows)
        writer.finish()
    assert everything(lasting, Selection(sort), limit) == expected_order(rows, Selection(sort))


def test_a_generation_that_is_not_finished_is_never_seen(store, write):
    first = write(store)
    with store.begin(build_info("g2")) as writer:
        writer.add(build_rows(30, "g2"))
        assert store.current() == first
        assert len(store.read(["C-00001"], "en")) == 1
    assert store.find_generations() == [first]


def test_a_new_generation_is_seen_by_a_store_opened_before(workspace, store, write):
    reader = open_store(workspace)
    write(store, "g1")
    assert reader.current().generation == "g1"
    assert b'"generation":"g1"' in reader.read(["C-00001"], "en")["C-00001"].record_en
    write(store, "g2")
    assert reader.current().generation == "g2"
    assert b'"generation":"g2"' in reader.read(["C-00001"], "en")["C-00001"].record_en
    reader.close()


def test_writing_the_same_generation_again_replaces_it(store, write):
    write(store, "g1", count=20)
    write(store, "g1", count=30)
    assert [info.generation for info in store.find_generations()] == ["g1"]
    assert len(store.read([f"C-{number:05d}" for number in range(30)], "en")) == 30


def test_the_last_three_generations_are_kept_and_stay_readable(workspace, store, write):
    for name in ("g1", "g2", "g3", "g4"):
        write(store, name)
    assert [info.generation for info in store.find_generations()] == ["g4", "g3", "g2"]
    old = store.find_generation("g2")
    assert b'"generation":"g2"' in store.read(["C-00001"], "en", old)["C-00001"].record_en
    if workspace.store_url is None:
        assert sorted(file.name for file in workspace.scores.iterdir()) == ["g2.db", "g3.db", "g4.db"]
    else:
        with store.work.read() as connection:
            count = connection.scalar(
                text("SELECT count(*) FROM pg_inherits WHERE inhparent = 'scores'::regclass")
            )
        assert count == 3


def test_the_feed_of_changes_holds_the_new_the_different_and_the_gone(store):
    before = [build_row("same"), build_row("other"), build_row("gone")]
    after = [build_row("new"), build_row("same"), build_row("other", 0.6)]
    for generation, rows in (("g1", before), ("g2", after)):
        with store.begin(build_info(generation)) as writer:
            writer.add(rows)
            writer.finish()
    old, new = store.find_generation("g1"), store.current()
    found, place = [], None
    while page := store.changed_since(old, new, "en", 1, place):
        place, row = page[-1]
        found.append(row if isinstance(row, str) else row.customer_id)
    assert found == ["new", "other", "gone"]
    assert store.changed_since(new, new, "en", 10) == []
    assert len(store.changed_since(None, new, "en", 10)) == 3


def test_a_rerun_at_another_hour_under_another_name_changes_no_digest():
    first = build_row("C-1", generation="g1")
    again = build_row("C-1", generation="g2", scored_at=build_info().as_of)
    assert first.digest == again.digest
    assert first.digest != build_row("C-1", horizon_days=30).digest


def test_the_records_of_a_generation_can_be_exported_as_plain_values(store, write):
    info = write(store, count=12)
    records = list(store.records(info, "it"))
    assert [record["customer_id"] for record in records] == [f"C-{number:05d}" for number in range(12)]
    assert "Ultimo ordine" in records[0]["reasons"][0]["text"]


@pytest.mark.parametrize("name", ["churn_probability", "value_at_risk", "contact_value", "raw_score"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_never_enters(store, write, name, value):
    first = write(store)
    with (
        pytest.raises(StoreError, match=f"{name} is (nan|inf)"),
        store.begin(build_info("g2")) as writer,
    ):
        writer.add([replace(build_row("C-1"), **{name: value})])
    assert store.current() == first


def test_a_customer_who_comes_twice_stops_the_generation(store, write):
    first = write(store)
    with (
        store.begin(build_info("g2")) as writer,
        pytest.raises(StoreError, match="comes twice"),
    ):
        finish_with(writer, [build_row("C-1"), build_row("C-1")])
    assert store.current() == first


@pytest.mark.parametrize("name", ["", "../up", "a/b", "x" * 81, ".hidden", "a b"])
def test_a_generation_needs_a_name_that_is_safe_for_files(store, name):
    with pytest.raises(StoreError, match="names no generation"):
        store.begin(build_info(name))


def test_killed_half_way_readers_see_the_old_generation_whole_and_a_rerun_is_identical(
    workspace, store, write
):
    old = write(store, "g1", count=40)
    script = """
        import os, signal, sys
        from pathlib import Path
        from contracts.workspace import open_workspace
        from serving.store.generations import open_store
        from testkit.stored import build_info, build_rows

        store = open_store(open_workspace(Path(sys.argv[1])))
        with store.begin(build_info("g2")) as writer:
            writer.add(row for number, row in enumerate(build_rows(40, "g2")) if number < 25)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(workspace.root)],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'kit'}"},
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    assert store.current() == old
    assert everything(store, Selection(), 7) == expected_order(build_rows(40), Selection())
    write(store, "g2", count=40)
    undisturbed = make_workspace(workspace.root.parent / "calm")
    calm = open_store(undisturbed)
    write(calm, "g2", count=40)
    for language in ("en", "it"):
        mine = [row for _, row in store.changed_since(None, store.current(), language, 99)]
        assert mine == [row for _, row in calm.changed_since(None, calm.current(), language, 99)]
    calm.close()
    if workspace.store_url is None:
        same = [folder / "g2.db" for folder in (workspace.scores, undisturbed.scores)]
        assert same[0].read_bytes() == same[1].read_bytes()
        assert list(workspace.scores.glob("*.partial")) == []


def test_what_a_run_killed_before_the_flip_left_behind_is_removed_by_the_next(tmp_path, write):
    workspace = make_workspace(tmp_path / "shop")
    store = open_store(workspace)
    write(store, "g1")
    for name in ("orphan.db", "other.db.partial"):
        (workspace.scores / name).write_bytes(b"x")
    write(store, "g2")
    assert sorted(file.name for file in workspace.scores.iterdir()) == ["g1.db", "g2.db"]
    store.close()


def test_a_generation_file_of_a_later_fedele_is_refused(tmp_path, write):
    workspace = make_workspace(tmp_path / "shop")
    store = open_store(workspace)
    write(store)
    with sqlite3.connect(workspace.scores / "g1.db") as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(SchemaTooNew, match=r"scores/g1\.db has schema 99"):
        store.read(["C-00001"], "en")
    store.close()


@pytest.mark.parametrize("damage", ["zeroed", "cut", "missing"])
def test_a_damaged_generation_file_is_named_with_what_to_do(tmp_path, write, damage):
    workspace = make_workspace(tmp_path / "shop")
    store = open_store(workspace)
    write(store)
    file = workspace.scores / "g1.db"
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(bytes(4096) + content[4096:] if damage == "zeroed" else content[:40_000])
    with pytest.raises(StoreError, match=r"scores/g1\.db is (damaged|missing).*fedele score") as raised:
        store.page(Selection(), "en", 50)
    assert "\n" not in str(raised.value)
    store.close()
