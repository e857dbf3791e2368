"""Simulated feedback beside a real log: who says what, when, and what it goes with."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from contracts.events import FEEDBACK_KINDS, TABLES
from contracts.randomness import generator
from features.nps import to_ten
from features.synthetic.attached import ANSWERING, attach_feedback

BEGIN, END = datetime(1997, 1, 1, tzinfo=UTC), datetime(1998, 7, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def orders():
    draw = generator(2020, "a log")
    counts = draw.geometric(0.4, 3000)
    days = np.floor(draw.uniform(0, 540, counts.sum()))
    ids = np.repeat([f"{number:05d}" for number in range(3000)], counts)
    return pd.DataFrame({"customer_id": ids, "occurred_at": [BEGIN + timedelta(days=day) for day in days]})


@pytest.fixture(scope="module")
def feedback(orders):
    return attach_feedback(orders, END, 1998)


def test_a_part_of_the_customers_answers_and_nobody_else(orders, feedback):
    assert abs(feedback.customer_id.nunique() / orders.customer_id.nunique() - ANSWERING) < 0.1
    assert set(feedback.customer_id) <= set(orders.customer_id)
    assert set(feedback.kind) <= set(FEEDBACK_KINDS)
    assert feedback.feedback_id.is_unique


def test_nobody_speaks_before_the_first_order_nor_at_the_end_or_after_it(orders, feedback):
    first = feedback.customer_id.map(orders.groupby("customer_id").occurred_at.min())
    assert (feedback.occurred_at >= first).all()
    assert (feedback.occurred_at < END).all()
    assert (feedback.recorded_at == feedback.occurred_at).all()


def test_every_score_can_be_placed_on_its_scale(feedback):
    scored = feedback[feedback.kind != "verbatim"]
    assert not np.isnan(to_ten(scored.score, scored.scale_min, scored.scale_max)).any()
    assert feedback[feedback.kind == "verbatim"].text.notna().all()
    assert [*feedback.columns] == [*TABLES["feedback"].names, "recorded_at"]


def test_who_buys_again_within_180_days_has_answered_better(orders, feedback):
    asked = feedback[(feedback.kind == "nps_relational") & (feedback.occurred_at < END - timedelta(days=180))]
    after = asked.merge(orders, on="customer_id", suffixes=("", "_order"))
    soon = (after.occurred_at_order >= after.occurred_at) & (
        after.occurred_at_order < after.occurred_at + timedelta(days=180)
    )
    back = asked.feedback_id.isin(after.feedback_id[soon])
    assert asked.score[back].mean() > asked.score[~back].mean() + 1


def test_the_same_log_gets_the_same_answers_and_is_left_as_it_was(orders, feedback):
    before = orders.copy()
    pd.testing.assert_frame_equal(attach_feedback(orders, END, 1998), feedback)
    pd.testing.assert_frame_equal(orders, before)
