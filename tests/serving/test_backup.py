"""The drill: a workspace is backed up while written to, lost, and restored; a changed byte is refused."""

import io
import sqlite3
import tarfile
import threading
from datetime import timedelta

import pytest

from contracts.errors import BackupRefused, LockHeld
from contracts.randomness import generator
from features.store.lock import hold_lock
from serving.backup import restore_backup, write_backup
from serving.keys import create_key, find_key, find_keys
from serving.ledger.accesses import Access, AccessLog
from serving.ledger.audit import verify
from serving.ledger.keyring import Keyring
from serving.people import add_user, find_users
from serving.privacy.forget import forget
from serving.store.generations import open_store
from testkit.remains import find_remains
from testkit.stored import NOW, build_info, build_rows, make_workspace
from testkit.stores import load_lines

HEADER = "order_id,customer_id,occurred_at,amount"


@pytest.fixture
def shop(tmp_path):
    workspace = make_workspace(tmp_path / "shop")
    store = open_store(workspace)
    with store.begin(build_info()) as writer:
        writer.add(build_rows(40))
        writer.finish()
    add_user(store.work, "ada", "lead", NOW, None, "idp-1")
    store.close()
    workspace.bundle_key.write_bytes(bytes(32))
    workspace.bundle_key.chmod(0o600)
    return workspace


@pytest.fixture
def made(shop, tmp_path):
    return write_backup(shop, tmp_path / "night.fedele", NOW)


def test_all_of_a_lost_workspace_comes_back(shop, tmp_path):
    store = open_store(shop)
    _, text = create_key(store.work, ["score:read"], "crm", NOW)
    before = store.read(["C-00001", "C-00009"], "it")
    store.close()
    made = write_backup(shop, tmp_path / "night.fedele", NOW)
    back = restore_backup(made.file, tmp_path / "again", NOW, digest=made.digest)
    assert (back.files, back.erased) == (made.files, 0)
    restored = back.workspace
    store = open_store(restored)
    assert store.read(["C-00001", "C-00009"], "it") == before
    assert find_key(store.work, text, NOW) is not None
    assert [user.name for user in find_users(store.work)] == ["ada"]
    store.close()
    with sqlite3.connect(restored.work_database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert restored.bundle_key.stat().st_mode & 0o777 == 0o600
    assert made.file.stat().st_mode & 0o777 == 0o600


def test_a_backup_is_consistent_while_the_service_writes(shop, tmp_path):
    store, ended, written = open_store(shop), threading.Event(), []

    def write():
        while not ended.is_set():
            later = NOW + timedelta(seconds=len(written))
            key, _ = create_key(store.work, ["admin"], str(len(written)), later)
            written.append(key.key_id)
            ended.wait(0.001)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        while len(written) < 3:
            ended.wait(0.01)
        made = write_backup(shop, tmp_path / "night.fedele", NOW)
    finally:
        ended.set()
        thread.join(30)
    store.close()
    restored = open_store(restore_backup(made.file, tmp_path / "again", NOW).workspace)
    found = [key.key_id for key in find_keys(restored.work)]
    restored.close()
    assert found == written[: len(found)]
    assert len(found) >= 3


def test_a_changed_byte_anywhere_is_refused_and_leaves_nothing(made, tmp_path):
    genuine, stream = made.file.read_bytes(), generator(2071, "bytes")
    with tarfile.open(made.file) as archive:
        contents = [(each.offset_data, each.size) for each in archive if each.size]
    places = [start + int(stream.integers(0, size)) for start, size in contents]
    for place in places:
        changed = bytearray(genuine)
        changed[place] ^= 1
        made.file.write_bytes(changed)
        with pytest.raises(BackupRefused, match="damaged or altered"):
            restore_backup(made.file, tmp_path / "again", NOW, digest=made.digest)
        assert sorted(each.name for each in tmp_path.iterdir()) == ["night.fedele", "shop"]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_truncated_backup_is_refused(made, tmp_path, share):
    made.file.write_bytes(made.file.read_bytes()[: int(made.file.stat().st_size * share)])
    with pytest.raises(BackupRefused, match=r"damaged or altered|no backup that can be read"):
        restore_backup(made.file, tmp_path / "again", NOW)
    assert not (tmp_path / "again").exists()


def add_member(file, name, kind=tarfile.REGTYPE, data=b"x"):
    with tarfile.open(file, "a") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.size, member.linkname = kind, len(data) if kind == tarfile.REGTYPE else 0, "/etc"
        archive.addfile(member, io.BytesIO(data))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../outside", tarfile.REGTYPE),
        ("/etc/outside", tarfile.REGTYPE),
        ("scores", tarfile.SYMTYPE),
        ("scores/x", tarfile.LNKTYPE),
        ("fedele.toml", tarfile.REGTYPE),
        ("new.txt", tarfile.REGTYPE),
    ],
)
def test_what_was_put_in_afterwards_is_never_written(made, tmp_path, name, kind):
    add_member(made.file, name, kind)
    with pytest.raises(BackupRefused, match="holds what its list does not"):
        restore_backup(made.file, tmp_path / "deep" / "again", NOW)
    assert not (tmp_path / "deep" / "again").exists()
    assert not (tmp_path / "deep" / "outside").exists()


