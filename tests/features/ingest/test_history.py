"""New, duplicate, version or conflict; the same files again in another order change nothing."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import IngestError
from contracts.settings import SourceSection
from features.engine import Engine, read_frame
from features.ingest.job import LoadReport
from features.ingest.load import ingest_files
from features.ingest.undo import undo_load
from features.snapshot import take_snapshot
from features.store.loads import read_loads
from features.store.quarantine import read_listing
from testkit.stores import NOW, load_lines, make_workspace, read_rows, write_lines

HEADER = "order_id,customer_id,occurred_at,amount"
DAY = timedelta(days=1)


def test_the_same_file_twice_is_all_duplicate_and_listed_once(tmp_path):
    workspace = make_workspace(tmp_path)
    lines = (HEADER, "a,c,2026-01-02,5", "b,,2026-01-02,5")
    first = load_lines(workspace, "orders", *lines)
    again = load_lines(workspace, "orders", *lines, now=NOW + DAY)
    assert (first.loaded, first.quarantined) == (1, 1)
    assert (again.loaded, again.duplicate, again.quarantined) == (0, 1, 1)
    assert (
        len(read_rows(workspace, "orders"))
        == len(read_listing(workspace.events))
        == len(read_loads(workspace.events))
        == 1
    )


def test_the_first_load_counts_as_known_when_it_happened_and_later_ones_from_now(tmp_path):
    workspace = make_workspace(tmp_path)
    load_lines(workspace, "orders", HEADER, "a,c,2026-01-02,5")
    load_lines(workspace, "orders", HEADER, "b,c,2026-01-03,5", name="later.csv", now=NOW + DAY)
    load_lines(
        workspace, "orders", HEADER, "d,c,2026-01-03,5", name="other.csv", source="till", now=NOW + DAY
    )
    first, later, other = read_rows(workspace, "orders")
    assert [row["backfilled"] for row in (first, later, other)] == [True, False, True]
    assert first["recorded_at"] == first["occurred_at"]
    assert later["recorded_at"] == NOW + DAY == later["loaded_at"]


def test_files_of_one_call_are_one_first_load(tmp_path):
    workspace = make_workspace(tmp_path)
    files = [write_lines(tmp_path / f"{key}.csv", HEADER, f"{key},c,2026-01-02,5") for key in "ab"]
    ingest_files(workspace, "orders", files, SourceSection(), source="shop", now=NOW)
    assert [row["backfilled"] for row in read_rows(workspace, "orders")] == [True, True]


def test_other_content_recorded_later_is_a_new_version(tmp_path):
    workspace = make_workspace(tmp_path)
    load_lines(workspace, "orders", HEADER, "a,c,2026-01-02,5")
    report = load_lines(workspace, "orders", HEADER, "a,c,2026-01-02,6", name="b.csv", now=NOW + DAY)
    assert report.loaded == 1
    assert [str(row["amount"]) for row in read_rows(workspace, "orders")] == ["5.00", "6.00"]


def test_orders_loaded_again_under_another_id_follow_the_merged_customer(tmp_path):
    workspace = make_workspace(tmp_path)
    load_lines(workspace, "orders", HEADER, "a,guest-7,2026-01-02,5", "b,ada,2026-01-03,6")
    load_lines(workspace, "orders", HEADER, "a,ada,2026-01-02,5", name="merged.csv", now=NOW + DAY)
    events = Engine(threads=1).open_events(workspace.events)
    for as_of, owners in (
        (NOW + DAY, {"a": "guest-7", "b": "ada"}),
        (NOW + 2 * DAY, dict.fromkeys("ab", "ada")),
    ):
        orders = read_frame(take_snapshot(events, as_of, workspace.settings).orders).to_pylist()
        assert {row["order_id"]: row["customer_id"] for row in orders} == owners


def test_an_old_file_read_again_does_not_bring_old_versions_back(tmp_path):
    workspace = make_workspace(tmp_path)
    load_lines(workspace, "orders", HEADER, "a,c,2026-01-02,5")
    load_lines(workspace, "orders", HEADER, "a,c,2026-01-02,6", name="b.csv", now=NOW + DAY)
    report = load_lines(workspace, "orders", HEADER, "a,c,2026-01-02,5", now=NOW + 2 * DAY)
    assert report.duplicate == 1
    assert len(read_rows(workspace, "orders")) == 2


def test_other_content_recorded_at_the_same_instant_is_a_conflict(tmp_path):
    workspace = make_workspace(tmp_path)
    header = f"{HEADER},seen"
    load_lines(workspace, "orders", header, "a,c,2026-01-02,5,2026-01-05", recorded_at="seen")
    lines = (header, "a,c,2026-01-02,6,2026-01-05", "a,c,2026-01-02,6,2026-01-06")
    report = load_lines(workspace, "orders", *lines, name="b.csv", recorded_at="seen")
    assert (report.loaded, report.reasons) == (1, {"conflict": 1})


def test_a_recorded_instant_before_the_fact_is_quarantined(tmp_path):
    workspace = make_workspace(tmp_path)
    lines = (f"{HEADER},recorded_at", "a,c,2026-01-02,5,2026-01-01", "b,c,2026-01-02,5,2026-01-03")
    report = load_lines(workspace, "orders", *lines)
    assert (report.loaded, report.reasons) == (1, {"recorded_before_occurred": 1})
    assert read_rows(workspace, "orders")[0]["recorded_at"].isoformat() == "2026-01-03T00:00:00+00:00"


def test_an_equal_row_twice_in_a_file_is_one_row_and_a_duplicate(tmp_path):
    workspace = make_workspace(tmp_path)
    report = load_lines(workspace, "orders", HEADER, "a,c,2026-01-02,5", "a,c,2026-01-02,5")
    assert (report.loaded, report.duplicate) == (1, 1)


def test_equal_rows_without_a_key_all_count(tmp_path):
    workspace = make_workspace(tmp_path)
    lines = ("customer_id,occurred_at,amount", *["c,2026-01-02,5"] * 3)
    assert load_lines(workspace, "orders", *lines).loaded == 3
    assert load_lines(workspace, "orders", *lines).duplicate == 3
    stored = read_rows(workspace, "orders")
    assert len({row["row_key"] for row in stored}) == 3
    assert [row["order_id"] for row in stored] == [row["row_key"] for row in stored]


def test_an_account_that_does_not_balance_is_refused():
    with pytest.raises(IngestError, match="do not add up"):
        LoadReport("orders", "f.csv", "shop", "x", read=3, loaded=1, duplicate=1, quarantined=0)


def test_an_undone_load_is_gone_from_its_beginning_and_can_be_loaded_again(tmp_path):
    workspace = make_workspace(tmp_path)
    lines = (HEADER, "a,c,2026-01-02,5", "b,c,2026-01-02,6")
    load = load_lines(workspace, "orders", *lines).load
    assert undo_load(workspace, load, NOW + DAY).removed == 2
    stored = read_rows(workspace, "orders")
    assert Counter(row["removed"] for row in stored) == {False: 2, True: 2}
    assert all(row["recorded_at"] == row["occurred_at"] for row in stored)
    assert load_lines(workspace, "orders", *lines, now=NOW + 2 * DAY).loaded == 2
    latest = read_rows(workspace, "orders")[2]
    assert not latest["removed"]
    assert latest["recorded_at"] - latest["occurred_at"] == timedelta(microseconds=1)
    with pytest.raises(IngestError, match="was undone before"):
        undo_load(workspace, load, NOW + DAY)
    with pytest.raises(IngestError, match="There is no load 'nothing'"):
        undo_load(workspace, "nothing", NOW + DAY)


def test_undoing_a_new_version_gives_the_earlier_one_back(tmp_path):
    workspace = make_workspace(tmp_path)
    load_lines(workspace, "orders", HEADER, "a,c,2026-01-02,5")
    load = load_lines(workspace, "orders", HEADER, "a,c,2026-01-02,6", name="b.csv", now=NOW + DAY).load
    report = undo_load(workspace, load, NOW + 2 * DAY)
    assert (report.removed, report.restored) == (0, 1)
    latest = read_rows(workspace, "orders")[-1]
    assert (str(latest["amount"]), latest["removed"], latest["recorded_at"]) == ("5.00", False, NOW + 2 * DAY)


ROWS = st.tuples(st.integers(0, 5), st.integers(1, 3), st.integers(1, 2))


@settings(max_examples=5)
@given(files=st.lists(st.lists(ROWS, min_size=1, max_size=5), min_size=1, max_size=3), data=st.data())
def test_any_order_and_repetition_of_files_gives_the_same_store(tmp_path_factory, files, data):
    # The content follows from key and recorded instant, so that files never contradict one another.
    texts = [
        [f"o{key},c,2026-01-02,{10 * key + day},2026-01-0{2 + day}" for key, day, _ in rows] for rows in files
    ]
    order = data.draw(
        st.permutations(
            [*range(len(texts)), *data.draw(st.lists(st.sampled_from(range(len(texts))), max_size=2))]
        )
    )
    stores = []
    for sequence in (range(len(texts)), order):
        workspace = make_workspace(tmp_path_factory.mktemp("order"))
        for step, number in enumerate(sequence):
            rows = texts[number] if step % 2 else list(reversed(texts[number]))
            report = load_lines(
                workspace,
                "orders",
                f"{HEADER},seen",
                *rows,
                name=f"{number}.csv",
                recorded_at="seen",
                now=NOW + step * DAY,
            )
            assert report.read == len(rows) == report.loaded + report.duplicate
        stores.append(
            [
                (r["row_key"], r["recorded_at"], r["amount"], r["content"])
                for r in read_rows(workspace, "orders")
            ]
        )
    assert stores[0] == stores[1]


@settings(max_examples=5)
@given(keys=st.lists(st.integers(0, 30), min_size=1, max_size=12, unique=True), data=st.data())
def test_a_file_in_pieces_is_the_same_as_the_whole(tmp_path_factory, keys, data):
    cut = data.draw(st.integers(0, len(keys)))
    contents = []
    for pieces in ([keys], [keys[cut:], keys[:cut]]):
        workspace = make_workspace(tmp_path_factory.mktemp("pieces"))
        files = [
            write_lines(
                workspace.root / f"{number}.csv",
                HEADER,
                *[f"o{key},c{key % 3},2026-01-02,{key}" for key in piece],
            )
            for number, piece in enumerate(pieces)
        ]
        ingest_files(workspace, "orders", files, SourceSection(), source="shop", now=NOW)
        contents.append(
            [(row["row_key"], row["content"], row["recorded_at"]) for row in read_rows(workspace, "orders")]
        )
    assert contents[0] == contents[1]
