"""Who read whose score is in the ledger a second later, and names nobody without the customer's key."""

from datetime import timedelta

import pytest

from serving.ledger import accesses, rows
from serving.ledger.accesses import Access, AccessLog
from serving.ledger.audit import verify
from serving.ledger.erasing import erase_from_ledger
from serving.ledger.keyring import Keyring, pseudonym
from testkit.stored import NOW, make_workspace


@pytest.fixture
def workspace(tmp_path):
    made = make_workspace(tmp_path / "shop")
    with Keyring(made.ledger) as keyring:
        keyring.fetch(["ada", "linus"])
    return made


@pytest.fixture
def log(workspace):
    made = AccessLog(workspace)
    yield made
    made.close()


def reads_of(workspace, customer_id):
    """Return (actor, route) of each read of a customer, in order."""
    with Keyring(workspace.ledger) as keyring:
        key = keyring.find([customer_id])[customer_id]
    found = []
    for file in sorted((workspace.ledger / "accesses").glob("*.rows")):
        mark = pseudonym(key, customer_id, f"accesses/{file.name}")
        for number in rows.find_rows(file, mark):
            content = rows.read_row(file, number)[16:]
            found.append((content[:16].rstrip(b"\0").decode(), content[16:24].rstrip(b"\0").decode()))
    return found


def test_a_read_is_on_disk_once_the_log_was_flushed_and_vouched_for_once_it_is_closed(workspace, log):
    log.note(Access(NOW, "a" * 16, "score", ("ada", "stranger")))
    log.note(Access(NOW, "desk", "list", ("linus", "ada")))
    log.note(Access(NOW, "desk", "export", None))
    log.flush()
    assert reads_of(workspace, "ada") == [("a" * 16, "score"), ("desk", "list")]
    assert reads_of(workspace, "linus") == [("desk", "list")]
    assert (verify(workspace).rows, verify(workspace).unanchored) == (4, 4)
    log.close()
    audit = verify(workspace)
    assert (audit.rows, audit.unanchored, audit.entries, audit.faults) == (4, 0, {"accesses": 1}, ())


def test_reads_are_written_by_themselves_within_a_second(workspace, log, monkeypatch):
    monkeypatch.setattr(accesses, "SECONDS", 0.01)
    log.note(Access(NOW, "desk", "page", ("ada",)))
    log._timer.join(20)
    assert reads_of(workspace, "ada") == [("desk", "page")]


def test_the_chain_vouches_for_reads_every_minute_and_at_the_end_of_the_day(workspace, log):
    for minutes in (0, 0.5, 2, 2.5, 24 * 60):
        log.note(Access(NOW + timedelta(minutes=minutes), "desk", "page", ("ada",)))
        log.flush()
    assert verify(workspace).entries == {"accesses": 2}
    assert len(list((workspace.ledger / "accesses").iterdir())) == 2
    assert verify(workspace).unanchored == 1
    assert verify(workspace).faults == ()


def test_an_altered_read_is_named_even_before_the_chain_vouches_for_it(workspace, log):
    log.note(Access(NOW, "desk", "page", ("ada",)))
    log.flush()
    (file,) = (workspace.ledger / "accesses").iterdir()
    content = bytearray(file.read_bytes())
    content[20] ^= 1
    file.write_bytes(content)
    (fault,) = verify(workspace).faults
    assert fault.where == f"accesses/{file.name}, row 1"


def test_an_erasure_blanks_the_reads_too_while_the_service_goes_on_writing(workspace, log):
    log.note(Access(NOW, "desk", "page", ("ada", "linus")))
    log.flush()
    assert erase_from_ledger(workspace, "ada", NOW) == 1
    log.note(Access(NOW, "desk", "page", ("ada", "linus")))
    log.close()
    assert verify(workspace).faults == ()
    assert verify(workspace).rows == 3
    assert reads_of(workspace, "linus") == [("desk", "page")] * 2


def test_a_log_that_nobody_used_leaves_nothing_behind(tmp_path):
    workspace = make_workspace(tmp_path / "shop")
    log = AccessLog(workspace)
    log.flush()
    log.close()
    assert not workspace.ledger.exists()


def test_a_disk_that_is_full_costs_the_log_and_not_the_reader(workspace, log, monkeypatch, caplog):
    def refuse(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log, "_write", refuse)
    log.note(Access(NOW, "desk", "page", ("ada",)))
    log._flush_later()
    assert "reads of a second were not logged" in caplog.text
    assert "ada" not in caplog.text
