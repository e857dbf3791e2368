"""What less history would have given, on the same customers of the same last cutoff."""

import numpy as np
import pytest

from contracts.settings import Settings
from testkit.invented_training_sets import invent_training_set
from testkit.workspaces import find_plain_company, open_orders
from training import metrics
from training.fitting import fit
from training.histories import MONTHS, describe_histories
from training.lanes import build_lanes
from training.learning import School, find_tree_settings
from training.losses import to_probability
from training.race import Race, serve


@pytest.fixture(scope="module")
def small():
    """A small company's orders, what was learned from them, and what less of them would have given."""
    orders = open_orders(find_plain_company(120, 400))
    as_of = find_plain_company(120, 400).parameters.ends_at
    training = fit(orders, Settings(), as_of)
    return training, describe_histories(orders, Settings(), training.training_set, training.race)


def test_each_length_that_the_log_exceeds_is_told_and_the_whole_log_last(small):
    training, histories = small
    training_set = training.training_set
    after = (training_set.plan.as_of - training.race.lane.folds[-1].cutoff).days
    reach = training_set.history_days - after
    *shorter, whole = (each["months"] for each in histories)
    assert shorter == [months for months in MONTHS if months * 365.25 / 12 < reach - 1]
    assert len(shorter) >= 2
    assert whole == round(reach / 365.25 * 12)


def test_all_lengths_are_judged_on_the_same_customers(small):
    training, histories = small
    (customers,) = {each["customers"] for each in histories}
    assert 0 < customers < training.race.lane.folds[-1].judged.sum()


def test_a_longer_log_has_no_fewer_cutoffs_and_the_whole_one_has_all(small):
    training, histories = small
    counts = [each["cutoffs"] for each in histories]
    assert counts == sorted(counts)
    assert counts[0] == 1
    assert counts[-1] == len(training.race.lane.folds)


def test_the_whole_log_is_the_models_own_figure_on_those_customers(small):
    training, histories = small
    *earlier, last = training.race.lane.folds
    learned = School.of(earlier, find_tree_settings(Settings()), False).teach(training.race.choice)
    raw = learned.raw(last)
    begin = 3 * 365.25 / 12
    # Known to a log of three months: whoever ordered in them.
    silent = last.frame.column("rfm.days_since_last_order").to_numpy()
    rows = last.judged & (silent <= round(begin))
    whole = histories[-1]
    assert whole["customers"] == rows.sum()
    assert whole["log_loss"] == pytest.approx(
        metrics.log_loss(last.churned[rows], to_probability(raw)[rows]), abs=1e-8
    )
    assert whole["auc"] == pytest.approx(metrics.auc(last.churned[rows], raw[rows]), abs=1e-8)


def test_every_figure_is_finite_and_lengths_rise(small):
    _, histories = small
    assert len(histories) >= 2
    assert [each["months"] for each in histories] == sorted({each["months"] for each in histories})
    for each in histories:
        assert set(each) >= {"months", "customers", "cutoffs", "log_loss", "tweedie_deviance"}
        assert np.isfinite([each["log_loss"], each["tweedie_deviance"]]).all()


def test_without_a_matured_cutoff_there_is_nothing_to_tell():
    training_set = invent_training_set([])
    (lane, *_) = build_lanes(training_set, "week")
    events = open_orders(find_plain_company(120, 400))
    assert describe_histories(events, Settings(), training_set, Race(lane, serve(lane))) == []
