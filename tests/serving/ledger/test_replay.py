"""A past score comes back byte for byte, or what cannot be shown again is told and by which part."""

import shutil
from collections import Counter
from datetime import timedelta

import pytest

from contracts.errors import WorkspaceError
from contracts.settings import SourceSection
from contracts.time import to_text
from contracts.workspace import open_workspace
from features.ingest.load import ingest_files
from serving.ledger import rows
from serving.ledger.audit import verify
from serving.ledger.chain import Chain
from serving.ledger.expiry import expire
from serving.ledger.replay import describe, find_entry, replay
from serving.privacy.forget import forget
from serving.store.generations import open_store
from testkit.stores import write_lines
from testkit.workspaces import NOW, find_shop

pytestmark = pytest.mark.xdist_group("shop")

LATER = NOW + timedelta(days=40)


@pytest.fixture(scope="module")
def shop():
    return find_shop()


@pytest.fixture(scope="module")
def kept(shop):
    """The stored records of the shop's generation, by customer."""
    return read_records(shop.workspace)


@pytest.fixture(scope="module")
def changed(shop, tmp_path_factory):
    """The workspace a while later: facts of every kind came and went, settings changed, some were erased."""
    workspace = shop.copy(tmp_path_factory.mktemp("later") / "shop")
    orders = shop.company.tables["orders"]
    early = orders["occurred_at"].min().isoformat()
    ids = sorted(read_records(workspace))
    lines = [f"late-{place},{one},{early},250.00" for place, one in enumerate(ids[:60])]
    late = write_lines(workspace.root / "late.csv", "order_id,customer_id,occurred_at,amount", *lines)
    people = [f"{one},{early},gold" for one in ids]
    tiers = write_lines(workspace.root / "tiers.csv", "customer_id,occurred_at,tier", *people)
    for table, file in (("orders", late), ("customers", tiers)):
        ingest_files(workspace, table, [file], SourceSection(), source="later", now=LATER)
        file.unlink()
    for one in (ids[3], ids[-1]):
        forget(workspace, one, LATER)
    file = workspace.root / "fedele.toml"
    text = file.read_text(encoding="utf-8").replace("per_ticket = 8.0", "per_ticket = 1.0")
    file.write_text(text.replace("grace_days = 30", "grace_days = 5"), encoding="utf-8")
    return open_workspace(workspace.root)


def read_records(workspace):
    store = open_store(workspace)
    try:
        info = store.current()
        both = [
            {
                row.customer_id: row.record(language)
                for _, row in store.changed_since(None, info, language, 10_000)
            }
            for language in ("en", "it")
        ]
    finally:
        store.close()
    return {one: (record, both[1][one]) for one, record in both[0].items() if record is not None}


def test_every_past_score_is_the_same_bytes_after_all_that_came_later(changed, kept):
    ids = sorted(kept)
    found = replay(changed, ids, find_entry(changed), LATER)
    assert Counter(each.status for each in found.values()) == {"reproduced": len(ids) - 2, "erased": 2}
    assert {found[ids[3]].status, found[ids[-1]].status} == {"erased"}
    same = {one: (each.record_en, each.record_it) for one, each in found.items() if each.status != "erased"}
    assert same == {one: kept[one] for one in same}


def test_a_score_computed_again_alone_is_the_one_computed_among_all(changed, kept):
    one = sorted(kept)[10]
    (found,) = replay(changed, [one], find_entry(changed), LATER).values()
    assert (found.status, found.differing) == ("reproduced", ())
    assert (found.record_en, found.record_it) == kept[one]


def test_who_had_no_score_then_has_none_now_and_the_unknown_neither(shop):
    entry = find_entry(shop.workspace)
    suppressed = next(iter(shop.company.tables["customers"].query("not profiling_consent")["customer_id"]))
    found = replay(shop.workspace, [suppressed, "stranger"], entry, NOW)
    assert {each.status for each in found.values()} == {"not_scored"}


def test_past_its_time_a_score_is_expired_and_its_rows_go_with_the_next_run(shop, kept, tmp_path):
    workspace = shop.copy(tmp_path / "old")
    entry, one = find_entry(workspace), next(iter(kept))
    days = workspace.settings.retention.ledger_days
    in_time, too_late = NOW + timedelta(days=days), NOW + timedelta(days=days, seconds=1)
    assert expire(workspace, in_time) == []
    assert replay(workspace, [one], entry, too_late)[one].status == "expired"
    assert expire(workspace, too_late) == [entry.body["file"]]
    assert not (workspace.ledger / entry.body["file"]).exists()
    assert expire(workspace, too_late) == []
    assert verify(workspace).faults == ()
    assert replay(workspace, [one], entry, too_late)[one].status == "expired"


