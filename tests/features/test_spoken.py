"""Feedback with readings beside it."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from contracts.settings import Settings
from contracts.time import parse_as_of
from contracts.voice import READING
from features.engine import Events, read_frame
from features.snapshot import take_snapshot
from features.spoken import Heard

AS_OF = parse_as_of("2026-01-01", "UTC")


@pytest.fixture
def feedback():
    said = datetime(2025, 12, 1, tzinfo=UTC)
    rows = [("f1", "Tutto bene.", None), ("f2", "Tutto bene.", "de"), ("f3", None, None), ("f4", "Hm", None)]
    names = ("feedback_id", "text", "language")
    fixed = {"customer_id": "c1", "occurred_at": said, "kind": "verbatim"}
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) | fixed for row in rows])


def read(*rows):
    blank = {spoken.name: None for spoken in READING}
    return pd.DataFrame([blank | row for row in rows])


def known(events):
    rows = read_frame(take_snapshot(events, AS_OF, Settings()).feedback).to_pylist()
    return sorted(rows, key=lambda row: row["feedback_id"])


def test_every_row_of_a_text_gets_its_reading(feedback):
    readings = read({"text": "Tutto bene.", "language": "it", "sentiment": 0.8, "topic": "staff"})
    found = known(Events.from_frames({"feedback": feedback}).with_readings(readings))
    assert [row["sentiment"] for row in found] == [0.8, 0.8, None, None]
    assert [row["topic"] for row in found] == ["staff", "staff", None, None]


def test_the_rows_own_language_stands_before_the_one_read(feedback):
    readings = read({"text": "Tutto bene.", "language": "it"}, {"text": "Hm", "language": "und"})
    found = known(Events.from_frames({"feedback": feedback}).with_readings(readings))
    assert [row["language"] for row in found] == ["it", "de", None, None]


def test_feedback_that_nobody_read_has_the_columns_of_a_reading_empty(feedback):
    found = known(Events.from_frames({"feedback": feedback}))
    heard = [spoken.name for spoken in READING if spoken.name != "language"]
    assert {row[name] for row in found for name in heard} == {None}


class Shift:
    """A head that moves every sentiment by the number of answers it was taught by."""

    def __init__(self, answers):
        self.answers = answers

    def sentiment(self, vectors, base):
        return base + 0.1 * self.answers


def teach_by_counting(told):
    return {as_of: Shift(rows["score"].notna().sum()) for as_of, rows in told.groupby("as_of")}


def test_the_head_of_a_cutoff_is_taught_by_the_answers_before_it_alone():
    days = (datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 9, 1, tzinfo=UTC))
    rows = [
        {"feedback_id": f"f{place}", "customer_id": "c1", "occurred_at": day, "kind": "review", "text": "Ok"}
        | {"score": 4.0, "scale_min": 1.0, "scale_max": 5.0}
        for place, day in enumerate(days)
    ]
    events = Events.from_frames({"feedback": pa.Table.from_pylist(rows)})
    heard = Heard({"Ok": 0}, np.ones((1, 2), dtype=np.float32), np.array([0.2]), "tiny")
    taught = events.with_readings(read({"text": "Ok", "sentiment": 0.2}), heard).with_teaching(
        teach_by_counting
    )
    cutoffs = (datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC))
    found = read_frame(take_snapshot(taught, cutoffs, Settings()).feedback).to_pylist()
    assert sorted((row["as_of"].month, round(row["sentiment"], 9)) for row in found) == [
        (6, 0.3),
        (12, 0.4),
        (12, 0.4),
    ]
