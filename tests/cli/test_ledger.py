"""``fedele replay``, ``audit``, ``forget``, ``backup`` and ``restore``, as people and programs call them."""

import json

import pytest

from serving.ledger.replay import find_entry
from serving.store.generations import open_store

pytestmark = pytest.mark.xdist_group("shop")


@pytest.fixture
def customer(shop):
    store = open_store(shop)
    rows = store.changed_since(None, store.current(), "it", 50)
    store.close()
    return next(row for _, row in rows if row.status == "scored")


def test_a_replay_prints_the_record_and_a_program_gets_both_as_text(fedele, shop, customer, monkeypatch):
    monkeypatch.setenv("FEDELE_CLOCK", "2026-06-02T00:00:00Z")
    told = json.loads(fedele("replay", customer.customer_id, "--json").out)
    assert told["status"] == "reproduced"
    assert told["record_it"] == customer.record("it").decode()
    assert told["generation"] == find_entry(shop).body["generation"]
    shown = fedele("audit", "show", "--kind", "generation", "--json")
    assert [each["kind"] for each in json.loads(shown.out)["entries"]] == ["generation"]


def test_the_audit_names_the_altered_row_and_ends_with_one(fedele, shop):
    whole = json.loads(fedele("audit", "verify", "--json").out)
    assert (whole["whole"], whole["faults"]) == (True, [])
    name = find_entry(shop).body["file"]
    content = bytearray((shop.ledger / name).read_bytes())
    content[64 * 9 + 5] ^= 1
    (shop.ledger / name).write_bytes(content)
    said = fedele("audit", "verify")
    assert said.status == 1
    assert f"{name}, row 10: it was altered" in said.out
    assert fedele("audit", "verify", "--head", whole["head"]).status == 1


def test_forgetting_prints_the_proof_and_never_the_customer(fedele, shop, customer):
    said = fedele("forget", customer.customer_id)
    assert said.status == 0
    assert "0 hits." in said.out
    assert customer.customer_id not in said.out + said.err
    again = fedele("replay", customer.customer_id, "--json")
    assert (again.status, json.loads(again.out)["status"]) == (0, "erased")
    assert customer.customer_id not in again.out + again.err
    (shop.root / "notes.txt").write_text(f"call {customer.customer_id}\n", encoding="utf-8")
    left = fedele("forget", customer.customer_id, "--json")
    assert left.status == 1
    assert json.loads(left.out)["hits"] == ["notes.txt"]


def test_a_backup_and_its_restore_tell_the_same_counts(fedele, shop, tmp_path):
    saved = json.loads(fedele("backup", str(tmp_path / "shop.tar"), "--json").out)
    back = json.loads(fedele("restore", str(tmp_path / "shop.tar"), str(tmp_path / "again"), "--json").out)
    assert (back["files"], back["bytes"], back["erased"]) == (saved["files"], saved["bytes"], 0)
    assert (tmp_path / "again" / "fedele.toml").read_bytes() == (shop.root / "fedele.toml").read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("replay", "C-1", "--generation", "nothing"), "The ledger holds no such generation"),
        (("forget", " "), "an id has 1 to 256 characters"),
        (("backup", "shop.tar"), "lies in the workspace, or its folder does not exist: choose another"),
        (("restore", "fedele.toml", "again"), "fedele.toml is no backup that can be read"),
    ],
)
def test_what_cannot_be_done_is_one_line_with_the_next_step(fedele, shop, words, said):
    told = fedele(*words)
    assert told.status == 1
    assert told.err.splitlines()[-1].startswith("fedele: ")
    assert said in told.err
