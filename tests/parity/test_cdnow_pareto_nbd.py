"""Published Pareto/NBD figures on CDNOW: Fader, Hardie and Lee (2005), and those recomputed from them."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from testkit.cdnow import HOLDOUT_WEEKS, CdnowSummary, cdnow_summary
from training.models.beta_geo import BetaGeo, quiet_lifetimes
from training.models.pareto_nbd import ParetoNBD
from training.models.pareto_nbd_parameters import ParetoNBDParameters


@pytest.fixture(scope="module")
def cdnow() -> CdnowSummary:
    return cdnow_summary()


@pytest.fixture(scope="module")
def fitted(cdnow) -> ParetoNBD:
    return ParetoNBD().fit(cdnow.frequency, cdnow.recency, cdnow.age)


@pytest.fixture(scope="module")
def expected(cdnow, fitted) -> np.ndarray:
    history = (cdnow.frequency, cdnow.recency, cdnow.age)
    return fitted.parameters_.expected_purchases(HOLDOUT_WEEKS, *history)


@pytest.mark.parametrize(
    ("name", "published"), [("r", 0.55328), ("alpha", 10.57768), ("s", 0.60624), ("beta", 11.66876)]
)
def test_each_parameter_is_the_published_one(fitted, name, published):
    assert getattr(fitted.parameters_, name) == pytest.approx(published, abs=4e-5)


@pytest.mark.parametrize(
    ("name", "published"), [("r", 0.553), ("alpha", 10.578), ("s", 0.606), ("beta", 11.669)]
)
def test_each_parameter_rounds_to_that_of_the_paper(fitted, name, published):
    assert round(getattr(fitted.parameters_, name), 3) == published


def test_the_log_likelihood_is_the_published_one(fitted):
    assert fitted.log_likelihood_ == pytest.approx(-9594.9762, abs=5e-5)
    assert fitted.penalizer_ == 0.0
    assert not fitted.used_prior_
    assert fitted.n_excluded_ == 0


def test_holdout_error_correlation_and_total_are_the_published_ones(cdnow, expected):
    actual = cdnow.holdout_purchases
    assert np.abs(expected - actual).mean() == pytest.approx(0.7545, abs=5e-5)
    assert np.corrcoef(expected, actual)[0, 1] == pytest.approx(0.6302, abs=5e-5)
    assert expected.sum() / actual.sum() - 1 == pytest.approx(-0.115, abs=5e-4)


def test_both_models_expect_nearly_the_same(cdnow, expected):
    history = (cdnow.frequency, cdnow.recency, cdnow.age)
    other = BetaGeo().fit(*history).parameters_.expected_purchases(HOLDOUT_WEEKS, *history)
    assert np.corrcoef(expected, other)[0, 1] == pytest.approx(0.9955, abs=5e-5)


def test_the_class_of_no_repeat_purchase_is_expected_to_buy_as_published(cdnow, expected):
    assert expected[cdnow.frequency == 0].mean() == pytest.approx(0.138, abs=5e-4)


def test_churn_is_ranked_as_published_and_by_no_purchase_better_than_by_alive(cdnow, fitted, expected):
    silent = cdnow.holdout_purchases == 0
    history = (cdnow.frequency, cdnow.recency, cdnow.age)
    dropped = 1 - fitted.parameters_.p_alive(*history)
    assert roc_auc_score(silent, -expected) == pytest.approx(0.779, abs=5e-4)
    assert roc_auc_score(silent, dropped) == pytest.approx(0.726, abs=5e-4)
    assert ((dropped - silent) ** 2).mean() == pytest.approx(0.194, abs=5e-4)
    churn = fitted.parameters_.p_no_purchase(HOLDOUT_WEEKS, *history)
    assert roc_auc_score(silent, churn) > roc_auc_score(silent, dropped) + 0.04
    assert ((churn - silent) ** 2).mean() < ((dropped - silent) ** 2).mean() - 0.03


def test_days_instead_of_weeks_change_the_two_scales_alone(cdnow, fitted):
    daily = ParetoNBD(time_unit="day").fit(cdnow.frequency, cdnow.recency * 7, cdnow.age * 7)
    assert (daily.alpha_ / 7, daily.beta_ / 7) == pytest.approx((fitted.alpha_, fitted.beta_), rel=1e-9)
    assert (daily.r_, daily.s_) == pytest.approx((fitted.r_, fitted.s_), rel=1e-9)


@pytest.mark.parametrize(
    "values", [(0.553, 10.578, 0.606, 11.669), (0.9, 4.0, 1.7, 20.0), (2.0, 20.0, 0.3, 5.0)]
)
def test_alive_and_purchases_agree_with_lifetimes_where_it_has_an_answer(values):
    x, share, age, t = (
        part.ravel() for part in np.meshgrid([0, 1, 2, 10], [0.1, 0.5, 0.9], [10.0, 38.86], [1.0, 39.0])
    )
    t_x = np.where(x > 0, share * age, 0.0)
    with quiet_lifetimes():
        from lifetimes import ParetoNBDFitter

        fitter = ParetoNBDFitter()
        fitter.params_ = dict(zip(("r", "alpha", "s", "beta"), values, strict=True))
        alive = fitter.conditional_probability_alive(x, t_x, age)
        purchases = fitter.conditional_expected_number_of_purchases_up_to_time(t, x, t_x, age)
    ours = ParetoNBDParameters(*values)
    assert ours.p_alive(x, t_x, age) == pytest.approx(alive, rel=1e-8)
    assert ours.expected_purchases(t, x, t_x, age) == pytest.approx(purchases, rel=1e-8)
