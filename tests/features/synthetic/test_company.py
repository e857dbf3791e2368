import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from contracts.errors import ContractError
from contracts.events import TABLES
from features.synthetic import CompanyParameters, simulate_company, write_company
from features.synthetic.comments import find_topics, load_comments
from features.synthetic.parameters import Answers, Buying, Campaigns, Moments, Mood, Season, Spending


@pytest.fixture(scope="module")
def company():
    return simulate_company(CompanyParameters(customers=1_500, delays=True), seed=3)


@pytest.fixture(scope="module")
def plain():
    return simulate_company(CompanyParameters.without_effects(customers=20_000), seed=5)


def digests(company, folder):
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in write_company(company, folder).items()
    }


def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(tmp_path):
    parameters = CompanyParameters(customers=120, days=200)
    first = digests(simulate_company(parameters, 1), tmp_path / "a")
    assert first == digests(simulate_company(parameters, 1), tmp_path / "b")
    assert first != digests(simulate_company(parameters, 2), tmp_path / "c")
    assert set(first) <= set(TABLES)


@pytest.mark.parametrize(
    ("parameters", "seed", "digest"),
    [
        (CompanyParameters(customers=120, days=200, delays=True), 1, "7b6c617d5ce620c6"),
        (CompanyParameters.without_effects(customers=200, days=300), 5, "071a109002c3b733"),
    ],
)
def test_companies_stay_what_they_were_before_the_simulator_learned_more(parameters, seed, digest, tmp_path):
    company, found = simulate_company(parameters, seed), hashlib.sha256()
    for name, file in sorted(write_company(company, tmp_path).items()):
        found.update(name.encode() + file.read_bytes())
    found.update(company.truth.to_csv(index=False, float_format="%.6f").encode())
    assert found.hexdigest()[:16] == digest


def test_every_table_has_rows_and_begins_with_the_columns_of_its_contract(company):
    for name, contract in TABLES.items():
        table = company.tables[name]
        assert tuple(table.columns[: len(contract.columns)]) == contract.names
        assert len(table) > 0, name
        assert not table[contract.key].duplicated().any(), name


def test_required_columns_are_full_and_listed_values_and_bounds_are_kept(company):
    for name, contract in TABLES.items():
        for column in contract.columns:
            values = company.tables[name][column.name]
            if column.required:
                assert values.notna().all(), (name, column.name)
            if column.values:
                assert set(values.dropna()) <= set(column.values), (name, column.name)
            if column.low is not None:
                assert values.dropna().min() >= column.low, (name, column.name)
            if column.high is not None:
                assert values.dropna().max() <= column.high, (name, column.name)


def test_nothing_happens_outside_the_simulated_time_or_is_recorded_before_it_happens(company):
    parameters = company.parameters
    for table in company.tables.values():
        assert table["occurred_at"].min() >= pd.Timestamp(parameters.begins_at)
        assert table["occurred_at"].max() < pd.Timestamp(parameters.ends_at)
        assert (table["recorded_at"] >= table["occurred_at"]).all()


def test_states_of_tickets_follow_one_another_and_never_reach_beyond_the_end(company):
    tickets = company.tables["tickets"]
    answered = tickets[tickets["first_response_at"].notna()]
    assert (answered["first_response_at"] >= answered["occurred_at"]).all()
    solved = tickets[tickets["resolved_at"].notna()]
    assert (solved["resolved_at"] >= solved["first_response_at"]).all()
    assert solved["resolved_at"].max() < pd.Timestamp(company.parameters.ends_at)
    assert tickets["resolved_at"].isna().any()


def test_refunds_are_negative_and_name_an_earlier_larger_order_of_the_same_customer(company):
    orders = company.tables["orders"]
    refunds = orders[orders["refund_of"].notna()].merge(
        orders, left_on="refund_of", right_on="order_id", suffixes=("", "_of")
    )
    assert len(refunds) == orders["refund_of"].notna().sum() > 0
    assert (refunds["amount"] < 0).all()
    assert (refunds["amount"] + refunds["amount_of"] >= -1e-9).all()
    assert (refunds["customer_id"] == refunds["customer_id_of"]).all()
    assert (refunds["occurred_at"] > refunds["occurred_at_of"]).all()


