import multiprocessing
import sqlite3
from datetime import timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from contracts.errors import SchemaTooNew, StoreError
from serving.sessions import create_entry_code, end_session, find_session, redeem_entry_code
from serving.store import database, tables
from serving.store.database import StoreBusy, has_safe_wal
from serving.store.work import _MIGRATIONS, open_work
from testkit.stored import NOW, make_workspace


@pytest.fixture
def work(workspace):
    opened = open_work(workspace)
    yield opened
    opened.close()


@pytest.fixture
def shop(tmp_path):
    return make_workspace(tmp_path / "shop")


def test_the_migrations_make_exactly_the_tables_the_code_knows(work):
    with work.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": is_ours})
        assert compare_metadata(context, tables.WORK) == []
        assert context.get_current_revision() == tables.HEAD


def is_ours(name, kind, parents):
    return not (kind == "table" and name.startswith("scores"))


def test_the_head_the_code_names_is_the_newest_migration():
    assert ScriptDirectory(str(_MIGRATIONS)).get_current_head() == tables.HEAD


def test_a_work_database_of_a_later_fedele_is_refused(workspace):
    work = open_work(workspace)
    with work.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    work.close()
    with pytest.raises(SchemaTooNew, match=f"schema 9999, this Fedele knows {tables.HEAD}: use a newer"):
        open_work(workspace)


def test_opening_twice_changes_nothing_and_secrets_stay(workspace, work):
    again = open_work(workspace)
    secret = work.fetch_secret("cursors")
    assert len(secret) == 32
    assert again.fetch_secret("cursors") == secret
    assert again.fetch_secret("other") != secret
    again.close()


def test_a_damaged_work_database_is_named_and_never_made_anew(shop):
    open_work(shop).close()
    content = shop.work_database.read_bytes()
    shop.work_database.write_bytes(bytes(4096) + content[4096:])
    with pytest.raises(StoreError, match=r"work\.db is damaged: restore it from a backup"):
        open_work(shop)
    assert shop.work_database.read_bytes()[:4096] == bytes(4096)


def test_the_work_database_is_the_owners_alone_and_its_pragmas_are_in_force(shop):
    work = open_work(shop)
    assert shop.work_database.stat().st_mode & 0o777 == 0o600
    wanted = {"foreign_keys": 1, "synchronous": 2, "secure_delete": 1, "busy_timeout": 5000}
    with work.read() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
        journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    assert found == wanted
    assert journal == ("wal" if has_safe_wal(sqlite3.sqlite_version_info) else "truncate")
    work.close()


def test_a_locked_work_database_is_busy_rather_than_broken(shop, monkeypatch):
    monkeypatch.setattr(database, "BUSY_MILLISECONDS", 50)
    work = open_work(shop)
    other = sqlite3.connect(shop.work_database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreBusy, match=r"work\.db is busy"), work.write():
        pass
    other.close()
    work.close()


def open_in_child(root, barrier):
    from contracts.workspace import open_workspace

    barrier.wait()
    open_work(open_workspace(root)).close()


def test_four_workers_that_start_at_once_agree_on_the_schema(workspace):
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(4)
    children = [context.Process(target=open_in_child, args=(workspace.root, barrier)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0, 0, 0]


def test_an_entry_code_opens_one_session_once(work):
    code = create_entry_code(work, NOW)
    token = redeem_entry_code(work, code, NOW + timedelta(minutes=14))
    assert find_session(work, token, NOW + timedelta(hours=12)) is not None
    assert redeem_entry_code(work, code, NOW) is None
    end_session(work, token)
    assert find_session(work, token, NOW) is None


@pytest.mark.parametrize("minutes", [15, 16])
def test_an_entry_code_is_dead_after_a_quarter_of_an_hour(work, minutes):
    code = create_entry_code(work, NOW)
    assert redeem_entry_code(work, code, NOW + timedelta(minutes=minutes)) is None


def test_a_session_ends_after_twelve_hours_and_a_made_up_token_has_none(work):
    token = redeem_entry_code(work, create_entry_code(work, NOW), NOW)
    assert find_session(work, token, NOW + timedelta(hours=12, minutes=1)) is None
    assert find_session(work, token[:-1], NOW) is None
    assert find_session(work, "", NOW) is None


def test_codes_and_tokens_are_stored_as_digests_only(shop):
    work = open_work(shop)
    code = create_entry_code(work, NOW)
    first = shop.work_database.read_bytes()
    token = redeem_entry_code(work, code, NOW)
    work.close()
    second = shop.work_database.read_bytes()
    assert code.encode() not in first + second
    assert token.encode() not in second
