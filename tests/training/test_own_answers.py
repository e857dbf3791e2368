"""What the company's own scored answers teach, at each cutoff and in the bundle."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from contracts.errors import BundleRefused, ContractError
from contracts.settings import Settings
from contracts.voice import READING
from features.engine import Events, read_frame
from features.snapshot import take_snapshot
from features.spoken import Heard
from serving.everyone import listen as listen_by_model
from training.bundle import BundleContent
from training.models.company_voice import VOICE_FILE, CompanyVoice
from training.own_answers import MINIMUM_ANSWERS, add_voice, learn_voice, listen

START = datetime(2025, 1, 1, tzinfo=UTC)
TEXTS = ("nice", "odd", "ill")
VECTORS = np.eye(3, dtype=np.float32)
BASE = np.array([0.6, 0.0, -0.6])


def answer(place, score, kind="review", text="odd"):
    scale = {"scale_min": 1.0, "scale_max": 5.0}
    row = {"feedback_id": f"f{place}", "customer_id": "c1", "occurred_at": START + timedelta(days=place)}
    return row | scale | {"kind": kind, "text": text, "score": score}


def hear(rows):
    readings = pd.DataFrame({"text": TEXTS} | {spoken.name: [None] * 3 for spoken in READING})
    heard = Heard({text: place for place, text in enumerate(TEXTS)}, VECTORS, BASE, "tiny")
    events = Events.from_frames({"feedback": pa.Table.from_pylist(rows)})
    return events.with_readings(readings.assign(sentiment=BASE), heard)


def sentiments(events, *as_of):
    rows = read_frame(take_snapshot(events, as_of, Settings()).feedback).to_pylist()
    return {(row["as_of"].date(), row["text"]): row["sentiment"] for row in rows}


def test_bad_scores_beside_a_comment_lower_its_sentiment_from_then_on():
    bad = hear([answer(place, 1.0) for place in range(40)])
    early, late = START + timedelta(days=MINIMUM_ANSWERS - 1), START + timedelta(days=41)
    found = sentiments(listen(bad), early, late)
    assert found[early.date(), "odd"] == 0.0
    assert found[late.date(), "odd"] < -0.2


def test_later_answers_change_no_earlier_sentiment():
    first = [answer(place, 1.0) for place in range(20)]
    cutoff = START + timedelta(days=20)
    later = [answer(place, 5.0) for place in range(20, 60)]
    assert sentiments(listen(hear(first)), cutoff) == sentiments(listen(hear(first + later)), cutoff)


def test_scores_of_rivals_and_beyond_their_scale_teach_nothing():
    rivals = [answer(place, 1.0, kind="nps_competitive") for place in range(30)]
    beyond = [answer(place, 9.0) for place in range(30, 60)]
    assert learn_voice(hear(rivals + beyond), Settings(), START + timedelta(days=99)) is None


def test_the_bundle_keeps_the_head_of_the_present_and_serving_reads_by_it():
    as_of = START + timedelta(days=41)
    events = hear([answer(place, 1.0) for place in range(40)])
    content = add_voice(BundleContent({}, {}), learn_voice(events, Settings(), as_of))
    kept = CompanyVoice.from_dict(json.loads(json.dumps(content.files[VOICE_FILE])))
    assert sentiments(listen_by_model(events, kept), as_of) == sentiments(listen(events), as_of)


def test_without_feedback_the_bundle_stays_as_it_was():
    content = BundleContent({}, {})
    assert add_voice(content, learn_voice(Events.from_frames({}), Settings(), START)) is content


def test_a_head_of_another_embedder_is_refused_by_both_names():
    events = hear([answer(place, 1.0) for place in range(40)])
    voice = learn_voice(events, Settings(), START + timedelta(days=41))
    other = CompanyVoice("other", voice.head)
    with pytest.raises(ContractError, match=r"reads texts by other, .* is tiny"):
        listen_by_model(events, other)


def test_a_damaged_head_is_refused_with_its_file():
    with pytest.raises(BundleRefused, match=r"text_head\.json lacks a part"):
        CompanyVoice.from_dict({"embedder": "tiny", "head": {"level": 0.0}})