def test_comments_come_in_both_languages_and_match_the_language_of_the_customer(company):
    feedback = company.tables["feedback"].merge(company.truth, on="customer_id", suffixes=("", "_true"))
    written = feedback[feedback["text"].notna()]
    assert set(written["language"]) == {"en", "it"}
    assert (written["language"] == written["language_true"]).all()
    assert written["text"].nunique() > 80


def test_the_bank_of_comments_has_every_topic_mood_and_language_without_repeats():
    bank = load_comments()
    assert len(find_topics()) == 12
    assert len(bank) == 12 * 2 * 2
    sentences = [text for texts in bank.values() for text in texts]
    assert len(sentences) == len(set(sentences))


def test_the_silent_never_answer(company):
    silent = set(company.truth.loc[company.truth["silent"], "customer_id"])
    assert silent
    assert not silent & set(company.tables["feedback"]["customer_id"])


def test_truth_has_a_row_per_customer_and_agrees_with_the_orders(company):
    truth, orders = company.truth, company.tables["orders"]
    assert list(truth["customer_id"]) == sorted(company.tables["customers"]["customer_id"])
    natural = orders[orders["order_id"].str.startswith("o")]
    counts = natural.groupby("customer_id").size().reindex(truth["customer_id"], fill_value=0)
    assert (counts.to_numpy() == truth["orders"].to_numpy()).all()
    last = natural.groupby("customer_id")["occurred_at"].max()
    gone = truth[truth["alive_until"].notna()].set_index("customer_id")
    assert (gone["alive_until"] == last.reindex(gone.index)).all()


def test_a_plain_company_recovers_the_moments_of_its_parameters(plain):
    buying, spending, truth = plain.parameters.buying, plain.parameters.spending, plain.truth
    assert truth["rate"].mean() == pytest.approx(buying.r / buying.alpha, rel=0.03)
    assert truth["rate"].var() == pytest.approx(buying.r / buying.alpha**2, rel=0.06)
    assert truth["dropout"].mean() == pytest.approx(buying.a / (buying.a + buying.b), rel=0.02)
    expected = spending.p * spending.v / (spending.q - 1)
    assert plain.tables["orders"]["amount"].mean() == pytest.approx(expected, rel=0.05)


def test_a_plain_company_has_as_many_one_time_buyers_as_the_formula_says(plain):
    buying, orders = plain.parameters.buying, plain.tables["orders"]
    first = orders.groupby("customer_id")["occurred_at"].min()
    weeks = (pd.Timestamp(plain.parameters.ends_at) - first).dt.total_seconds() / 604_800
    expected = ((buying.alpha / (buying.alpha + weeks)) ** buying.r).mean()
    assert (plain.truth["orders"] == 1).mean() == pytest.approx(expected, abs=0.01)


def test_a_plain_company_keeps_the_share_that_survives_the_first_repeat_order(plain):
    buying = plain.parameters.buying
    twice = plain.truth[plain.truth["orders"] >= 2]
    left_at_once = (twice["alive_until"].notna() & (twice["orders"] == 2)).mean()
    assert left_at_once == pytest.approx(buying.a / (buying.a + buying.b), abs=0.015)


def test_a_plain_company_has_customers_and_orders_only(plain):
    assert {name for name, table in plain.tables.items() if len(table)} == {"customers", "orders"}
    assert (plain.tables["orders"]["amount"] > 0).all()


def test_the_season_moves_orders_to_its_peak():
    parameters = CompanyParameters(
        customers=4_000, days=1_461, acquisition_share=0.05, season=Season(strength=0.8, peak_day=180.0)
    )
    orders = simulate_company(parameters, 1).tables["orders"]
    later = orders[orders["occurred_at"].dt.year >= 2025]["occurred_at"].dt.month
    assert later.isin([5, 6, 7, 8]).mean() > 1.7 * later.isin([11, 12, 1, 2]).mean()


