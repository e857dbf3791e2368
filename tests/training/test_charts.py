"""What the report draws, against plain counts."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.time import to_text
from testkit.invented_folds import invent_fold
from training.charts import (
    CONTACTS,
    describe_deciles,
    describe_gains,
    describe_headline,
    describe_pit,
    describe_reliability,
)
from training.forecasts import tell
from training.models.calibrator import Calibrator
from training.models.columns import find_offset
from training.models.intervals import Intervals
from training.models.rules import Rule, find_silence

FOLD = invent_fold(rows=900)
RANK = find_offset(FOLD.frame)
RULE = find_silence(FOLD.frame, FOLD.churned, FOLD.window_days)


def test_the_headline_counts_the_riskiest_customers_in_play_who_left():
    # No two scores are alike, so the list is a plain one.
    rank = RANK + 1e-9 * np.arange(900)
    told = describe_headline(FOLD, rank, RULE)
    churned = FOLD.churned[FOLD.in_play]
    order = np.argsort(-rank[FOLD.in_play])
    assert told["left"] == churned[order[:CONTACTS]].sum()
    assert told["contacts"] == CONTACTS
    assert told["random"] == round(churned.mean() * CONTACTS, 1)
    assert told["cutoff"] == to_text(FOLD.cutoff)


def test_the_rules_list_holds_what_any_of_those_it_names_hold_on_average():
    told = describe_headline(FOLD, RANK, RULE)
    named = (FOLD.frame.column("rfm.days_since_last_order") > RULE.silent_days).to_numpy()[FOLD.in_play]
    assert named.sum() > CONTACTS
    assert told["rule_left"] == round(FOLD.churned[FOLD.in_play][named].mean() * CONTACTS, 1)
    assert told["rule_days"] == RULE.silent_days


@pytest.mark.parametrize("rule", [None, Rule("constant", 90, (0.5, 0.5))])
def test_without_a_rule_of_silence_none_is_compared(rule):
    assert not {"rule_days", "rule_left"} & set(describe_headline(FOLD, RANK, rule))


def test_fewer_customers_than_contacts_are_all_contacted():
    rows = np.arange(900) < 30
    small = replace(
        FOLD, frame=FOLD.frame.rows(rows), churned=FOLD.churned[rows], in_play=np.ones(30, dtype=bool)
    )
    told = describe_headline(small, RANK[rows], None)
    assert (told["contacts"], told["left"]) == (30, FOLD.churned[rows].sum())
    assert told["random"] == pytest.approx(told["left"], abs=0.05)


def test_nobody_who_left_is_found_where_nobody_did():
    assert describe_headline(replace(FOLD, churned=np.zeros(900)), RANK, RULE)["left"] == 0.0


def test_reliability_rows_hold_everyone_once():
    p = 1 / (1 + np.exp(-RANK))
    table = describe_reliability(FOLD.churned, p)
    assert sum(row["rows"] for row in table) == 900
    assert sum(row["rows"] * row["observed"] for row in table) == pytest.approx(FOLD.churned.sum())
    assert [row["predicted"] for row in table] == sorted(row["predicted"] for row in table)


def test_gains_are_the_churners_found_in_each_twentieth_and_end_at_all_of_them():
    rows = np.arange(900) < 400
    churned, rank = FOLD.churned[rows], np.argsort(np.argsort(RANK[rows])).astype(float)
    gains = describe_gains(churned, rank, np.zeros(400))
    order = np.argsort(-rank)
    for place, share in enumerate(gains["share"]):
        found = churned[order[: round(share * 400)]].sum() / churned.sum()
        assert gains["served"][place] == pytest.approx(found)
        # A list in which all are alike finds what chance does.
        assert gains["rule"][place] == pytest.approx(share)
    assert len(gains["share"]) == 21
    assert (gains["served"][0], gains["served"][-1], gains["rule"][-1]) == (0.0, 1.0, 1.0)


@given(rows=st.integers(1, 70), seed=st.integers(0, 20))
def test_gains_stay_between_nothing_and_all_for_any_number_of_customers(rows, seed):
    churned = (np.arange(rows) % 3 == seed % 3).astype(float)
    gains = describe_gains(churned, np.sin(np.arange(rows) * (seed + 1.0)), churned)
    if not churned.any():
        assert gains == {}
    else:
        assert gains["served"][-1] == pytest.approx(1.0)
        assert all(0 <= share <= 1 for name in ("served", "rule") for share in gains[name])


def test_deciles_are_means_of_tenths_by_rising_prediction():
    mean = FOLD.frame.column("btyd.expected_spend").to_numpy()
    table = describe_deciles(FOLD.spend, mean)
    order = np.argsort(mean, kind="stable")
    assert [row["decile"] for row in table] == list(range(1, 11))
    for row, part in zip(table, np.array_split(order, 10), strict=True):
        assert row["customers"] == 90
        assert row["predicted"] == pytest.approx(mean[part].mean())
        assert row["observed"] == pytest.approx(FOLD.spend[part].mean())
    assert len(describe_deciles(FOLD.spend[:4], mean[:4])) == 4


@pytest.fixture(scope="module")
def forecast():
    return tell(FOLD, RANK, np.ones(900), Calibrator.identity(), Intervals())


def test_the_shares_of_the_pit_add_to_one_and_spread_silence_over_its_atom(forecast):
    shares = describe_pit(FOLD, forecast, np.ones(900))
    assert len(shares) == 10
    assert sum(shares) == pytest.approx(1.0, abs=1e-8)
    assert all(share >= 0 for share in shares)
    rows = FOLD.in_play & (FOLD.spend == 0)
    first = np.minimum(0.1 / forecast.p_no_spend[rows], 1.0).sum() / FOLD.in_play.sum()
    assert shares[0] >= first - 1e-6


def test_the_pit_of_those_who_spent_nothing_is_drawn_evenly_over_the_atom(forecast):
    silent = replace(FOLD, spend=np.zeros(900))
    shares = describe_pit(silent, forecast, np.ones(900))
    edges, atoms = np.linspace(0, 1, 11), forecast.p_no_spend[FOLD.in_play]
    below = [np.minimum(edge / atoms, 1.0).mean() for edge in edges]
    np.testing.assert_allclose(shares, np.diff(below), atol=1e-6)
