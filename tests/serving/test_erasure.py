"""Whoever is erased is in no outcome, waiting message or file of a job, and the others still are."""

import pytest
from sqlalchemy import select

from contracts.workspace import open_workspace
from serving.erasure import erase_traces
from serving.outcomes import Outcome, add_outcomes
from serving.store import tables
from serving.store.generations import open_store
from serving.webhooks import expand_flips
from testkit.stored import NOW, build_info, build_row, make_workspace

GONE, KEPT = "gone-1a2b3c", "kept-1a2b3c"
HOOK = '[[webhooks]]\nname = "crm"\nurl = "http://127.0.0.1:9/x"\nsecret = "a secret of sixteen"\n'


@pytest.fixture
def shop(tmp_path):
    root = make_workspace(tmp_path / "shop").root
    with (root / "fedele.toml").open("a") as file:
        file.write(HOOK)
    workspace = open_workspace(root)
    store = open_store(workspace)
    for generation, probability in (("g1", 0.1), ("g2", 0.9)):
        with store.begin(build_info(generation)) as writer:
            writer.add(build_row(each, probability, generation=generation) for each in (GONE, KEPT))
            writer.finish()
    expand_flips(workspace, store, NOW)
    with store.work.write() as connection:
        told = [Outcome(each, "kept", "2026-11-20T09:00:00Z") for each in (GONE, KEPT)]
        add_outcomes(connection, told, "key", NOW)
    workspace.jobs.mkdir()
    (workspace.jobs / "job_a.sent").write_text(GONE)
    yield workspace, store
    store.close()


def test_an_erased_customer_leaves_no_trace_and_the_others_stay(shop):
    workspace, store = shop
    found = erase_traces(workspace, store.work, GONE)
    assert found == {"outcomes": 1, "messages": 1, "job_files": 1, "live_files": 0}
    assert erase_traces(workspace, store.work, GONE)["outcomes"] == 0
    with store.work.read() as connection:
        told = connection.scalars(select(tables.outcomes.c.customer_id)).all()
        bodies = " ".join(connection.scalars(select(tables.outbox.c.body)))
    assert told == [KEPT]
    assert KEPT in bodies
    assert GONE not in bodies
    assert list(workspace.jobs.iterdir()) == []
    assert GONE.encode() not in workspace.work_database.read_bytes()