def test_mood_moves_dropout_and_answers():
    parameters = CompanyParameters(
        customers=6_000, mood=Mood(spread=1.0, dropout=2.0), answers=Answers(by_mood=1.5, silent=0.0)
    )
    company = simulate_company(parameters, 2)
    answered = company.truth["customer_id"].isin(company.tables["feedback"]["customer_id"])
    several = company.truth["orders"] >= 2
    happy = company.truth["mood"] > company.truth["mood"].median()
    stayed = company.truth["alive_until"].isna()
    assert stayed[several & happy].mean() > stayed[several & ~happy].mean() + 0.1
    assert answered[several & happy].mean() > answered[several & ~happy].mean() + 0.1


def test_campaigns_bring_extra_orders_to_the_treated_only():
    parameters = CompanyParameters(customers=5_000, campaigns=Campaigns(count=3, reach=0.5, effect=0.2))
    company = simulate_company(parameters, 4)
    orders, actions = company.tables["orders"], company.tables["actions"]
    extra = orders[orders["order_id"].str.startswith("x")]
    treated = actions[actions["arm"] == "treated"]
    assert set(extra["customer_id"]) <= set(treated["customer_id"])
    assert len(extra) / len(treated) == pytest.approx(0.2, abs=0.02)


def test_pains_can_be_switched_off():
    company = simulate_company(
        CompanyParameters(customers=300, moments=Moments(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)), 1
    )
    assert company.tables["tickets"].empty
    assert company.tables["orders"]["refund_of"].isna().all()
    assert np.all(company.tables["interactions"]["touchpoint"] != "delivery.late")


def test_lifetimes_end_at_any_time_and_nobody_orders_after_them():
    buying = Buying(dropout="exponential", s=0.8, beta=15.0)
    company = simulate_company(CompanyParameters.without_effects(customers=8_000, buying=buying), 6)
    orders = company.tables["orders"].groupby("customer_id")["occurred_at"]
    first, last = (found.reindex(company.truth["customer_id"]) for found in (orders.min(), orders.max()))
    until = company.truth.set_index("customer_id")["alive_until"]
    assert (last[until.notna()] <= until[until.notna()]).all()
    assert (until > last).sum() > 2_000
    weeks = (pd.Timestamp(company.parameters.ends_at) - first).dt.total_seconds() / 604_800
    assert until.isna().mean() == pytest.approx(((15.0 / (15.0 + weeks)) ** 0.8).mean(), abs=0.012)


def test_a_heavy_tail_keeps_the_mean_of_an_order_and_brings_some_enormous_ones():
    plain = CompanyParameters.without_effects(customers=6_000)
    heavy = replace(plain, spending=replace(plain.spending, tail=2.5))
    amounts, heavy_amounts = (simulate_company(each, 5).tables["orders"]["amount"] for each in (plain, heavy))
    assert heavy_amounts.mean() == pytest.approx(amounts.mean(), rel=0.1)
    assert heavy_amounts.max() > 2 * amounts.max()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"customers": 0}, "customers 0"),
        ({"days": 3}, "days 3"),
        ({"acquisition_share": 0.0}, "acquisition_share 0.0"),
        ({"days": 90, "future_days": 90}, "future_days 90 of 90 days leave no past"),
    ],
)
def test_an_impossible_company_is_refused_by_name(wrong, message):
    with pytest.raises(ContractError, match=message):
        CompanyParameters(**wrong)


def test_an_unknown_way_to_leave_and_a_tail_without_mean_are_refused():
    with pytest.raises(ContractError, match="dropout 'sudden' is no way to leave"):
        Buying(dropout="sudden")
    with pytest.raises(ContractError, match=r"tail 1\.0 gives order values no mean"):
        Spending(tail=1.0)