def test_what_cannot_be_shown_again_is_named_and_no_record_is_given(shop, kept, tmp_path):
    workspace, some = shop.copy(tmp_path / "other"), sorted(kept)[5:7]
    entry = find_entry(workspace)
    file = workspace.ledger / entry.body["file"]
    content = bytearray(file.read_bytes())
    for one, place in zip(some, (20, 40), strict=True):
        content[rows.ROW * find_number(workspace, one) + place] ^= 1
    file.write_bytes(content)
    found = replay(workspace, some, entry, NOW)
    assert [(found[one].status, found[one].differing) for one in some] == [
        ("differs", ("features",)),
        ("differs", ("record",)),
    ]
    told = describe(found[some[0]])
    assert told["record_en"] is told["record_it"] is None
    assert told["differing"] == ["features"]


@pytest.mark.parametrize("part", ["bundle", "texts"])
def test_a_model_or_texts_that_are_gone_are_named(shop, kept, tmp_path, part):
    workspace, one = shop.copy(tmp_path / "other"), sorted(kept)[5]
    if part == "bundle":
        for folder in (workspace.models, workspace.bundles):
            shutil.rmtree(folder)
    else:
        next((workspace.ledger / "texts").iterdir()).write_bytes(b"{}")
    found = replay(workspace, [one], find_entry(workspace), NOW)[one]
    assert (found.status, found.differing) == ("differs", (part,))


def find_number(workspace, one):
    from serving.ledger.keyring import Keyring, pseudonym

    name = find_entry(workspace).body["file"]
    with Keyring(workspace.ledger) as keyring:
        return rows.find_rows(workspace.ledger / name, pseudonym(keyring.find([one])[one], one, name))[0]


def test_an_altered_row_or_file_of_rows_is_named_by_the_audit(shop, kept, tmp_path):
    workspace, one = shop.copy(tmp_path / "other"), sorted(kept)[30]
    name, number = find_entry(workspace).body["file"], find_number(workspace, one)
    file = workspace.ledger / name
    content = bytearray(file.read_bytes())
    content[rows.ROW * number + 33] ^= 1
    file.write_bytes(content)
    (fault,) = verify(workspace).faults
    assert fault.where == f"{name}, row {number + 1}"
    file.write_bytes(bytes(content)[: rows.ROW * number])
    assert [each.what for each in verify(workspace).faults] == [
        f"the rows after row {number} are missing: there were 479"
    ]
    file.unlink()
    assert [(each.where, each.what) for each in verify(workspace).faults] == [(name, "the file is missing")]


def test_a_noted_seal_proves_that_the_past_was_not_rewritten(shop, tmp_path):
    workspace = shop.copy(tmp_path / "other")
    noted = verify(workspace).head
    Chain(workspace.ledger).append("objection", {"customers": 1}, LATER)
    assert verify(workspace, noted).is_whole
    (workspace.ledger / "chain.jsonl").unlink()
    (workspace.ledger / "head").unlink()
    Chain(workspace.ledger).append("objection", {"customers": 1}, LATER)
    assert "it does not hold the seal that was noted earlier" in {
        each.what for each in verify(workspace, noted).faults
    }


def test_promotions_are_taken_over_once_and_an_altered_one_is_named(shop, tmp_path):
    from serving.ledger.promotions import take_over_promotions

    workspace = shop.copy(tmp_path / "other")
    take_over_promotions(workspace, NOW)
    assert take_over_promotions(workspace, NOW) == []
    (entry,) = Chain(workspace.ledger).read("promotion")
    assert (entry.body["line"], entry.body["version"], entry.body["action"]) == (1, "1", "promote")
    workspace.promotions.write_text(
        workspace.promotions.read_text(encoding="utf-8").replace('"forced": false', '"forced": true'), "utf-8"
    )
    assert [each.where for each in verify(workspace).faults] == ["promotions.jsonl, line 1"]


def test_a_generation_is_found_by_name_by_date_or_as_the_last(shop, tmp_path):
    workspace = shop.copy(tmp_path / "other")
    first = find_entry(workspace)
    later = {"generation": "g2", "scored_at": to_text(LATER)}
    again = Chain(workspace.ledger).append("generation", {**first.body, **later}, LATER)
    assert find_entry(workspace) == find_entry(workspace, at=LATER) == again
    assert find_entry(workspace, at=LATER - timedelta(seconds=1)) == first
    assert find_entry(workspace, first.body["generation"]) == first
    for chosen in ({"generation": "none"}, {"at": NOW - timedelta(days=1)}):
        with pytest.raises(WorkspaceError, match="The ledger holds no such generation: `fedele audit show`"):
            find_entry(workspace, **chosen)
