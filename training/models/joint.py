"""One joint predictive law per customer, so that no two numbers of a score contradict each other.

Let H be the churn horizon and p the served churn probability. The law is that of a purchase model (BG/NBD or
Pareto/NBD) x Gamma-Gamma given a purchase in (0, H], with probability 1 - p, and the same model given none
(the history goes on in silence), with probability p: p replaces the model's own P0(H) = ``p_no_purchase`` and
nothing else. Every number is read off that law, for any horizon t:

    P(N_t = 0) = p P0(t) / P0(H),  t >= H         E[N_t] = (1 - p) E[N_t | some in (0, H]] + p E[N_t | none]

and at p = P0(H) it is the purchase model itself. The conditional means are in ``outcomes``, the draws in
``predictive_draws``.

``value_if_stays >= value_if_leaves`` is a theorem for equal spend. BG/NBD: with dropout probability d a
customer who buys at tau <= H expects 1 + (1 - d) f purchases, f = (1 - e^(-lambda d t)) / d, which is
f + e^(-lambda d t); f grows with lambda and t, and silence until H lowers lambda and leaves less time.
Pareto/NBD: whoever buys in (0, H] expects more than g = lambda (1 - e^(-mu (t - H))) / mu, whoever is silent
at most g; g and the chance of buying both grow with lambda and fall with mu, independent given (x, T), so
they are positively correlated (Harris). A ``spend_scale`` below 1 may break it and is therefore raised to
equality.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from contracts.errors import ContractError
from training.models.distinct import find_distinct
from training.models.gamma_gamma import GammaGammaParameters
from training.models.history import Array, History
from training.models.mixture import SpendMixture, SpendMoments
from training.models.outcomes import Outcomes, PurchaseOutcomes
from training.models.predictive_draws import PredictiveDraws
from training.models.purchase_model import PurchaseModel
from training.models.residual_clv import check_annual_discount_rate

LEVELS = (0.1, 0.5, 0.9)
ROWS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class JointPrediction:
    """Arrays of shape (n,), finite and >= 0; money over the CLV horizon, discounted and times margin.

    ``expected_purchases`` covers the churn horizon. ``p10``, ``p50``, ``p90`` are the quantiles at the
    levels asked for.
    """

    churn_probability: Array
    expected_purchases: Array
    p_no_spend: Array
    value_if_stays: Array
    value_if_leaves: Array
    clv_mean: Array
    p10: Array
    p50: Array
    p90: Array

    @property
    def value_at_risk(self) -> Array:
        """Money expected to be lost, p (value_if_stays - value_if_leaves), shape (n,), >= 0."""
        return self.churn_probability * (self.value_if_stays - self.value_if_leaves)

    @property
    def contact_value(self) -> Array:
        """What an equal small push on everyone would keep, (1 - p) value_at_risk, shape (n,), >= 0."""
        return (1.0 - self.churn_probability) * self.value_at_risk


@dataclass(frozen=True, eq=False)
class JointCurve:
    """Arrays (n, k), one column per horizon: the first never rises with it, the other two never fall."""

    horizons: Array
    churn_probability: Array
    expected_purchases: Array
    clv_mean: Array


@dataclass(frozen=True)
class JointModel:
    """The joint law for one pair of fitted models.

    Args:
        purchase_model: BG/NBD or Pareto/NBD; its time unit is that of everything here.
        gamma_gamma: spend per purchase.
        horizon: churn horizon H > 0.
        clv_horizon: H2 >= H.
        annual_discount_rate: share per year. The draws carry it as one mean factor per customer and outcome.

    Raises:
        ContractError: a horizon or the rate is out of bounds.

    Examples:
        >>> from training.models.beta_geo_parameters import BetaGeoParameters
        >>> cdnow = BetaGeoParameters(0.243, 4.414, 0.793, 2.426, "week")
        >>> model = JointModel(cdnow, GammaGammaParameters(6.25, 3.74, 15.44), horizon=13, clv_horizon=52)
        >>> history = History([0, 2], [0, 30.43], [38.86, 38.86], [float("nan"), 22.35])
        >>> served = model.predict(history, churn_probability=[0.9, 0.6])
        >>> print(served.clv_mean.round(2), served.p50.round(2), served.p_no_spend.round(3))
        [11.02 42.86] [ 0.   25.29] [0.792 0.352]
    """

    purchase_model: PurchaseModel
    gamma_gamma: GammaGammaParameters
    horizon: float
    clv_horizon: float
    annual_discount_rate: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.horizon <= self.clv_horizon < np.inf:
            raise ContractError(
                f"horizon is {self.horizon} and clv_horizon {self.clv_horizon} "
                f"{self.purchase_model.time_unit}s; both must be above 0 and clv_horizon not the shorter"
            )
        check_annual_discount_rate(self.annual_discount_rate)

    def predict(
        self,
        history: History,
        churn_probability: npt.ArrayLike,
        spend_scale: npt.ArrayLike | None = None,
        margin: npt.ArrayLike = 1.0,
        levels: npt.ArrayLike = LEVELS,
    ) -> JointPrediction:
        """Return the numbers of a score; equal customers get equal bytes in any batch and order.

        Args:
            history: n customers.
            churn_probability: served p, shape (n,), in [0, 1].
            spend_scale: shape (n,), > 0: factor on spend given at least one purchase (a value model against
                Gamma-Gamma); left out: 1. Counts of purchases do not change.
            margin: share of spend kept, > 0, one number or shape (n,).
            levels: three ascending levels in [0, 1], shape (3,) or (n, 3); moved ones conformalise the range.

        Raises:
            ContractError: a length, probability, scale, margin or level is out of bounds.
        """
        p, level = _probabilities(churn_probability, len(history)), _levels(levels, len(history))
        share = _positive("margin", margin, len(history))
        far = self._outcomes.by(self.clv_horizon, history)
        scale = self._scale(history, spend_scale, far)
        stays, leaves = self._values(history, far, scale, share)
        discount_stays = far.discounted_stays / far.stays
        discount_leaves = far.discounted_leaves / np.where(far.leaves > 0, far.leaves, 1.0)
        quantiles = np.empty((len(history), 3))
        factors = (scale * share * discount_stays, share * discount_leaves)
        for rows, mixture in self._mixtures(history, p, factors):
            quantiles[rows] = np.column_stack([mixture.quantile(level[rows, k]) for k in range(3)])
        return JointPrediction(
            churn_probability=p,
            expected_purchases=(1 - p) * self._outcomes.by(self.horizon, history).stays,
            p_no_spend=self._outcomes.p_no_event(self.clv_horizon, history, p),
            value_if_stays=stays,
            value_if_leaves=leaves,
            clv_mean=(1 - p) * stays + p * leaves,
            p10=quantiles[:, 0],
            p50=quantiles[:, 1],
            p90=quantiles[:, 2],
        )

    def pit(
        self,
        history: History,
        churn_probability: npt.ArrayLike,
        spend: npt.ArrayLike,
        spend_scale: npt.ArrayLike | None = None,
    ) -> tuple[Array, Array]:
        """Return F(spend-) and F(spend) of the predicted law, each of shape (n,) in [0, 1].

        ``spend`` is what was really spent in the CLV horizon: neither discounted nor times margin, which
        scale the law and its quantiles alike; <= 0 counts as nothing. A uniform draw between the two is the
        randomised PIT.

        Raises:
            ContractError: a length, probability, scale or spend is out of bounds.
        """
        p, money = _probabilities(churn_probability, len(history)), _spend(spend, len(history))
        lower, upper = np.empty(p.shape), np.empty(p.shape)
        for rows, mixture in self._plain_mixtures(history, p, spend_scale):
            lower[rows], upper[rows] = mixture.pit(money[rows])
        return lower, upper

    def crps(
        self,
        history: History,
        churn_probability: npt.ArrayLike,
        spend: npt.ArrayLike,
        spend_scale: npt.ArrayLike | None = None,
    ) -> Array:
        """Return the continuous ranked probability score of each customer, shape (n,), in money, >= 0.

        Arguments and errors as in ``pit``; the mean over customers is the metric.
        """
        p, money = _probabilities(churn_probability, len(history)), _spend(spend, len(history))
        score = np.empty(p.shape)
        for rows, mixture in self._plain_mixtures(history, p, spend_scale):
            score[rows] = mixture.crps(money[rows])
        return score

    def moments(
        self,
        history: History,
        churn_probability: npt.ArrayLike,
        spend_scale: npt.ArrayLike | None = None,
        margin: npt.ArrayLike = 1.0,
    ) -> SpendMoments:
        """Return mean, variance and atom of each customer's law, for ``group_totals``; as in ``predict``.

        The mean is ``clv_mean`` to the byte; the variance is the draws' around their own mean, in proportion.
        """
        served = self.predict(history, churn_probability, spend_scale, margin)
        variation = np.empty(served.clv_mean.shape)
        for rows, mixture in self._plain_mixtures(history, served.churn_probability, spend_scale):
            variation[rows] = mixture.variation()
        return SpendMoments(served.clv_mean, variation * served.clv_mean**2, served.p_no_spend)

    def curve(
        self,
        history: History,
        churn_probability: npt.ArrayLike,
        horizons: Sequence[float],
        spend_scale: npt.ArrayLike | None = None,
        margin: npt.ArrayLike = 1.0,
    ) -> JointCurve:
        """Return the same law at other horizons (>= 0, in the time unit); the rest as in ``predict``.

        At ``horizon`` the first two columns, and at ``clv_horizon`` the third, equal the numbers of
        ``predict``.
        """
        p, share = _probabilities(churn_probability, len(history)), _positive("margin", margin, len(history))
        scale = self._scale(history, spend_scale, self._outcomes.by(self.clv_horizon, history))
        silent, purchases, value = (np.empty((p.size, len(horizons))) for _ in range(3))
        for k, t in enumerate(horizons):
            at = self._outcomes.by(t, history)
            stays, leaves = self._values(history, at, scale, share)
            silent[:, k] = self._outcomes.p_no_event(t, history, p)
            purchases[:, k] = (1 - p) * at.stays + p * at.leaves
            value[:, k] = (1 - p) * stays + p * leaves
        return JointCurve(np.asarray(horizons, dtype=np.float64), silent, purchases, value)

    @cached_property
    def _outcomes(self) -> PurchaseOutcomes:
        return PurchaseOutcomes(self.purchase_model, self.horizon, self.annual_discount_rate)

    @cached_property
    def _draws(self) -> PredictiveDraws:
        return PredictiveDraws(self.purchase_model, self.gamma_gamma)

    def _scale(self, history: History, spend_scale: npt.ArrayLike | None, far: Outcomes) -> Array:
        scale = _positive("spend_scale", 1.0 if spend_scale is None else spend_scale, len(history))
        return np.maximum(scale, far.discounted_leaves / far.discounted_stays)

    def _values(self, history: History, at: Outcomes, scale: Array, share: Array) -> tuple[Array, Array]:
        spend = self.gamma_gamma.expected_spend(history.frequency, history.monetary_value) * share
        leaves = spend * at.discounted_leaves
        return np.maximum(scale * spend * at.discounted_stays, leaves), leaves

    def _plain_mixtures(
        self, history: History, p: Array, spend_scale: npt.ArrayLike | None
    ) -> Iterator[tuple[npt.NDArray[np.intp], SpendMixture]]:
        """Yield row numbers and their law of what is really spent: neither discounted nor times margin."""
        scale = self._scale(history, spend_scale, self._outcomes.by(self.clv_horizon, history))
        yield from self._mixtures(history, p, (scale, np.ones(p.shape)))

    def _mixtures(
        self, history: History, p: Array, factors: tuple[Array, Array]
    ) -> Iterator[tuple[npt.NDArray[np.intp], SpendMixture]]:
        """Yield row numbers and their law; rows come sorted, so that draws of equal (x, T) are made once."""
        H, H2 = self.horizon, self.clv_horizon
        silent = self._outcomes.p_stays_silent(H2, history)
        order = np.lexsort((history.age, history.frequency))
        for start in range(0, order.size, ROWS_AT_ONCE):
            rows = order[start : start + ROWS_AT_ONCE]
            x, T = history.frequency[rows], history.age[rows]
            pairs, position = find_distinct((x, T))
            unit = self.gamma_gamma.v + np.where(x > 0, x * history.monetary_value[rows], 0.0)
            stays = self._unit_draws(pairs, 0.0, H, H2)[position] * (unit * factors[0][rows])[:, None]
            branches = [(stays, 1 - p[rows])]
            if H2 > H:
                late = self._unit_draws(pairs, H, H2 - H, H2 - H)[position]
                late = late * (unit * factors[1][rows])[:, None]
                branches.append((late, p[rows] * (1 - silent[rows])))
            yield rows, SpendMixture.of(p[rows] * silent[rows], tuple(branches))

    def _unit_draws(self, pairs: Sequence[Array], later: float, window: float, end: float) -> Array:
        x, T = pairs
        return self._draws.of(x, T + later, window, end)


def _probabilities(churn_probability: npt.ArrayLike, n: int) -> Array:
    p = np.asarray(churn_probability, dtype=np.float64)
    if p.shape != (n,) or not ((p >= 0) & (p <= 1)).all():
        raise ContractError(f"churn_probability must hold {n} numbers from 0 to 1, one per customer")
    return p


def _spend(spend: npt.ArrayLike, n: int) -> Array:
    money = np.asarray(spend, dtype=np.float64)
    if money.shape != (n,) or not np.isfinite(money).all():
        raise ContractError(f"spend must hold {n} finite numbers, one per customer")
    return money


def _positive(name: str, values: npt.ArrayLike, n: int) -> Array:
    given = np.asarray(values, dtype=np.float64)
    if given.shape not in ((), (n,)) or not (np.isfinite(given) & (given > 0)).all():
        raise ContractError(f"{name} must be one finite number above 0, or {n} of them, one per customer")
    return np.broadcast_to(given, (n,))


def _levels(levels: npt.ArrayLike, n: int) -> Array:
    given = np.asarray(levels, dtype=np.float64)
    inside = ((given >= 0) & (given <= 1)).all()
    if given.shape not in ((3,), (n, 3)) or not inside or (np.diff(given) < 0).any():
        raise ContractError("levels must be three ascending numbers from 0 to 1 such as 0.1, 0.5, 0.9")
    return np.broadcast_to(given, (n, 3))
