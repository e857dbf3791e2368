"""Forgetting leaves nothing behind but a mark that brings nobody back."""

import json
import sqlite3
from datetime import timedelta

import pandas as pd
import pytest

from contracts.errors import LockHeld, WorkspaceError
from contracts.randomness import generator
from contracts.settings import SourceSection
from features.ingest.load import ingest_files
from features.store.erasure import find_customers
from features.store.lock import hold_lock
from features.store.quarantine import read_listing
from serving.ledger.audit import verify
from serving.ledger.chain import Chain
from serving.ledger.keyring import Keyring, pseudonym
from serving.ledger.replay import find_entry, replay
from serving.privacy.forget import find_known, forget, forget_again
from serving.privacy.search import search_workspace
from serving.store.generations import open_store
from testkit.commands import build_command, build_environment
from testkit.kills import kill_at_random
from testkit.remains import find_remains
from testkit.stores import NOW as LOADED_AT
from testkit.stores import load_lines, make_workspace, read_rows
from testkit.workspaces import NOW

pytestmark = pytest.mark.xdist_group("shop")

LATER = NOW + timedelta(days=1)


def find_scored(workspace):
    """Return the ids with a score, in order."""
    store = open_store(workspace)
    try:
        rows = store.changed_since(None, store.current(), "en", 10_000)
        return [row.customer_id for _, row in rows if row.status == "scored"]
    finally:
        store.close()


def test_no_byte_of_a_forgotten_customer_is_left_and_the_ledger_still_verifies(workspace):
    one = find_scored(workspace)[3]
    entry = find_entry(workspace)
    with Keyring(workspace.ledger) as keyring:
        key = keyring.find([one])[one]
    mark = pseudonym(key, one, entry.body["file"])
    needles = (one.encode(), mark, mark.hex().encode(), key, key.hex().encode())
    assert len(find_remains(workspace.root, *needles)) > 5
    found = forget(workspace, one, LATER)
    assert found.is_complete
    assert found.facts["orders"] + found.facts["subscriptions"] > 0
    assert list(found.scores.values()) == [1]
    assert found.ledger_rows == 1
    assert find_remains(workspace.root, *needles) == []
    audit = verify(workspace)
    assert audit.faults == ()
    assert audit.entries["erasure"] == audit.entries["proof"] == 1
    assert replay(workspace, [one], entry, LATER)[one].status == "erased"


def test_forgetting_twice_finds_nothing_and_leaves_one_mark(workspace):
    one = find_scored(workspace)[0]
    forget(workspace, one, LATER)
    again = forget(workspace, one, LATER)
    assert again.is_complete
    assert not any([*again.facts.values(), *again.scores.values(), *again.copies.values(), again.ledger_rows])
    assert len((workspace.tombstones / "marks").read_text().splitlines()) == 1
    assert verify(workspace).is_whole


def test_killed_at_any_point_the_same_command_finishes_the_erasure(workspace, tmp_path):
    rng = generator(2300, "forget kills")
    ids = find_scored(workspace)[10:13]
    struck = 0
    for one in ids:
        command, environment = build_command("forget", one), build_environment(tmp_path)
        struck += kill_at_random(command, rng, 3.0, 0.9, folder=workspace.root, environment=environment)
        assert forget(workspace, one, LATER).is_complete
        assert find_remains(workspace.root, one.encode()) == []
        assert verify(workspace).is_whole
    assert struck >= 1


@pytest.mark.parametrize("step", ["append_held", "_blank", "destroy"])
def test_cut_off_inside_the_ledger_the_rows_go_and_the_chain_stays_whole(workspace, monkeypatch, step):
    from serving.ledger import erasing

    class Cut(RuntimeError):
        """Stands for a killed process."""

    def cut(*given):
        raise Cut("killed")

    owner = {"append_held": Chain, "_blank": erasing, "destroy": Keyring}[step]
    one = find_scored(workspace)[20]
    with monkeypatch.context() as patch:
        patch.setattr(owner, step, cut)
        with pytest.raises(Cut, match="killed"):
            erasing.erase_from_ledger(workspace, one, LATER)
    erasing.erase_from_ledger(workspace, one, LATER)
    assert verify(workspace).is_whole
    entry = find_entry(workspace)
    with Keyring(workspace.ledger) as keyring:
        assert keyring.find([one]) == {}
    assert Chain(workspace.ledger).find_head().kind == "erasure"
    assert entry.body["rows"] == verify(workspace).rows


def test_an_old_export_brings_nobody_back_and_its_rows_are_counted(tmp_path):
    workspace = make_workspace(tmp_path / "shop")
    lines = ("order_id,customer_id,occurred_at,amount", "o1,qx-ada-7,2026-01-02,5", "o2,linus,2026-01-03,6")
    load_lines(workspace, "orders", *lines)
    (workspace.root / "file.csv").unlink()
    assert forget(workspace, "qx-ada-7", LOADED_AT).facts["orders"] == 1
    report = load_lines(workspace, "orders", *lines, "o3,qx-ada-7,2026-01-04,7", source="backup")
    assert (report.read, report.loaded, report.quarantined) == (3, 1, 2)
    assert report.reasons == {"erased": 2}
    assert {row["customer_id"] for row in read_rows(workspace, "orders")} == {"linus"}
    listed = read_listing(workspace.events)
    assert [(row["line"], row["column"], row["code"]) for row in listed] == [
        (2, "customer_id", "erased"),
        (4, "customer_id", "erased"),
    ]
    (workspace.root / "file.csv").unlink()
    assert find_remains(workspace.root, b"qx-ada-7") == []


