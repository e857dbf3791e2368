"""Published BG/NBD figures on CDNOW: Fader, Hardie and Lee (2005) and Hardie's spreadsheets."""

import contextlib
import io
import warnings

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from testkit.cdnow import HOLDOUT_WEEKS, CdnowSummary, cdnow_summary
from training.models.beta_geo import BetaGeo
from training.models.beta_geo_parameters import BetaGeoParameters

ROUNDED = BetaGeoParameters(0.243, 4.414, 0.793, 2.426, "week")


@pytest.fixture(scope="module")
def cdnow() -> CdnowSummary:
    return cdnow_summary()


@pytest.fixture(scope="module")
def fitted(cdnow) -> BetaGeo:
    return BetaGeo().fit(cdnow.frequency, cdnow.recency, cdnow.age)


def test_the_summary_is_the_published_one(cdnow):
    assert cdnow.frequency.size == 2357
    assert cdnow.age.max() * 7 == 272
    assert int((cdnow.frequency > 0).sum()) == 946
    assert cdnow.holdout_purchases.sum() == 1882


@pytest.mark.parametrize(
    ("name", "published"), [("r", 0.2426), ("alpha", 4.4136), ("a", 0.7929), ("b", 2.4259)]
)
def test_each_parameter_is_the_published_one(fitted, name, published):
    assert getattr(fitted.parameters_, name) == pytest.approx(published, abs=5e-5)


def test_the_log_likelihood_is_the_published_one(fitted):
    assert fitted.log_likelihood_ == pytest.approx(-9582.429, abs=5e-4)
    assert fitted.penalizer_ == 0.0
    assert not fitted.used_prior_
    assert fitted.n_excluded_ == 0


def test_the_conditional_expectation_is_that_of_the_paper():
    assert ROUNDED.expected_purchases(39, 2, 30.43, 38.86) == pytest.approx(1.2260, abs=5e-5)


def test_the_probability_alive_is_that_of_the_paper():
    assert ROUNDED.p_alive(2, 30.43, 38.86) == pytest.approx(0.7266, abs=5e-5)


@pytest.mark.parametrize(
    ("weeks", "published"), [(0.1429, 0.0078), (1, 0.0532), (3, 0.1506), (31.8571, 1.0405), (32, 1.0437)]
)
def test_expected_purchases_of_a_new_customer_are_those_of_the_spreadsheet(fitted, weeks, published):
    assert fitted.parameters_.expected_purchases_new(weeks) == pytest.approx(published, abs=5e-5)


def _series_of_eq_9(at: BetaGeoParameters, t: float, terms: int) -> float:
    """Return E[X(t)] with the spreadsheet's sum for 2F1, cut after so many terms."""
    z, k = t / (at.alpha + t), np.arange(terms)
    factors = (at.r + k) * (at.b + k) / ((at.a + at.b - 1 + k) * (k + 1)) * z
    hypergeometric = np.concatenate([[1.0], np.cumprod(factors)]).sum()
    return (at.a + at.b - 1) / (at.a - 1) * (1 - hypergeometric * (at.alpha / (at.alpha + t)) ** at.r)


def test_the_spreadsheet_cuts_its_series_at_78_weeks_and_ours_is_the_whole_sum(fitted):
    at = fitted.parameters_
    assert _series_of_eq_9(at, 78, terms=150) == pytest.approx(1.8576, abs=5e-5)
    assert at.expected_purchases_new(78) == pytest.approx(_series_of_eq_9(at, 78, terms=5000), rel=1e-9)


def test_the_probability_of_no_repeat_purchase_in_39_weeks_is_the_published_one():
    assert ROUNDED.p_purchases_new(0, 39) == pytest.approx(0.5737864, abs=5e-8)


def test_the_probability_of_ten_purchases_in_two_weeks_is_the_published_one():
    assert ROUNDED.p_purchases_new(10, 2) == pytest.approx(1.07869e-07, rel=5e-6)


@pytest.mark.parametrize(("x", "t_x", "published"), [(0, 0, -0.59947382), (200, 38, 100.7957)])
def test_the_log_likelihood_of_single_histories_is_the_published_one(x, t_x, published):
    at = BetaGeoParameters(0.25, 4.0, 0.8, 2.5, "week")
    assert at.log_likelihood(x, t_x, 40) == pytest.approx(published, rel=1e-7)


