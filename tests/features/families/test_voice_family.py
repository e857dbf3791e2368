"""The voice family against its slow twin, and the situations that people would tell of."""

import math
from datetime import timedelta

import pytest
from hypothesis import Phase, given, settings

from contracts.events import Name
from contracts.settings import Settings
from features.engine import read_frame
from features.families import voice
from features.families.family import short_name
from features.snapshot import take_snapshot
from features.synthetic import CompanyParameters, simulate_company
from features.voice.answers import build_answers, build_rivals
from features.voice.complaints import build_complaints
from features.voice.texts import build_texts
from testkit.companies import open_company
from testkit.event_strategies import CUSTOMERS, CUTOFFS, open_store
from testkit.oracle_voice import voice_features
from testkit.readings import read_bank
from testkit.voice_strategies import build_readings, open_heard, voice_stores

AS_OF = CUTOFFS[1]
READ = {row["text"]: row for row in build_readings().to_dict("records")}


def rows_of(snapshot):
    found = read_frame(voice.FAMILY.build(snapshot)).to_pylist()
    return {(row["as_of"], row["customer_id"]): row for row in found}


def agrees(value, wanted):
    if value is None or wanted is None or isinstance(wanted, str):
        return value == wanted
    return math.isclose(value, float(wanted), rel_tol=1e-8, abs_tol=1e-8)


def say(day, kind="verbatim", text=None, score=None, **more):
    at = AS_OF - timedelta(days=day)
    row = {
        "customer_id": "ada",
        "occurred_at": at,
        "recorded_at": at,
        "kind": kind,
        "text": text,
        "score": score,
    }
    return row | {"scale_min": 0, "scale_max": 10, "brand": None} | more


def hear(part, *said, **tables):
    """Return what a part of the family makes of what Ada said."""
    store = {"feedback": list(said), **tables}
    frames = {
        name: [_stored(name, row, place) for place, row in enumerate(rows)] for name, rows in store.items()
    }
    return read_frame(part(take_snapshot(open_heard(frames), AS_OF, Settings()))).to_pylist()[0]


def _stored(name, row, place):
    state = {"loaded_at": row["occurred_at"], "source": "crm", "backfilled": False, "removed": False}
    key = f"{name}{place}"
    return {"recorded_at": row["occurred_at"], "content": "", **state, "row_key": key, **row}


@given(store=voice_stores())
@settings(max_examples=3, phases=(Phase.explicit, Phase.generate))
def test_every_voice_feature_equals_its_slow_twin(store):
    snapshot = take_snapshot(open_heard(store), CUTOFFS, Settings())
    features, found = voice.FAMILY.list_features(snapshot), rows_of(snapshot)
    for as_of in CUTOFFS:
        for customer in CUSTOMERS:
            row = found.get((as_of.replace(tzinfo=None), customer))
            expected = voice_features(store, READ, customer, as_of)
            assert (row is None) == (expected is None)
            for name, wanted in (expected or {}).items():
                value = row[name.partition(".")[2]]
                assert agrees(value, wanted), (name, value, wanted)
    declared = {short_name(feature) for feature in features}
    assert not found or declared <= set(next(iter(found.values())))


@given(store=voice_stores())
@settings(max_examples=2, phases=(Phase.explicit, Phase.generate))
def test_no_answer_recorded_at_or_after_the_cutoff_changes_a_feature(store):
    past = {table: [row for row in rows if row[Name.RECORDED_AT] < AS_OF] for table, rows in store.items()}
    snapshots = [take_snapshot(open_heard(rows), AS_OF, Settings()) for rows in (past, store)]
    before, after = (voice.FAMILY.list_features(snapshot) for snapshot in snapshots)
    assert before == after
    known, grown = map(rows_of, snapshots)
    assert known == grown


def test_a_store_without_feedback_has_no_voice():
    snapshot = take_snapshot(open_store({"orders": []}), CUTOFFS, Settings())
    assert voice.FAMILY.list_features(snapshot) == ()
    assert rows_of(snapshot) == {}


