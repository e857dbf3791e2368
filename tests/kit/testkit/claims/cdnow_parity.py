"""The published figures of BG/NBD and Gamma-Gamma on CDNOW, and agreement with `lifetimes` in closed form."""

import numpy as np
import numpy.typing as npt

from testkit.cdnow import HOLDOUT_WEEKS, CdnowSummary, cdnow_summary
from testkit.claims.figure import Figure, Scale, none_of
from training.models.beta_geo import BetaGeo, quiet_lifetimes
from training.models.beta_geo_parameters import BetaGeoParameters
from training.models.gamma_gamma import GammaGamma, GammaGammaParameters

Array = npt.NDArray[np.float64]

ROUNDED = BetaGeoParameters(0.243, 4.414, 0.793, 2.426, "week")
Values = tuple[float, float, float, float]
SOUND: tuple[Values, ...] = (
    (0.243, 4.414, 0.793, 2.426),
    (0.5, 10, 1.7, 3),
    (2, 50, 0.3, 1.5),
    (1.1, 1, 3, 8),
    (0.05, 0.5, 2.2, 0.6),
)
# Where a is 1 or a + b is not above 1, lifetimes has no number for some or all customers.
HOLES: tuple[Values, ...] = ((0.25, 4, 1, 2.5), (0.25, 4, 0.3, 0.7), (0.25, 4, 0.3, 0.4), (0.25, 4, 1, 0.05))


def measure(scale: Scale) -> list[Figure]:
    """Return each published figure and the agreement with `lifetimes`; the same at every scale."""
    del scale
    summary = cdnow_summary()
    fitted = BetaGeo().fit(summary.frequency, summary.recency, summary.age)
    return [*_purchases(fitted), *_spend(summary), *_holdout(summary, fitted.parameters_), *_agreement()]


def _purchases(fitted: BetaGeo) -> list[Figure]:
    at = fitted.parameters_
    published = {"r": 0.2426, "alpha": 4.4136, "a": 0.7929, "b": 2.4259}
    figures = [
        Figure(f"BG/NBD {name}", getattr(at, name), value, "equals", 5e-5)
        for name, value in published.items()
    ]
    expected = float(ROUNDED.expected_purchases(39, 2, 30.43, 38.86))
    return [
        *figures,
        Figure("BG/NBD log-likelihood", fitted.log_likelihood_, -9582.429, "equals", 5e-4),
        Figure("E[Y(39) | 2, 30.43, 38.86]", expected, 1.2260, "equals", 5e-5),
    ]


def _spend(summary: CdnowSummary) -> list[Figure]:
    at = GammaGamma().fit(summary.frequency, summary.monetary_value).parameters_
    published = {"p": 6.25, "q": 3.74, "v": 15.44}
    return [
        Figure(f"Gamma-Gamma {name}", getattr(at, name), value, "equals", 5e-3)
        for name, value in published.items()
    ]


def _holdout(summary: CdnowSummary, at: BetaGeoParameters) -> list[Figure]:
    expected = at.expected_purchases(HOLDOUT_WEEKS, summary.frequency, summary.recency, summary.age)
    actual = summary.holdout_purchases
    correlation = float(np.corrcoef(expected, actual)[0, 1])
    return [
        Figure("holdout correlation", correlation, 0.6256, "equals", 5e-5),
        Figure(
            "holdout mean absolute error", float(np.abs(expected - actual).mean()), 0.7855, "equals", 5e-5
        ),
    ]


def _agreement() -> list[Figure]:
    grid = _grid()
    apart, compared, holes, unknown = 0.0, 0, 0, 0
    for values in (*SOUND, *HOLES):
        ours, theirs = _both(BetaGeoParameters(*values, "week"), *grid)
        known = np.isfinite(theirs)
        apart = max(apart, _distance(ours[known], theirs[known]))
        compared += int(known.sum())
        holes += int((~known).sum())
        unknown += int((~np.isfinite(ours)).sum())
    return [
        Figure("points compared with lifetimes, purchases and p_alive", compared, 3500, "at least"),
        Figure("their largest distance", apart, 1e-6, "at most"),
        Figure("largest distance of expected spend", _spend_distance(), 1e-6, "at most"),
        Figure("points where lifetimes is not finite", holes, 1, "at least"),
        none_of("points where ours is not finite", unknown),
    ]


def _grid() -> tuple[Array, Array, Array, Array]:
    axes: list[list[float]] = [
        [0, 1, 2, 10, 100, 600, 3000],
        [0.1, 0.5, 1.0],
        [1.0, 38.86, 300.0],
        [0.1, 13, 39, 520],
    ]
    x, share, age, t = (part.ravel() for part in np.meshgrid(*axes))
    return x, np.where(x > 0, share * age, 0.0), age, t


def _both(at: BetaGeoParameters, x: Array, t_x: Array, age: Array, t: Array) -> tuple[Array, Array]:
    """Return expected purchases, then p_alive, of ours and of `lifetimes`."""
    with quiet_lifetimes():
        from lifetimes import BetaGeoFitter

        fitter = BetaGeoFitter()
        fitter.params_ = {name: getattr(at, name) for name in ("r", "alpha", "a", "b")}
        purchases = fitter.conditional_expected_number_of_purchases_up_to_time(t, x, t_x, age)
        alive = fitter.conditional_probability_alive(x, t_x, age)
    ours = [at.expected_purchases(t, x, t_x, age), at.p_alive(x, t_x, age)]
    return np.concatenate(ours), np.concatenate([np.asarray(purchases), np.asarray(alive)])


def _spend_distance() -> float:
    at = GammaGammaParameters(6.25, 3.74, 15.44)
    x, m = (part.ravel() for part in np.meshgrid([1.0, 2.0, 10.0, 600.0, 3000.0], [0.01, 5.0, 35.0, 1e4]))
    with quiet_lifetimes():
        from lifetimes import GammaGammaFitter

        fitter = GammaGammaFitter()
        fitter.params_ = {"p": at.p, "q": at.q, "v": at.v}
        theirs = np.asarray(fitter.conditional_expected_average_profit(x, m))
    return _distance(at.expected_spend(x, m), theirs)


def _distance(ours: Array, theirs: Array) -> float:
    """Return the largest distance: relative above 1, absolute below."""
    return float((np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1.0)).max())
