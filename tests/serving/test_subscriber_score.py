"""Subscribers' records where nothing tells one from another: the rule that is served says so itself."""

from datetime import UTC, datetime

import pytest

from contracts.scores import RiskBands
from contracts.settings import Settings
from features.synthetic import CompanyParameters, simulate_company
from features.synthetic.parameters import Contract
from features.wording.catalogue import load_catalogue
from serving.score import Occasion
from serving.subscriber_score import score_subscribers
from testkit.companies import open_company
from training.subscribers import fit_subscribers

AT = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def young():
    contract = Contract(share=1.0, hazard=0.3)
    company = simulate_company(CompanyParameters(customers=60, days=70, contract=contract), 6)
    return fit_subscribers(open_company(company), Settings(), company.parameters.ends_at)


@pytest.mark.parametrize(
    ("language", "beginning"), [("en", "A simple rule: "), ("it", "Una regola semplice: ")]
)
def test_where_one_rate_is_served_its_own_sentence_is_the_reason(young, language, beginning):
    occasion = Occasion("g", "1", AT, AT, RiskBands(0.3, 0.6, "training"))
    model = young.model
    catalogue = load_catalogue().for_company(model.features, "EUR")
    scored = next(score_subscribers(model, young.data.present, occasion))
    (reason,) = scored.worded(catalogue, language, model.reference.medians)
    assert (reason.code, reason.family, reason.contribution) == ("rule.constant", "rule", 0.0)
    assert reason.text.startswith(beginning)
