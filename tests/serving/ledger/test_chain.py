"""The chain only grows, and no byte of it changes unseen."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import StoreError
from serving.ledger.chain import Chain
from testkit.tree import ROOT

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


@pytest.fixture
def chain(tmp_path):
    chain = Chain(tmp_path / "ledger")
    for number in range(6):
        chain.append("generation" if number % 2 else "promotion", {"number": number, "says": "è"}, NOW)
    return chain


def test_entries_are_read_as_they_were_added_and_by_kind(chain):
    entries = list(chain.read())
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert [entry.body["number"] for entry in chain.read("promotion")] == [0, 2, 4]
    assert entries[2].previous == entries[1].seal
    assert chain.find_head() == entries[-1]
    assert list(chain.find_faults()) == []


def test_an_empty_chain_has_no_entries_no_head_and_no_faults(tmp_path):
    chain = Chain(tmp_path / "ledger")
    assert list(chain.read()) == list(chain.find_faults()) == []
    assert chain.find_head() is None
    assert not (tmp_path / "ledger").exists()


@given(st.data())
def test_any_single_changed_byte_of_chain_or_head_is_found(tmp_path_factory, data):
    chain = Chain(tmp_path_factory.mktemp("one") / "ledger")
    for number in range(3):
        chain.append("promotion", {"version": str(number), "why": "better, è"}, NOW + timedelta(hours=number))
    file = chain.folder / data.draw(st.sampled_from(["chain.jsonl", "chain.jsonl", "head"]))
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)
    assert list(chain.find_faults())


def test_the_altered_line_is_the_one_that_is_named(chain):
    file = chain.folder / "chain.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[3] = lines[3].replace('"number":3,"says"', '"number":7,"says"')
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (fault,) = chain.find_faults()
    assert fault.where == "chain.jsonl, line 4"
    assert fault.what == "the entry was altered (generation of 2026-11-22T06:00:00Z)"


def test_a_line_sealed_anew_after_it_was_altered_no_longer_fits_the_next_one(chain, tmp_path):
    forger = Chain(tmp_path / "forged")
    entries = list(chain.read())
    for entry in entries[:3]:
        forger.append(entry.kind, entry.body | ({"number": 9} if entry.number == 3 else {}), NOW)
    file = chain.folder / "chain.jsonl"
    lines = file.read_bytes().splitlines()
    lines[2] = (forger.folder / "chain.jsonl").read_bytes().splitlines()[2]
    file.write_bytes(b"\n".join(lines) + b"\n")
    (fault,) = chain.find_faults()
    assert fault.where == "chain.jsonl, line 4"
    assert "does not follow the one before it" in fault.what


@pytest.mark.parametrize("kept", [0, 1, 5])
def test_lines_cut_off_the_end_are_missed(chain, kept):
    file = chain.folder / "chain.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in file.read_bytes().splitlines()[:kept]))
    assert [fault.what for fault in chain.find_faults()] == [
        f"the lines after line {kept} are missing: there were 6"
    ]


@pytest.mark.parametrize("change", ["removed", "swapped", "doubled"])
def test_lines_that_are_moved_removed_or_doubled_are_found(chain, change):
    file = chain.folder / "chain.jsonl"
    lines = file.read_bytes().splitlines()
    moved = {
        "removed": [*lines[:2], *lines[3:]],
        "swapped": [*lines[:2], lines[3], lines[2], *lines[4:]],
        "doubled": [*lines[:3], lines[2], *lines[3:]],
    }[change]
    file.write_bytes(b"\n".join(moved) + b"\n")
    assert list(chain.find_faults())


def test_a_torn_last_line_never_counted_and_the_next_entry_takes_its_place(chain):
    with (chain.folder / "chain.jsonl").open("ab") as stream:
        stream.write(b'{"number":7,"at":"20')
    assert len(list(chain.read())) == 6
    chain.append("promotion", {}, NOW)
    assert [entry.number for entry in chain.read()] == list(range(1, 8))
    assert list(chain.find_faults()) == []


def test_the_head_may_lag_behind_a_writer_killed_before_it_moved(chain):
    head = (chain.folder / "head").read_bytes()
    chain.append("promotion", {}, NOW)
    (chain.folder / "head").write_bytes(head)
    assert list(chain.find_faults()) == []


def test_nothing_is_put_after_a_last_line_that_cannot_be_read(chain):
    file = chain.folder / "chain.jsonl"
    file.write_bytes(file.read_bytes()[:-3] + b"}}\n")
    with pytest.raises(StoreError, match="its last line is damaged: run `fedele audit verify`"):
        chain.append("promotion", {}, NOW)


def test_a_long_last_line_is_found_from_the_end(chain):
    chain.append("generation", {"loads": ["x" * 16] * 9_000}, NOW)
    assert chain.append("promotion", {}, NOW).number == 8
    assert list(chain.find_faults()) == []


def test_writers_of_several_processes_killed_at_any_time_leave_a_whole_chain(tmp_path):
    script = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from serving.ledger.chain import Chain
chain = Chain(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(10_000):
    chain.append("promotion", {"writer": sys.argv[2], "number": number}, datetime(2026, 1, 1, tzinfo=UTC))
    print(number, flush=True)
"""
    folder = tmp_path / "ledger"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(folder), name],
            env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in "ab"
    ]
    acknowledged = {}
    for name, writer, enough in zip("ab", writers, ("11", "17"), strict=True):
        told = "ready"
        while told != enough:
            told = writer.stdout.readline().strip()
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.communicate()[0].split()
        acknowledged[name] = int(rest[-1] if rest else told)
    chain = Chain(folder)
    assert list(chain.find_faults()) == []
    kept = [(entry.body["writer"], entry.body["number"]) for entry in chain.read()]
    assert len(set(kept)) == len(kept)
    for name, last in acknowledged.items():
        assert {number for writer, number in kept if writer == name} >= set(range(last + 1))
    assert json.loads((folder / "head").read_text().split()[0]) >= len(kept) - 1