def test_holdout_correlation_and_error_are_the_published_ones(cdnow, fitted):
    expected = fitted.parameters_.expected_purchases(HOLDOUT_WEEKS, cdnow.frequency, cdnow.recency, cdnow.age)
    actual = cdnow.holdout_purchases
    assert np.corrcoef(expected, actual)[0, 1] == pytest.approx(0.6256, abs=5e-5)
    assert np.abs(expected - actual).mean() == pytest.approx(0.7855, abs=5e-5)
    assert expected.sum() == pytest.approx(1653, abs=0.5)


def test_no_purchase_ranks_the_churners_and_one_minus_alive_does_not(cdnow, fitted):
    silent = cdnow.holdout_purchases == 0
    history = (cdnow.frequency, cdnow.recency, cdnow.age)
    churn = fitted.parameters_.p_no_purchase(HOLDOUT_WEEKS, *history)
    assert roc_auc_score(silent, churn) == pytest.approx(0.757, abs=5e-4)
    assert ((churn - silent) ** 2).mean() == pytest.approx(0.161, abs=5e-4)
    assert roc_auc_score(silent, 1 - fitted.parameters_.p_alive(*history)) == pytest.approx(0.316, abs=5e-4)


def test_p_no_purchase_is_that_of_the_glossary():
    histories = ([0, 2, 10], [0, 30.43, 20], 38.86)
    assert ROUNDED.p_no_purchase(13, *histories) == pytest.approx([0.938, 0.677, 0.963], abs=5e-4)
    assert 1 - ROUNDED.p_alive(*histories) == pytest.approx([0.0, 0.273, 0.961], abs=5e-4)


def test_a_one_time_buyer_of_cdnow_stays_silent_as_often_as_in_four_million_simulations():
    assert ROUNDED.p_no_purchase(39, 0, 0, 38.86) == pytest.approx(0.8555, abs=5e-4)


def test_days_instead_of_weeks_change_alpha_alone(cdnow, fitted):
    daily = BetaGeo(time_unit="day").fit(cdnow.frequency, cdnow.recency * 7, cdnow.age * 7)
    assert daily.alpha_ / 7 == pytest.approx(fitted.alpha_, rel=1e-9)
    assert (daily.r_, daily.a_, daily.b_) == pytest.approx((fitted.r_, fitted.a_, fitted.b_), rel=1e-9)


def _grid() -> tuple[np.ndarray, ...]:
    x, share, age, t = np.meshgrid(
        [0, 1, 2, 10, 100, 600, 3000], [0.1, 0.5, 1.0], [1.0, 38.86, 300.0], [0.1, 13, 39, 520]
    )
    return x.ravel(), np.where(x > 0, share * age, 0).ravel(), age.ravel(), t.ravel()


def _lifetimes(parameters: BetaGeoParameters, grid: tuple[np.ndarray, ...]) -> np.ndarray:
    x, t_x, age, t = grid
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter

        fitter = BetaGeoFitter()
        fitter.params_ = {"r": parameters.r, "alpha": parameters.alpha, "a": parameters.a, "b": parameters.b}
        return fitter.conditional_expected_number_of_purchases_up_to_time(t, x, t_x, age)


@pytest.mark.parametrize(
    "values",
    [
        (0.243, 4.414, 0.793, 2.426),
        (0.5, 10, 1.7, 3),
        (2, 50, 0.3, 1.5),
        (1.1, 1, 3, 8),
        (0.05, 0.5, 2.2, 0.6),
    ],
)
def test_ours_and_lifetimes_agree_where_lifetimes_is_finite(values):
    parameters = BetaGeoParameters(*values)
    x, t_x, age, t = grid = _grid()
    theirs, ours = _lifetimes(parameters, grid), parameters.expected_purchases(t, x, t_x, age)
    finite = np.isfinite(theirs)
    assert finite.mean() > 0.9
    assert ours[finite] == pytest.approx(theirs[finite], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    "values", [(0.25, 4, 1.0, 2.5), (0.25, 4, 0.3, 0.7), (0.25, 4, 0.3, 0.4), (0.25, 4, 1.0, 0.05)]
)
def test_ours_is_finite_in_every_hole_of_lifetimes(values):
    parameters = BetaGeoParameters(*values)
    x, t_x, age, t = grid = _grid()
    theirs, ours = _lifetimes(parameters, grid), parameters.expected_purchases(t, x, t_x, age)
    assert not np.isfinite(theirs).all()
    assert (np.isfinite(ours) & (ours >= 0)).all()
    beside = BetaGeoParameters(parameters.r, parameters.alpha, parameters.a + 1e-9, parameters.b + 1e-9)
    assert ours == pytest.approx(beside.expected_purchases(t, x, t_x, age), rel=1e-6)