def test_who_came_back_by_a_restored_folder_is_found_by_the_mark_and_erased_again(workspace, shop, tmp_path):
    one = find_scored(workspace)[7]
    forget(workspace, one, LATER)
    restored = shop.copy(tmp_path / "restored")
    (restored.root / "tombstones").mkdir()
    for file in workspace.tombstones.iterdir():
        (restored.tombstones / file.name).write_bytes(file.read_bytes())
    assert one in find_customers(restored.events)
    assert forget_again(restored, LATER) == 1
    assert find_remains(restored.root, one.encode()) == []
    assert forget_again(restored, LATER) == 0


def test_copies_lose_the_customers_rows_and_keep_every_other_byte(tmp_path):
    workspace = make_workspace(tmp_path / "shop")
    load_lines(workspace, "orders", "order_id,customer_id,occurred_at,amount", "o1,linus,2026-01-03,6")
    (workspace.root / "file.csv").unlink()
    file = workspace.root / "exports" / "list.csv"
    file.parent.mkdir()
    other = '"1,0";x;"multi\r\nline customer-9 x"\r\n'
    file.write_bytes(
        f"\ufeffamount;customer_id;note\r\n{other}2;customer-9;gone\r\n3;customer-99;\r\n".encode()
    )
    pd.DataFrame({"customer_id": ["customer-9", "b"], "n": [1, 2]}).to_parquet(workspace.root / "f.parquet")
    found = forget(workspace, "customer-9", LOADED_AT)
    assert found.copies == {"exports/list.csv": 1, "f.parquet": 1}
    assert file.read_bytes() == f"\ufeffamount;customer_id;note\r\n{other}3;customer-99;\r\n".encode()
    assert pd.read_parquet(workspace.root / "f.parquet")["n"].tolist() == [2]
    assert not found.is_complete
    assert found.search.hits == ("exports/list.csv",)


def test_a_file_that_is_not_ours_is_named_and_left_alone(tmp_path):
    workspace = make_workspace(tmp_path / "shop")
    note = workspace.root / "notes.txt"
    note.write_text("call customer-9 tomorrow\n", encoding="utf-8")
    database = sqlite3.connect(workspace.root / "own.db")
    database.execute("CREATE TABLE t (a TEXT)")
    database.execute("INSERT INTO t VALUES ('customer-9')")
    database.commit()
    database.close()
    assert forget(workspace, "customer-9", LOADED_AT).search.hits == ("notes.txt", "own.db")
    note.unlink()
    (workspace.root / "own.db").unlink()
    assert forget(workspace, "customer-9", LOADED_AT).is_complete


@pytest.mark.parametrize(
    ("customer", "text", "named"),
    [
        ("customer-9", "customer-99, xcustomer-9, customer-9b", False),
        ("customer-9", json.dumps({"id": "customer-9"}), True),
        ("caffè/d'Este", json.dumps(["caffè/d'Este"]), True),
        ("caffè/d'Este", "/desk/customers/caff%C3%A8%2Fd%27Este", True),
        ("42", "42 customers, 0.42", False),
        ("42", '{"customer_id":"42"}', True),
        ("42", "a,42,b", True),
        ("4242424242", "id 4242424242.", True),
    ],
)
def test_an_id_is_found_in_every_spelling_and_never_inside_another(tmp_path, customer, text, named):
    workspace = make_workspace(tmp_path / "shop")
    (workspace.root / "some.log").write_text(text, encoding="utf-8")
    assert bool(search_workspace(workspace, customer).hits) == named


@pytest.mark.parametrize("customer", ["", "  ", "x" * 257])
def test_what_can_be_no_id_is_refused_without_a_mark(tmp_path, customer):
    workspace = make_workspace(tmp_path / "shop")
    with pytest.raises(WorkspaceError, match="an id has 1 to 256 characters and is not blank"):
        forget(workspace, customer, NOW)
    assert not workspace.tombstones.exists()


def test_an_erasure_waits_for_nobody_and_says_who_is_writing(tmp_path):
    workspace = make_workspace(tmp_path / "shop")
    with hold_lock(workspace.lock, "fedele score"), pytest.raises(LockHeld, match="`fedele score`"):
        forget(workspace, "ada", NOW)


def test_what_training_and_scoring_read_lacks_the_forgotten(workspace):
    one = find_scored(workspace)[5]
    forget(workspace, one, LATER)
    assert one not in find_customers(workspace.events)
    assert one not in find_known(workspace)
    assert len(find_known(workspace)) == 499


def test_an_export_of_the_erased_loaded_again_after_the_erasure_changes_nothing(workspace, shop, tmp_path):
    one = find_scored(workspace)[6]
    forget(workspace, one, LATER)
    orders = shop.company.tables["orders"].query("customer_id == @one")
    orders.to_csv(tmp_path / "orders.csv", index=False)
    (report,) = ingest_files(
        workspace, "orders", [tmp_path / "orders.csv"], SourceSection(), source="simulated", now=LATER
    )
    assert (report.loaded, report.quarantined) == (0, report.read)
    assert find_remains(workspace.root, one.encode()) == []