def test_another_backup_than_the_one_noted_down_is_refused(made, tmp_path):
    with pytest.raises(BackupRefused, match="does not have the digest given"):
        restore_backup(made.file, tmp_path / "again", NOW, digest="0" * 64)


def test_nothing_that_is_there_is_written_over(shop, made, tmp_path):
    with pytest.raises(BackupRefused, match="shop is not empty"):
        restore_backup(made.file, shop.root, NOW)
    with pytest.raises(BackupRefused, match=r"night\.fedele exists"):
        write_backup(shop, made.file, NOW)
    with pytest.raises(BackupRefused, match="lies in the workspace"):
        write_backup(shop, shop.root / "inside.fedele", NOW)


def test_marks_that_cannot_be_read_undo_all_of_a_restore(made, tmp_path):
    with pytest.raises(BackupRefused, match="nowhere is no folder"):
        restore_backup(made.file, tmp_path / "again", NOW, tombstones=tmp_path / "nowhere")
    assert not (tmp_path / "again").exists()


def test_who_was_erased_after_the_backup_is_erased_again_on_the_way_back(shop, tmp_path):
    lines = [f"o-{name},{name},2026-01-02,5" for name in ("qx-ada-7", "linus")]
    load_lines(shop, "orders", HEADER, *lines)
    with Keyring(shop.ledger) as keyring:
        keyring.fetch(["linus", "qx-ada-7"])
    log = AccessLog(shop)
    log.note(Access(NOW, "desk", "page", ("qx-ada-7", "linus")))
    log.close()
    before = write_backup(shop, tmp_path / "before.fedele", NOW)
    assert find_remains(tmp_path, b"qx-ada-7") != []
    forget(shop, "qx-ada-7", NOW)
    back = restore_backup(before.file, tmp_path / "again", NOW, tombstones=shop.root)
    assert back.erased == 1
    assert find_remains(tmp_path / "again", b"qx-ada-7") == []
    assert verify(back.workspace).faults == ()
    assert verify(back.workspace).entries["restored"] == 1
    report = load_lines(back.workspace, "orders", HEADER, "o-9,qx-ada-7,2026-01-02,5")
    assert report.reasons == {"erased": 1}


def test_drafts_logs_and_caches_stay_outside(shop, tmp_path):
    for name in ("serve.log", ".lock", "scores/g9.db.partial"):
        (shop.root / name).write_text("x", encoding="utf-8")
    made = write_backup(shop, tmp_path / "night.fedele", NOW)
    with tarfile.open(made.file) as archive:
        names = archive.getnames()
    assert names[0] == "backup.json"
    assert {"bundle.key", "fedele.toml", "work.db", "scores/g1.db"} < set(names)
    assert not {"serve.log", ".lock", "ledger/.lock", "scores/g9.db.partial"} & set(names)


def test_the_commands_take_the_lock_and_print_what_restore_asks_for(shop, tmp_path, monkeypatch):
    import json

    import typer
    from typer.testing import CliRunner

    from cli.backup import backup
    from cli.restore import restore

    monkeypatch.chdir(shop.root)
    app = typer.Typer()
    app.command()(backup)
    app.command()(restore)
    file = str(tmp_path / "night.fedele")
    with hold_lock(shop.lock, "fedele train"), pytest.raises(LockHeld, match="fedele train"):
        CliRunner().invoke(app, ["backup", file], catch_exceptions=False)
    said = json.loads(CliRunner().invoke(app, ["backup", file, "--json"], catch_exceptions=False).stdout)
    again = ["restore", file, str(tmp_path / "again"), "--digest", said["digest"]]
    assert "The workspace shop is in" in CliRunner().invoke(app, again, catch_exceptions=False).stdout
