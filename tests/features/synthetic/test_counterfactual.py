"""What a moment truly changes: nothing where it moves no mood, more where it moves more."""

from dataclasses import replace

import numpy as np
import pytest

from contracts.errors import ContractError
from features.synthetic import load_acceptance, simulate_company
from features.synthetic.counterfactual import LATE, SLOW, Window, find_effect
from features.synthetic.parameters import Moments, Planted

DAYS = Window(90)


@pytest.fixture(scope="module")
def parameters():
    return replace(load_acceptance()["moments_of_truth"], customers=800)


def test_a_moment_that_moves_no_mood_changes_nothing(parameters):
    assert find_effect(parameters, "queue.long", DAYS, 2030).mean == 0.0


def test_worse_moments_cost_more_and_kindness_brings_money(parameters):
    failed, damaged, kind = (
        find_effect(parameters, name, DAYS, 2030).mean
        for name in ("checkout.failed", "parcel.damaged", "staff.kind")
    )
    assert failed < damaged < 0 < kind


def test_late_orders_and_slow_tickets_cost_money_in_windows_of_their_own(parameters):
    late = find_effect(parameters, LATE, Window(90, 15, alone=True), 2030)
    slow = find_effect(parameters, SLOW, DAYS, 2030)
    assert late.mean < -2 * late.error
    assert slow.mean < 0
    assert late.events > slow.events > 0


def test_a_delay_without_mood_tickets_or_refunds_is_harmless(parameters):
    harmless = replace(parameters.moments, late_mood=0.0, ticket_if_late=0.0, refund_mood=0.0)
    assert find_effect(replace(parameters, moments=harmless), LATE, DAYS, 2030).mean == 0.0


def test_planted_moments_and_their_counterparts_are_recorded_at_their_rates(parameters):
    touched = simulate_company(parameters, 2031).tables["interactions"]["touchpoint"].value_counts()
    for each in parameters.moments.planted:
        share = touched[each.moment] / (touched[each.moment] + touched[each.counterpart])
        assert share == pytest.approx(each.rate, abs=0.06)


def test_orders_beyond_the_first_leave_the_favourite_channel_more_often():
    parameters = replace(load_acceptance()["no_channel_effect"], customers=1500)
    orders = simulate_company(parameters, 2032).tables["orders"]
    orders = orders[orders["order_id"].str.startswith("o")].sort_values(["customer_id", "occurred_at"])
    number = orders.groupby("customer_id").cumcount()
    used = orders.groupby("customer_id")["channel"].nunique()
    count = orders.groupby("customer_id").size()
    assert number.max() > 5
    assert np.corrcoef(np.minimum(count, 6), used)[0, 1] > 0.3


def test_a_share_that_is_none_is_refused_by_its_moment():
    with pytest.raises(ContractError, match=r"rate 1\.5 of 'queue.long' is no share"):
        Planted("queue.long", "queue.short", 0.5, 1.5, 0.0)
    row = {"moment": "a.long", "counterpart": "a.short", "exposure": 0.5, "rate": 0.5, "mood": 1.0}
    assert Moments(planted=(row,)).planted == (Planted(**row),)
