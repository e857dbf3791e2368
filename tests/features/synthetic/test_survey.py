"""A survey of everybody: facts decide who answers, and the truth is told of all."""

from dataclasses import replace

import numpy as np
import pytest

from contracts.errors import ContractError
from features.synthetic import CompanyParameters, load_acceptance, simulate_company
from features.synthetic.parameters import Survey

MODES = ("silent_by_behaviour", "silent_by_mood", "silent_by_mood_strong")


def survey_company(mode, customers=2500, seed=2010, **changes):
    parameters = replace(load_acceptance()[mode], customers=customers)
    return simulate_company(replace(parameters, survey=replace(parameters.survey, **changes)), seed)


def answered_by(company):
    said = company.tables["feedback"].set_index("customer_id")["score"]
    return said.reindex(company.truth["customer_id"]).to_numpy()


@pytest.fixture(scope="module")
def company():
    return survey_company("silent_by_mood")


def test_a_survey_adds_rows_and_leaves_everything_else_as_it_was():
    parameters = CompanyParameters(customers=200, days=300)
    before = simulate_company(parameters, 2011)
    after = simulate_company(replace(parameters, survey=Survey(held=True, days_before=20.0)), 2011)
    for name in ("customers", "orders", "subscriptions", "interactions", "tickets"):
        assert before.tables[name].equals(after.tables[name])
    for name in ("feedback", "actions"):
        assert len(after.tables[name]) > len(before.tables[name])
        assert set(before.tables[name].iloc[:, 0]) <= set(after.tables[name].iloc[:, 0])
    assert "answer" not in before.truth


def test_answers_come_before_the_instant_they_are_used_at(company):
    assert (company.tables["feedback"]["occurred_at"] < company.parameters.as_of).all()
    assert (company.tables["actions"]["occurred_at"] < company.parameters.as_of).all()


def test_what_was_said_is_nearly_always_what_would_be_said_now(company):
    said = answered_by(company)
    would_say, told = company.truth["answer"].to_numpy(), ~np.isnan(said)
    assert (said[told] == would_say[told]).mean() > 0.7
    assert abs(said[told].mean() - would_say[told].mean()) < 0.1


def test_the_odds_of_answering_are_those_of_the_parameters():
    company = survey_company(
        "silent_by_mood", 12_000, by_orders=0.0, by_gap=0.0, by_late=0.0, by_channel=0.0, days_before=0.5
    )
    said, truth = ~np.isnan(answered_by(company)), company.truth["answer"].to_numpy()
    arms = company.tables["actions"].set_index("customer_id")["arm"]
    sent = (arms.reindex(company.truth["customer_id"]) == "treated").to_numpy()
    asked = company.truth["customer_id"].isin(company.tables["actions"]["customer_id"]).to_numpy()
    odds = {}
    for name, mask in (("low", truth < 7), ("middle", (truth >= 7) & (truth < 9)), ("high", truth >= 9)):
        share = said[mask & asked & ~sent].mean()
        odds[name] = share / (1 - share)
    assert odds["low"] / odds["middle"] == pytest.approx(0.6, rel=0.3)
    assert odds["high"] / odds["middle"] == pytest.approx(1.6, rel=0.3)


def test_where_no_lot_is_drawn_none_is_on_record():
    assert survey_company("silent_by_behaviour", 300).tables["actions"].empty


@pytest.mark.parametrize("mode", MODES)
def test_those_who_answer_are_happier_than_everybody(mode):
    company = survey_company(mode, 2000)
    said, truth = answered_by(company), company.truth["answer"].to_numpy()
    assert np.nanmean(said) > truth.mean() + 0.15


def test_an_odds_ratio_of_nothing_is_refused():
    with pytest.raises(ContractError, match="detractor_odds 0 is no odds ratio"):
        Survey(detractor_odds=0)