@pytest.fixture(scope="module")
def company():
    return simulate_company(CompanyParameters(customers=150, days=400), seed=2009)


def test_texts_that_nobody_read_have_no_columns(company):
    ends_at = company.parameters.ends_at
    silent, heard = (
        {each.name for each in voice.FAMILY.list_features(take_snapshot(events, ends_at, Settings()))}
        for events in (open_company(company), open_company(company).with_readings(read_bank()))
    )
    assert silent < heard
    assert {"voice.nps_relational_last", "voice.complaints_open"} <= silent
    assert {"voice.sentiment_last", "voice.about_delivery_365d", "voice.emotion_anger_365d"} <= heard - silent
    assert not any("request" in name for name in heard)


def test_two_complaints_about_delivery_one_still_open():
    said = [say(25, text="late"), say(20, "csat", score=9), say(5, text="late")]
    row = hear(build_complaints, *said)
    assert (row["complaints_30d"], row["complaint_topic_30d"]) == (2, "delivery")
    assert (row["complaints_on_topic_30d"], row["complaints_on_topic_open"]) == (2, 1)
    assert hear(build_texts, *said)["complaints_delivery_90d"] == 2


def ticket(day, solved=None):
    at = AS_OF - timedelta(days=day)
    return {
        "customer_id": "ada",
        "occurred_at": at,
        "resolved_at": None if solved is None else AS_OF - timedelta(days=solved),
    }


@pytest.mark.parametrize(
    ("tickets", "still_open"),
    [
        ([], 1),
        ([ticket(9, solved=6)], 0),
        ([ticket(20, solved=15)], 1),
        ([ticket(9, solved=6), ticket(4)], 1),
        ([ticket(9)], 1),
    ],
    ids=["no ticket", "solved after it", "solved before it", "another one waits", "only ever open"],
)
def test_a_complaint_is_open_until_a_ticket_after_it_is_solved(tickets, still_open):
    assert hear(build_complaints, say(10, text="late"), tickets=tickets)["complaints_open"] == still_open


def test_praise_after_a_complaint_closes_it_unless_a_ticket_still_waits():
    said = [say(10, "csat", score=1), say(2, text="fine")]
    waiting = [ticket(300, solved=290), ticket(5)]
    assert hear(build_complaints, *said)["complaints_open"] == 0
    assert hear(build_complaints, *said, tickets=waiting)["complaints_open"] == 1


def test_each_nps_kind_has_columns_of_its_own():
    scores = {
        kind: hear(build_answers, say(3, kind, score=2)) for kind in ("nps_relational", "nps_transactional")
    }
    assert scores["nps_relational"]["nps_relational_last"] == 2
    assert scores["nps_relational"]["nps_transactional_last"] is None
    assert scores["nps_transactional"]["nps_transactional_level"] == 2


def test_a_rivals_rating_is_never_ours():
    said = say(9, "nps_relational", score=7), say(3, "nps_competitive", score=9, brand="Altrove")
    against, ours = hear(build_rivals, *said), hear(build_answers, *said)
    assert (against["nps_competitive_gap"], against["nps_competitive_pull"]) == (-2, 2)
    assert (ours["nps_relational_last"], ours["answers_90d"]) == (7, 1)


def test_a_touchpoint_rated_again_is_judged_by_its_last_answer():
    def rate(day, score, touchpoint):
        return say(day, "nps_transactional", score=score, touchpoint=touchpoint)

    row = hear(build_answers, rate(60, 1, "till"), rate(50, 6, "courier"), rate(9, 8, "till"))
    assert row["nps_transactional_worst_touchpoint"] == 6
    assert row["nps_transactional_worst_90d"] == 1


def test_one_and_two_threads_hear_the_same(company):
    events = [open_company(company, threads).with_readings(read_bank()) for threads in (1, 2)]
    snapshots = [take_snapshot(each, company.parameters.ends_at, Settings()) for each in events]
    one, two = map(rows_of, snapshots)
    assert one == two
