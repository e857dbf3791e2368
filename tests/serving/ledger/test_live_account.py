"""Every live score is in the ledger before it is told, and comes back byte for byte, facts sent and all."""

import json
from datetime import timedelta

import pytest

from contracts.errors import WorkspaceError
from contracts.time import to_text
from serving.ledger.audit import verify
from serving.ledger.chain import Chain
from serving.ledger.live import LINES
from serving.ledger.replay_live import replay_live
from serving.ledger.rows import ROW
from serving.privacy.forget import forget
from testkit.live import open_live
from testkit.remains import find_remains
from testkit.workspaces import find_shop
from training import golden

pytestmark = pytest.mark.xdist_group("shop")

FACTS = {
    "orders": [{"amount": 49.9}],
    "tickets": [{"reason": "a planted reason", "priority": "high"}],
    "feedback": [{"kind": "csat", "score": 1, "scale_min": 1, "scale_max": 5}],
    "lang": "it",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A workspace whose service has told live scores of stored features and of fresh facts, and is closed."""
    workspace = find_shop().copy(tmp_path_factory.mktemp("live") / "shop")
    now = find_shop().as_of + timedelta(days=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(golden, "check_golden_rows", lambda *given, **more: None)
        with open_live(workspace.root, now) as live:
            shop, subscriber = live.scored(), live.scored("subscription", None)
            ids = [shop, subscriber]
            stored = live.score(ids).json()["results"]
            fresh = {each: live.rescore(each, FACTS).body for each in ids}
    records = {each["customer_id"]: each["score"] for each in stored}
    return workspace, now, records, {each: _cut(body) for each, body in fresh.items()}


def _cut(body):
    """Return the bytes of the record in a body, as they were sent."""
    start = body.index(b'"score":') + len(b'"score":')
    return body[start:-2]


def test_a_live_score_is_one_row_and_its_request_one_line(told):
    workspace, *_ = told
    (rows,) = (workspace.ledger / "live").glob("*.rows")
    assert rows.stat().st_size == 4 * ROW
    lines = rows.with_suffix(LINES).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["body"]["count"] for line in lines] == [1, 1, 1, 1]
    (anchor,) = Chain(workspace.ledger).read("live")
    assert (anchor.body["rows"], anchor.body["lines"]) == (4, 4)
    assert verify(workspace).faults == ()


def test_a_score_from_fresh_facts_is_computed_again_to_the_byte(told):
    workspace, now, _, fresh = told
    for customer_id, record in fresh.items():
        found = replay_live(workspace, customer_id, None, now)
        assert (found.status, found.differing) == ("reproduced", ())
        assert (found.record_en, found.record_it) == (None, record)


def test_a_live_score_of_stored_features_is_computed_again_as_well(told, tmp_path):
    workspace, now, stored, _ = told
    (lines,) = (workspace.ledger / "live").glob(f"*{LINES}")
    first = json.loads(lines.read_text(encoding="utf-8").splitlines()[0])["body"]
    assert first["sent"] is None
    kept = dict.fromkeys(stored)
    for customer_id in kept:
        found = _replay_first(workspace, customer_id, now, tmp_path / customer_id)
        assert found.status == "reproduced"
        assert json.loads(found.record_en) == stored[customer_id]


def _replay_first(workspace, customer_id, now, folder):
    """Replay the score of stored features: the fresh one, told at the same instant, is the last."""
    import shutil

    from contracts.workspace import open_workspace

    shutil.copytree(workspace.root, folder)
    other = open_workspace(folder)
    (rows,) = (other.ledger / "live").glob("*.rows")
    with rows.open("r+b") as stream:
        stream.truncate(2 * ROW)
    return replay_live(other, customer_id, None, now)


def test_before_the_first_live_score_there_is_none_to_compute(told):
    workspace, now, _, fresh = told
    with pytest.raises(WorkspaceError, match="no live score"):
        replay_live(workspace, next(iter(fresh)), now - timedelta(seconds=1), now)


def test_past_its_time_a_live_score_is_expired(told):
    workspace, now, _, fresh = told
    days = timedelta(days=workspace.settings.retention.ledger_days + 1)
    assert replay_live(workspace, next(iter(fresh)), None, now + days).status == "expired"


@pytest.mark.parametrize("what", ["row", "line", "lines gone", "rows cut", "last line cut"])
def test_whatever_is_altered_of_it_is_named(told, copy, what):
    workspace = copy(told[0], "altered")
    (rows,) = (workspace.ledger / "live").glob("*.rows")
    lines = rows.with_suffix(LINES)
    content = bytearray(rows.read_bytes())
    if what == "row":
        content[2 * ROW + 5] ^= 1
        rows.write_bytes(content)
    elif what == "rows cut":
        rows.write_bytes(content[: 3 * ROW])
    elif what == "line":
        lines.write_bytes(lines.read_bytes().replace(b'"language":"it"', b'"language":"en"', 1))
    elif what == "last line cut":
        lines.write_bytes(b"".join(lines.read_bytes().splitlines(keepends=True)[:-1]))
    else:
        lines.unlink()
    where = {
        "row": f"live/{rows.name}, row 3",
        "line": f"live/{lines.name}, line 3",
        "lines gone": f"live/{lines.name}",
        "rows cut": f"live/{rows.name}",
        "last line cut": f"live/{lines.name}",
    }
    assert where[what] in [fault.where for fault in verify(workspace).faults]


def test_who_is_erased_leaves_no_row_and_no_fact_that_could_be_read(told, copy):
    workspace, now, fresh = copy(told[0], "erased"), told[1], told[3]
    gone, left = fresh
    proof = forget(workspace, gone, now)
    assert proof.is_complete
    assert find_remains(workspace.root, gone.encode()) == []
    assert verify(workspace).faults == ()
    assert replay_live(workspace, gone, None, now).status == "erased"
    assert replay_live(workspace, left, None, now).status == "reproduced"


def test_facts_sent_are_nowhere_in_plain(told):
    workspace = told[0]
    assert find_remains(workspace.root, b"a planted reason") == []


def test_a_customer_erased_while_the_score_was_computed_is_not_told_it(told, copy):
    workspace, now, fresh = copy(told[0], "meanwhile"), told[1], told[3]
    gone = next(iter(fresh))
    with open_live(workspace.root, now) as live:
        scorer = live.tenant.live
        before = scorer.rescore

        def erase_first(info, customer_id, *more):
            forget(workspace, customer_id, now)
            return before(info, customer_id, *more)

        live.tenant.live.rescore = erase_first
        answer = live.rescore(gone, FACTS).json()
    assert answer["result"]["status"] == "not_scored"
    assert find_remains(workspace.root, gone.encode()) == []


def test_a_live_score_names_the_instant_it_was_told(told):
    workspace, now, *_ = told
    (lines,) = (workspace.ledger / "live").glob(f"*{LINES}")
    bodies = [json.loads(line)["body"] for line in lines.read_text(encoding="utf-8").splitlines()]
    assert {body["scored_at"] for body in bodies} == {to_text(now)}
