"""Who answers for whom is decided on the last but one cutoff, by more than chance, and never later."""

from dataclasses import replace

import numpy as np
import pytest

from contracts.scores import SEGMENTS
from testkit.invented_folds import BTYD, invent_lane
from training.bootstrap import Bootstrap, compare
from training.lanes import Lane
from training.learning import School
from training.losses import log_losses, to_probability
from training.models.columns import find_offset
from training.models.trees import TreeSettings
from training.race import FEWEST_ROWS, replace_served, run_race, serve

TREES = TreeSettings(leaf_rows=20, rounds=60)
FEW_TREES = TreeSettings(leaf_rows=20, rounds=8)


def complain(frame):
    """Complaints raise churn."""
    return 1.2 * frame.column("support.tickets") - 1.2


def forget_lapsed(frame):
    """Of those who lapsed every second one comes back, whatever buying rhythm says."""
    return np.where(frame.index["segment"] == "lapsed", -find_offset(frame), 0.0)


@pytest.fixture(scope="module")
def lanes():
    return tuple(invent_lane(family, rows=400, effect=complain) for family in ("bgnbd_gg", "pnbd_gg"))


@pytest.fixture(scope="module")
def race(lanes):
    return run_race(lanes, TREES, centred=False)


def turned(lane, place):
    """Return the lane with the opposite of what happened at one cutoff."""
    folds = list(lane.folds)
    fold = folds[place]
    folds[place] = replace(fold, churned=1 - fold.churned, spend=np.where(fold.spend > 0, 0.0, 50.0))
    return replace(lane, folds=tuple(folds))


def test_trees_that_find_what_buying_rhythm_does_not_know_are_chosen(race):
    assert dict(race.choice.churn) == dict.fromkeys(SEGMENTS, "lgbm_btyd")
    assert race.choice.churn_rounds["lgbm_btyd"] > 0
    assert set(race.choice.churn_rounds) == {race.lane.family, "lgbm_btyd", "lgbm"}
    assert set(race.choice.value_rounds) == {race.lane.family, "lgbm_btyd", "lgbm"}


def test_the_last_cutoff_has_no_say(lanes, race):
    other = run_race([turned(lane, -1) for lane in lanes], TREES, centred=False)
    assert other.choice == race.choice
    assert other.lane.family == race.lane.family


def test_the_last_but_one_cutoff_decides(lanes, race):
    other = run_race([turned(lane, -2) for lane in lanes], TREES, centred=False)
    assert other.choice != race.choice


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_cutoffs_choose_nothing(lanes, count):
    short = [replace(lane, folds=lane.folds[:count]) for lane in lanes]
    found = run_race(short, TREES, centred=False)
    assert found.lane is short[0]
    assert found.choice == serve(short[0])
    assert found.choice.is_bare


@pytest.mark.parametrize("truth", ["bgnbd_gg", "pnbd_gg"])
def test_two_cutoffs_choose_the_better_purchase_model_and_nothing_else(truth):
    lanes = [invent_lane(name, rows=900, folds=2, truth=truth) for name in ("bgnbd_gg", "pnbd_gg")]
    found = run_race(lanes, TREES, centred=False)
    assert found.lane.family == truth
    assert found.choice == serve(found.lane)
    other = run_race([turned(lane, -1) for lane in lanes], TREES, centred=False)
    assert other.lane.family == truth


def test_a_lane_with_fewer_than_three_cutoffs_does_not_run_against_one_with_more(lanes):
    first = replace(lanes[0], folds=lanes[0].folds[-2:], left_out=2)
    assert run_race([first, lanes[1]], TREES, centred=False).lane is lanes[1]


