"""A workspace whose texts have been read."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from contracts.settings import SourceSection
from contracts.time import parse_as_of
from contracts.workspace import create_workspace
from features.engine import Engine, Events, read_frame
from features.hearing import find_texts, hear, open_company
from features.ingest.load import ingest_files
from features.snapshot import take_snapshot
from features.text.reader import open_reader

SAID = datetime(2025, 12, 1, tzinfo=UTC)
ANSWERS = (
    ("f1", "The courier was rude and the parcel came ten days late.", "Altrove"),
    ("f2", "Un acquisto perfetto, sono felicissima!", None),
    ("f3", None, None),
    ("f4", "Un acquisto perfetto, sono felicissima!", None),
)


@pytest.fixture
def workspace(tmp_path):
    return create_workspace(tmp_path / "shop")


@pytest.fixture
def events():
    names = ("feedback_id", "text", "brand")
    fixed = {"customer_id": "c1", "occurred_at": SAID, "kind": "verbatim"}
    rows = [dict(zip(names, row, strict=True)) | fixed for row in ANSWERS]
    return Events.from_frames({"feedback": pa.Table.from_pylist(rows)})


def test_each_text_of_feedback_is_found_once(events):
    assert find_texts(events) == (ANSWERS[0][1], ANSWERS[1][1])


def test_the_reading_of_each_text_stands_beside_its_feedback(events, workspace):
    heard = hear(events, open_reader(), find_texts(events))
    snapshot = take_snapshot(heard, parse_as_of("2026-01-01", "UTC"), workspace.settings)
    rows = sorted(read_frame(snapshot.feedback).to_pylist(), key=lambda row: row["feedback_id"])
    assert rows[0]["sentiment"] < -0.3 < 0.3 < rows[1]["sentiment"] == rows[3]["sentiment"]
    assert rows[2]["sentiment"] is None
    assert [row["language"] for row in rows] == ["en", "it", None, "it"]


def test_a_workspace_without_a_word_of_feedback_loads_no_embedder(workspace):
    assert open_company(workspace, Engine()).heard is None
    assert not workspace.voice.exists()


def test_a_second_opening_reads_from_what_the_first_one_kept(workspace, tmp_path):
    file = tmp_path / "feedback.csv"
    file.write_text(
        f'customer_id,occurred_at,kind,text\nc1,2025-12-01T00:00:00Z,verbatim,"{ANSWERS[1][1]}"\n'
    )
    ingest_files(workspace, "feedback", [file], SourceSection(), source="desk", now=SAID)
    first, second = (open_company(workspace, Engine()).heard for _ in range(2))
    assert first.base.tolist() == second.base.tolist()
    assert any(workspace.voice.rglob("*"))
