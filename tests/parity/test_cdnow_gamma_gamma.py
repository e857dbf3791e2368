"""Published Gamma-Gamma figures on CDNOW's 946 repeat buyers: Fader and Hardie (2013)."""

import numpy as np
import pytest

from testkit.cdnow import CdnowSummary, cdnow_summary
from training.models.beta_geo import BetaGeo
from training.models.gamma_gamma import GammaGamma
from training.models.history import History
from training.models.joint import JointModel


@pytest.fixture(scope="module")
def cdnow() -> CdnowSummary:
    return cdnow_summary()


@pytest.fixture(scope="module")
def fitted(cdnow) -> GammaGamma:
    return GammaGamma().fit(cdnow.frequency, cdnow.monetary_value)


def test_the_repeat_buyers_spend_as_published(cdnow):
    money = cdnow.monetary_value[cdnow.frequency > 0]
    assert money.size == 946
    assert (
        round(money.mean()),
        round(money.std()),
        round(money.min()),
        round(np.median(money)),
        round(money.max()),
    ) == (
        35,
        30,
        3,
        27,
        300,
    )


@pytest.mark.parametrize(("name", "published"), [("p", 6.25), ("q", 3.74), ("v", 15.44)])
def test_each_parameter_is_the_published_one(fitted, name, published):
    assert getattr(fitted.parameters_, name) == pytest.approx(published, abs=5e-3)


def test_likelihood_mean_and_correlation_are_those_of_the_reference(fitted):
    assert fitted.log_likelihood_ == pytest.approx(-4055.918, abs=5e-4)
    assert fitted.parameters_.mean_spend == pytest.approx(35.17, abs=5e-3)
    assert fitted.correlation_ == pytest.approx(0.114, abs=5e-4)
    assert fitted.penalizer_ == 0.0


def test_holdout_spend_and_the_coverage_of_its_range_are_those_of_the_reference(cdnow, fitted):
    history = History(cdnow.frequency, cdnow.recency, cdnow.age, cdnow.monetary_value)
    beta_geo = BetaGeo().fit(cdnow.frequency, cdnow.recency, cdnow.age).parameters_
    model = JointModel(beta_geo, fitted.parameters_, horizon=39, clv_horizon=39)
    churn = beta_geo.p_no_purchase(39, cdnow.frequency, cdnow.recency, cdnow.age)
    served, spend = model.predict(history, churn), cdnow.holdout_spend
    assert np.abs(served.clv_mean - spend).mean() == pytest.approx(30.41, abs=5e-3)
    lower, upper = model.pit(history, churn, spend)
    inside = np.clip(np.minimum(upper, 0.9) - np.maximum(lower, 0.1), 0, None)
    covered = np.where(
        upper > lower, inside / np.where(upper > lower, upper - lower, 1), (lower >= 0.1) & (lower <= 0.9)
    )
    assert 0.77 < covered.mean() < 0.83
