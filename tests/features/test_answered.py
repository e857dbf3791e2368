"""Recent answers and lots, as they were known: the relationship first, the latest, never the future."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from contracts.settings import Settings
from features.answered import read_answers
from features.engine import Events
from features.snapshot import take_snapshot

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


def said(customer, days, score, kind="nps_relational", scale=(0, 10), late=0.0):
    instant = (AS_OF - timedelta(days=days)).replace(tzinfo=None)
    return {
        "feedback_id": f"{customer}{days}{kind}",
        "customer_id": customer,
        "occurred_at": instant,
        "recorded_at": instant + timedelta(days=late),
        "kind": kind,
        "score": float(score),
        "scale_min": float(scale[0]),
        "scale_max": float(scale[1]),
    }


def asked(customer, days, arm, kind="reminder"):
    instant = (AS_OF - timedelta(days=days)).replace(tzinfo=None)
    return {
        "action_id": f"{customer}{days}{kind}",
        "customer_id": customer,
        "occurred_at": instant,
        "kind": kind,
        "arm": arm,
    }


def read(feedback=(), actions=(), recent_days=180):
    tables = {"feedback": pd.DataFrame(feedback), "actions": pd.DataFrame(actions)}
    events = Events.from_frames({name: table for name, table in tables.items() if len(table)})
    return read_answers(take_snapshot(events, AS_OF, Settings()), recent_days)


def test_an_answer_about_the_relationship_goes_before_a_later_one_about_a_moment():
    known = read([said("a", 90, 9), said("a", 5, 1, "csat", (1, 5))])
    assert known["band"].to_dict() == {"a": 2.0}


def test_of_two_answers_of_a_kind_the_latest_counts():
    assert read([said("a", 90, 9), said("a", 10, 3)])["band"].to_dict() == {"a": 0.0}


@pytest.mark.parametrize(
    ("score", "scale", "band"),
    [(5, (1, 5), 2), (4, (1, 5), 1), (3, (1, 5), 0), (6, (0, 10), 0), (7, (0, 10), 1), (9, (0, 10), 2)],
)
def test_other_scales_are_placed_by_their_two_ends(score, scale, band):
    assert read([said("a", 10, score, "review", scale)])["band"].tolist() == [band]


def test_no_answer_is_taken_from_rivals_words_or_impossible_scores():
    feedback = [
        said("a", 10, 9, "nps_competitive"),
        said("b", 10, 9, "verbatim"),
        said("c", 10, 12),
        said("d", 10, 5, scale=(5, 5)),
    ]
    assert read(feedback).empty


def test_an_answer_that_is_too_old_or_was_not_known_yet_is_not_there():
    feedback = [said("a", 181, 9), said("b", 0, 9), said("c", 3, 9, late=4.0), said("d", 180, 9)]
    assert read(feedback).index.tolist() == ["d"]


def test_facts_at_or_after_the_instant_change_nothing():
    before = [said("a", 30, 9)], [asked("a", 40, "treated")]
    later = [said("a", -1, 0), said("b", 0, 0)], [asked("a", -2, "holdout"), asked("b", 0, "treated")]
    both = [first + second for first, second in zip(before, later, strict=True)]
    pd.testing.assert_frame_equal(read(*before), read(*both))


def test_the_latest_lot_of_each_kind_stands_beside_the_answer():
    actions = [
        asked("a", 40, "treated"),
        asked("a", 10, "holdout"),
        asked("a", 20, "treated", "Invitation"),
        asked("b", 20, None),
        asked("c", 20, "treated", "call"),
    ]
    known = read([said("b", 5, 8)], actions)
    assert known.index.tolist() == ["a", "b"]
    assert known.loc["a", ["invitation", "reminder"]].tolist() == [1.0, 0.0]
    assert np.isnan(known.loc["b", ["invitation", "reminder"]].to_numpy()).all()


def test_a_company_without_feedback_has_an_empty_table():
    known = read(actions=[asked("c", 20, "treated", "call")])
    assert known.empty
    assert known.columns.tolist() == ["band", "invitation", "reminder"]
