"""What breaks beneath the service: a lock that stays, a full disk, a stepped clock, no model, an end."""

import os
import signal
import sqlite3
import threading
from datetime import timedelta

import httpx
import pytest

from contracts.errors import StoreError
from serving.keys import create_key, find_key, find_keys
from serving.sessions import SESSION_LASTS, create_entry_code, find_session, redeem_entry_code
from serving.store import database
from serving.store.database import StoreBusy
from serving.store.generations import open_store
from serving.store.work import open_work
from serving.tenants import Tenants
from testkit.running import end_server, find_port, serve_workspace
from testkit.service import Caller, build_service
from testkit.stored import NOW, build_info, build_rows, make_workspace


@pytest.fixture
def shop(tmp_path):
    workspace = make_workspace(tmp_path / "shop")
    store = open_store(workspace)
    with store.begin(build_info()) as writer:
        writer.add(build_rows(5))
        writer.finish()
    store.close()
    return workspace


def test_while_somebody_else_writes_reads_go_on_and_writes_say_busy(shop, monkeypatch):
    monkeypatch.setattr(database, "BUSY_MILLISECONDS", 50)
    work = open_work(shop)
    _, text = create_key(work, ["score:read"], "", NOW)
    other = sqlite3.connect(shop.work_database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert find_key(work, text, NOW) is not None
    assert work.find_current() is not None
    with pytest.raises(StoreBusy, match=r"work\.db is busy or out of reach: try again"):
        create_key(work, ["score:read"], "", NOW)
    other.execute("ROLLBACK")
    create_key(work, ["score:read"], "", NOW)
    other.close()
    work.close()


def fill(work):
    for number in range(2_000):
        create_key(work, ["score:read"], "x" * 500 + str(number), NOW)


def test_on_a_full_disk_writes_are_refused_whole_and_reads_go_on(shop):
    work = open_work(shop)
    key, text = create_key(work, ["score:read"], "first", NOW)
    with work.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreError, match=r"No space left to write work\.db: free some"):
        fill(work)
    assert find_key(work, text, NOW).key_id == key.key_id
    with work.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    create_key(work, ["score:read"], "after", NOW)
    assert {"first", "after"} <= {each.name for each in find_keys(work)}
    work.close()


def test_a_key_expires_at_its_instant_also_when_it_is_remembered(shop):
    work = open_work(shop)
    key, text = create_key(work, ["score:read"], "", NOW, days=2)
    last = NOW + timedelta(days=2) - timedelta(seconds=1)
    assert find_key(work, text, last) is not None
    assert find_key(work, text, last) is not None
    assert find_key(work, text, NOW + timedelta(days=2)) is None
    assert find_key(work, text, last).expires_at == key.expires_at
    work.close()


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(hours=1)])
def test_a_clock_that_steps_neither_loses_nor_revives_a_session(shop, step):
    work = open_work(shop)
    token = redeem_entry_code(work, create_entry_code(work, NOW), NOW)
    assert find_session(work, token, NOW + step) is not None
    assert find_session(work, token, NOW + SESSION_LASTS + timedelta(hours=2)) is None
    _, text = create_key(work, ["score:read"], "", NOW + step)
    assert find_key(work, text, NOW) is not None
    work.close()


def test_a_key_revoked_by_another_process_is_refused_by_the_next_request(shop):
    tenants = Tenants()
    tenants.open([shop.root])
    key, text = create_key(next(iter(tenants)).store.work, ["model:read"], "", NOW)
    caller = Caller(build_service(tenants, lambda: NOW), text)
    assert [caller.get("/v1/model").status for _ in range(3)] == [200] * 3
    with sqlite3.connect(shop.work_database) as other:
        other.execute(
            "UPDATE api_keys SET revoked_at = '2026-11-21T06:00:00Z' WHERE key_id = ?", [key.key_id]
        )
    other.close()
    assert caller.get("/v1/model").problem == "no-key"
    tenants.close()


def test_a_generation_written_by_another_process_is_seen_by_the_next_request(shop):
    reader, writer = open_store(shop), open_store(shop)
    assert [reader.current().generation for _ in range(2)] == ["g1"] * 2
    with writer.begin(build_info("g2")) as draft:
        draft.add(build_rows(5, "g2"))
        draft.finish()
    assert reader.current().generation == "g2"
    reader.close()
    writer.close()


def test_without_a_model_or_scores_the_service_lives_and_is_not_ready(tmp_path):
    tenants = Tenants()
    tenants.open([make_workspace(tmp_path / "empty").root])
    caller = Caller(build_service(tenants, lambda: NOW))
    assert caller.get("/livez").status == 200
    assert (caller.get("/readyz").status, caller.get("/readyz").problem) == (503, "not-ready")
    tenants.close()


def test_the_watcher_survives_what_it_finds_and_ends_with_the_service(shop):
    tenants = Tenants()
    tenants.open([shop.root])
    (shop.models).mkdir()
    (shop.models / "champion").write_text("nonsense", encoding="utf-8")
    tenants.watch(0.01)
    holder = next(iter(tenants)).holder
    waited = threading.Event()
    for _ in range(300):
        if holder.state.refused:
            break
        waited.wait(0.02)
    assert "holds no version" in holder.state.refused
    tenants.close()
    assert not [each for each in threading.enumerate() if each.name == "fedele-champion"]


def wait_for_no(url):
    """Return the answer of a probe once it is no yes any more."""
    waited = threading.Event()
    for _ in range(100):
        answer = httpx.get(f"{url}/readyz", timeout=10)
        if answer.status_code != 200:
            break
        waited.wait(0.1)
    return answer


def test_a_service_that_is_told_to_end_while_busy_finishes_what_it_began(shop):
    work = open_work(shop)
    _, text = create_key(work, ["score:read"], "", NOW)
    work.close()
    statuses, port = [], find_port()
    served = serve_workspace(shop.root, probe_port=port)
    with served as running, httpx.Client(base_url=running.url, timeout=30) as client:
        headers = {"authorization": f"Bearer {text}", "content-type": "application/json"}
        first, begun = threading.Event(), threading.Event()

        def body():
            yield b'{"customer_ids":'
            begun.set()
            first.wait(20)
            yield b'["C-00001"]}'

        def ask():
            statuses.append(client.post("/v1/scores", content=body(), headers=headers).status_code)

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        assert begun.wait(20)
        assert httpx.get(f"http://127.0.0.1:{port}/readyz").json() == {"status": "ready"}
        os.kill(running.server.pid, signal.SIGTERM)
        ending = wait_for_no(f"http://127.0.0.1:{port}")
        assert (ending.status_code, ending.json()["detail"]) == (503, "The process ends.")
        first.set()
        asking.join(30)
        assert end_server(running.server) == 0
    assert statuses == [200]
