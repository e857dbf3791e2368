"""A backup comes back byte for byte, without those erased since; a damaged one does not come back at all."""

import tarfile

import pytest

from contracts.errors import StoreError, WorkspaceError
from serving.backup import restore_backup, save_backup
from serving.ledger.accesses import Access, AccessLog
from serving.ledger.audit import verify
from serving.ledger.keyring import Keyring
from serving.privacy.forget import forget
from serving.store.generations import open_store
from testkit.remains import find_remains
from testkit.stored import build_info, build_row, make_workspace
from testkit.stores import NOW, load_lines, read_rows


@pytest.fixture
def workspace(tmp_path):
    made = make_workspace(tmp_path / "shop")
    lines = [f"o-{name},{name},2026-01-02,5" for name in ("qx-ada-7", "linus")]
    load_lines(made, "orders", "order_id,customer_id,occurred_at,amount", *lines)
    store = open_store(made)
    with store.begin(build_info("g1")) as writer:
        writer.add([build_row("linus", 0.4), build_row("qx-ada-7", 0.9)])
        writer.finish()
    store.close()
    with Keyring(made.ledger) as keyring:
        keyring.fetch(["linus", "qx-ada-7"])
    log = AccessLog(made)
    log.note(Access(NOW, "desk", "page", ("qx-ada-7", "linus")))
    log.close()
    return made


def test_what_was_backed_up_comes_back_as_it_was_and_works(workspace, tmp_path):
    before = read_rows(workspace, "orders")
    saved = save_backup(workspace, tmp_path / "shop.tar", NOW)
    back = restore_backup(tmp_path / "shop.tar", tmp_path / "new" / "shop", None, NOW)
    assert (back.files, back.bytes, back.erased) == (saved.files, saved.bytes, 0)
    restored = make_restored(tmp_path / "new" / "shop")
    assert read_rows(restored, "orders") == before
    store = open_store(restored)
    assert set(store.read(["linus", "qx-ada-7"], "en")) == {"linus", "qx-ada-7"}
    store.close()
    assert verify(restored).faults == ()
    assert verify(restored).entries == {"accesses": 1, "restored": 1}
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["shop"]


def make_restored(folder):
    from contracts.workspace import open_workspace

    return open_workspace(folder)


def test_who_was_erased_after_the_backup_is_erased_again_on_the_way_back(workspace, tmp_path):
    save_backup(workspace, tmp_path / "shop.tar", NOW)
    assert find_remains(tmp_path, b"qx-ada-7") != []
    forget(workspace, "qx-ada-7", NOW)
    back = restore_backup(tmp_path / "shop.tar", tmp_path / "again", workspace.root, NOW)
    assert back.erased == 1
    assert find_remains(tmp_path / "again", b"qx-ada-7") == []
    assert verify(make_restored(tmp_path / "again")).faults == ()
    report = load_lines(
        make_restored(tmp_path / "again"), "orders",
        "order_id,customer_id,occurred_at,amount", "o-9,qx-ada-7,2026-01-02,5",
    )  # fmt: skip
    assert report.reasons == {"erased": 1}


@pytest.mark.parametrize("damage", ["byte", "cut", "no backup", "way out"])
def test_a_damaged_backup_restores_nothing_and_leaves_nothing_behind(workspace, tmp_path, damage):
    file = tmp_path / "shop.tar"
    save_backup(workspace, file, NOW)
    content = bytearray(file.read_bytes())
    if damage == "byte":
        content[content.index(b"o-linus") if b"o-linus" in content else 3000] ^= 1
    elif damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "no backup":
        content = bytearray(b"hello")
    file.write_bytes(content)
    if damage == "way out":
        with tarfile.open(file, "w") as archive:
            archive.addfile(tarfile.TarInfo("../outside"))
    with pytest.raises((StoreError, WorkspaceError), match=r"shop\.tar is (damaged|no backup)"):
        restore_backup(file, tmp_path / "again", None, NOW)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["shop", "shop.tar"]


def test_a_backup_overwrites_nothing_and_never_lies_in_the_workspace(workspace, tmp_path):
    (tmp_path / "there.tar").write_bytes(b"x")
    for file in (tmp_path / "there.tar", workspace.root / "inside.tar", tmp_path / "no" / "where.tar"):
        with pytest.raises(WorkspaceError, match="must be a new file in a folder that exists, outside this"):
            save_backup(workspace, file, NOW)
    save_backup(workspace, tmp_path / "shop.tar", NOW)
    assert (tmp_path / "shop.tar").stat().st_mode & 0o777 == 0o600
    with pytest.raises(WorkspaceError, match="holds something already: name a new folder"):
        restore_backup(tmp_path / "shop.tar", workspace.root, None, NOW)
