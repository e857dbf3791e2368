"""Lanes: past and present under one purchase family, and who is out where it cannot be fitted."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from testkit.frames import AS_OF
from testkit.invented_training_sets import invent_training_set
from training.btyd import assume_btyd, fit_btyd
from training.lanes import build_lanes

BOTH = ["bgnbd_gg", "pnbd_gg"]


def lanes_of(past, present="usual"):
    return build_lanes(invent_training_set(past, present), "week")


@pytest.fixture(scope="module")
def usual():
    return invent_training_set(["usual", "usual", "usual"])


def test_both_families_run_where_both_can_be_fitted(usual):
    lanes = build_lanes(usual, "week")
    assert [lane.family for lane in lanes] == BOTH
    for lane in lanes:
        assert tuple(fold.cutoff for fold in lane.folds) == usual.plan.cutoffs
        assert (lane.left_out, lane.stepped_out) == (0, False)
        assert lane.present == replace(
            fit_btyd(usual.present, "week", lane.family), covariance=lane.present.covariance
        )


def test_lanes_differ_in_their_purchase_model_alone(usual):
    first, second = build_lanes(usual, "week")
    for one, other in zip(first.folds, second.folds, strict=True):
        np.testing.assert_array_equal(one.churned, other.churned)
        np.testing.assert_array_equal(one.customers, other.customers)
        assert one.btyd.family != other.btyd.family
        p, q = (fold.frame.column("btyd.p_no_purchase") for fold in (one, other))
        assert not np.array_equal(p, q)


@pytest.mark.parametrize("present", ["weekly", "daily"])
def test_a_family_that_cannot_be_fitted_at_the_present_is_out(present):
    lanes = lanes_of([], present)
    assert [lane.family for lane in lanes] == (["pnbd_gg"] if present == "weekly" else ["bgnbd_gg"])
    assert lanes[0].stepped_out == (present == "daily")
    assert lanes[0].folds == ()


@pytest.mark.parametrize("place", [1, 2])
def test_a_family_that_cannot_be_fitted_at_one_of_the_last_two_cutoffs_is_out(place):
    past = ["usual"] * 3
    past[place] = "weekly"
    (lane,) = lanes_of(past)
    assert (lane.family, len(lane.folds), lane.left_out) == ("pnbd_gg", 3, 0)


def test_an_early_cutoff_that_cannot_be_fitted_is_left_out_and_counted():
    first, second = lanes_of(["weekly", "usual", "usual"])
    assert (first.family, len(first.folds), first.left_out) == ("bgnbd_gg", 2, 1)
    assert (second.family, len(second.folds), second.left_out) == ("pnbd_gg", 3, 0)
    assert first.folds[0].cutoff == second.folds[1].cutoff


def test_where_both_are_out_published_shapes_carry_the_law_and_say_so():
    training_set = invent_training_set(["usual", "daily"])
    (lane,) = build_lanes(training_set, "week")
    assert lane.stepped_out
    assert len(lane.folds) == 2
    assert lane.left_out == 0
    assert lane.present.purchase_model == assume_btyd(training_set.present, "week").purchase_model
    assert lane.present.remarks[0].startswith("Neither BG/NBD nor Pareto/NBD holds on these orders")
    assert all(fold.btyd.stepped_out for fold in lane.folds)
    assert all(np.isfinite(fold.frame.column("btyd.p_no_purchase")).all() for fold in lane.folds)


@pytest.mark.parametrize(("days", "enough"), [(390, True), (100, False)])
def test_customers_older_than_the_log_are_left_out_at_every_cutoff_or_at_none(days, enough):
    training_set = invent_training_set(["usual", "usual"], rows=450)
    complete = replace(training_set, complete_from=AS_OF - timedelta(days=days))
    lane = build_lanes(complete, "week")[0]
    for btyd in (*(fold.btyd for fold in lane.folds), lane.present):
        assert any("older than the log" in said for said in btyd.remarks) == enough