def test_a_segment_gets_the_family_that_is_better_there_by_more_than_chance():
    lane = invent_lane(rows=1400, folds=3, effect=forget_lapsed)
    judge = lane.folds[-2]
    assert judge.segment("lapsed").sum() >= FEWEST_ROWS
    found = run_race([lane], FEW_TREES, centred=False)
    assert found.choice.churn["lapsed"] == "lgbm"
    assert "lgbm" not in {found.choice.churn["regular"], found.choice.churn["thin"]}
    # The gain that was asked for, by hand: trees without BTYD against both others.
    school = School.of(lane.folds[:-2], FEW_TREES, centred=False)
    losses = {}
    for family in ("lgbm", "lgbm_btyd", "bgnbd_gg"):
        raw = school.teach_churn(family, judge=judge).raw(judge.see(school.encoder))
        losses[family] = log_losses(judge.churned, to_probability(raw))
    for usual in ("lgbm_btyd", "bgnbd_gg"):
        rows = judge.segment("lapsed")
        gain = compare(Bootstrap(judge.customers), losses["lgbm"], losses[usual], rows)
        assert gain.mean < -gain.error


def test_a_segment_that_is_no_exception_is_answered_as_the_others():
    lane = invent_lane(rows=1400, folds=3)
    assert len(set(run_race([lane], FEW_TREES, centred=False).choice.churn.values())) == 1


def test_a_segment_too_small_to_tell_anything_of_is_answered_as_the_others():
    lane = invent_lane(rows=400, folds=3, effect=forget_lapsed)
    assert lane.folds[-2].segment("lapsed").sum() < FEWEST_ROWS
    assert len(set(run_race([lane], FEW_TREES, centred=False).choice.churn.values())) == 1


def test_on_a_tie_pareto_nbd_is_preferred_and_trees_that_stopped_to_none():
    lane = invent_lane(rows=300, folds=3)
    # The same forecasts under the other name: nothing but the preference tells them apart.
    twin = Lane(BTYD["pnbd_gg"], lane.folds)
    for pair in ((lane, twin), (twin, lane)):
        found = run_race(pair, TREES, centred=False)
        assert found.lane.family == "pnbd_gg"
        assert set(found.choice.churn.values()) == {"lgbm_btyd"}


def test_without_a_tie_the_purchase_model_that_is_right_carries_the_race():
    # One-time buyers of this world have mostly left, which BG/NBD cannot say.
    lanes = [invent_lane(name, rows=600, folds=3, truth="pnbd_gg") for name in ("bgnbd_gg", "pnbd_gg")]
    assert run_race(lanes, TREES, centred=False).lane is lanes[1]


def test_shorter_windows_leave_no_place_for_trees_without_buying_rhythm(lanes):
    found = run_race(lanes, TREES, centred=True)
    assert set(found.choice.churn_rounds) == {found.lane.family, "lgbm_btyd"}
    assert set(found.choice.value_rounds) == {found.lane.family, "lgbm_btyd"}
    assert "lgbm" not in {*found.choice.churn.values(), *found.choice.value.values()}


def test_shorter_windows_judge_trees_without_their_level():
    # The choice cutoff lies in a season in which far more people leave: a level, and nothing of the shape.
    lane = invent_lane(rows=400, folds=3, effect=complain)
    season = invent_lane(rows=400, folds=3, effect=lambda frame: complain(frame) + 1.5).folds[1]
    moved = replace(lane, folds=(lane.folds[0], season, lane.folds[2]))
    centred = run_race([moved], TREES, centred=True)
    assert set(centred.choice.churn.values()) == {"lgbm_btyd"}
    assert centred.choice.churn_rounds["lgbm_btyd"] > 0


def test_where_buying_rhythm_stepped_out_trees_run_alone(lanes):
    (lane, _) = lanes
    out = Lane(replace(lane.present, stepped_out=True), lane.folds)
    found = run_race([out], TREES, centred=False)
    assert set(found.choice.churn.values()) == set(found.choice.value.values()) == {"lgbm"}
    assert set(found.choice.churn_rounds) == set(found.choice.value_rounds) == {"lgbm"}


def test_a_simple_rule_takes_the_place_of_the_winner_where_it_is_told_to(race):
    churn = replace_served(race, "naive_silence", None)
    assert set(churn.choice.churn.values()) == {"naive_silence"}
    assert churn.choice.value == race.choice.value
    both = replace_served(race, "naive_silence", "naive_rate")
    assert set(both.choice.value.values()) == {"naive_rate"}
    assert replace_served(race, None, None).choice == race.choice
    assert both.lane is race.lane
