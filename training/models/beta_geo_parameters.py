"""The beta-geometric / NBD model in closed form: parameters, likelihood and predictions.

While alive a customer buys at rate lambda ~ Gamma(r, alpha); after each purchase he drops out with
probability p ~ Beta(a, b). Fader, Hardie and Lee (2005), "Counting your customers the easy way", Marketing
Science 24(2), 275-284; "eq." below is an equation of that paper. Given a history (x, t_x, T) and that the
customer is alive, lambda is Gamma(r + x, alpha + T) and p is Beta(a, b + x), independently: every prediction
here is a mean under that law.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import isfinite

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaln, expit, gammaln, xlogy

from contracts.errors import BundleRefused, ContractError, FedeleError, ModelRefused
from contracts.periods import DAYS_PER_UNIT
from training.models.beta_geo_draws import BetaGeoDraws
from training.models.distinct import find_distinct
from training.models.dropout_quadrature import dropout_nodes
from training.models.history import Array, check_horizon

Numbers = npt.ArrayLike

BOUNDS = {"r": (0.01, 20.0), "alpha": (0.01, 1e5), "a": (0.05, 20.0), "b": (0.05, 1e3)}
ROWS_AT_ONCE = 4096


def check_beta_geo(values: Mapping[str, object], error: type[FedeleError] = ModelRefused) -> None:
    """Raise ``error`` unless r, alpha, a and b are finite and inside ``BOUNDS``; returns nothing."""
    for name, (low, high) in BOUNDS.items():
        value = values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise error(f"BG/NBD parameter {name} is {value!r}, no number; fit the model again")
        if not (isfinite(value) and low <= value <= high):
            raise error(
                f"BG/NBD parameter {name} = {value:.6g} is outside {low:g} to {high:g}; "
                "keep the last good parameters and look at the order history with `fedele check`"
            )


def _result(values: npt.ArrayLike) -> Array:
    return np.asarray(values, dtype=np.float64)


@dataclass(frozen=True)
class BetaGeoParameters:
    """BG/NBD with known parameters; all times in ``time_unit`` (``day`` or ``week``).

    Arguments ``frequency`` (x), ``recency`` (t_x) and ``age`` (T) broadcast against each other and against
    ``horizon`` (t >= 0); none may be missing. They are trusted: ``history.History`` is the door. Every
    answer is finite and >= 0.

    Examples:
        >>> cdnow = BetaGeoParameters(0.243, 4.414, 0.793, 2.426, "week")
        >>> print(cdnow.expected_purchases(39, 2, 30.43, 38.86).round(3))
        1.226
        >>> print(cdnow.p_alive(0, 0, 38.86))
        1.0
    """

    r: float
    alpha: float
    a: float
    b: float
    time_unit: str = "week"

    def __post_init__(self) -> None:
        if self.time_unit not in DAYS_PER_UNIT:
            raise ContractError(f"time_unit is {self.time_unit!r}; use one of {', '.join(DAYS_PER_UNIT)}")

    def log_likelihood(self, frequency: Numbers, recency: Numbers, age: Numbers) -> Array:
        """Return log L(x, t_x, T) per row, eq. 6 (finite; may be positive, as a density)."""
        x, t_x, T = map(_result, (frequency, recency, age))
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b)
        alive = -(r + x) * np.log(alpha + T)
        # B(a + 1, b + x - 1) / B(a, b + x) = a / (b + x - 1); only a repeat purchase can end a relationship.
        dropped = np.log(a / (b + np.maximum(x, 1) - 1)) - (r + x) * np.log(alpha + t_x)
        return _result(common + np.where(x > 0, np.logaddexp(alive, dropped), alive))

    def p_alive(self, frequency: Numbers, recency: Numbers, age: Numbers) -> Array:
        """Return P(alive at T | x, t_x, T) in [0, 1], 1 where x is 0. Never serve one minus it as churn."""
        x, t_x, T = map(_result, (frequency, recency, age))
        odds_of_dropped = (self.r + x) * np.log((self.alpha + T) / (self.alpha + t_x))
        odds_of_dropped = odds_of_dropped + np.log(self.a / (self.b + np.maximum(x, 1) - 1))
        return _result(np.where(x > 0, expit(-odds_of_dropped), 1.0))

    def p_purchase_alive(self, horizon: Numbers, frequency: Numbers, age: Numbers) -> Array:
        """Return P(a purchase in (T, T + t] | alive at T) = 1 - ((alpha + T) / (alpha + T + t))^(r + x)."""
        t, x, T = check_horizon(horizon), _result(frequency), _result(age)
        return _result(-np.expm1(-(self.r + x) * np.log1p(t / (self.alpha + T))))

    def p_silent_and_alive(self, horizon: Numbers, frequency: Numbers, age: Numbers) -> Array:
        """Return P(no purchase in (T, T + t] and alive at T + t | alive at T): who is silent stays alive."""
        return _result(1 - self.p_purchase_alive(horizon, frequency, age))

    def p_no_purchase(self, horizon: Numbers, frequency: Numbers, recency: Numbers, age: Numbers) -> Array:
        """Return P(no purchase in (T, T + t] | x, t_x, T) in [0, 1]; 1 at t = 0, never rising with t.

        Examples:
            >>> cdnow = BetaGeoParameters(0.243, 4.414, 0.793, 2.426, "week")
            >>> print(cdnow.p_no_purchase(13, [0, 2, 10], [0, 30.43, 20], 38.86).round(3))
            [0.938 0.677 0.963]
        """
        alive = self.p_alive(frequency, recency, age)
        return _result(1.0 - alive * self.p_purchase_alive(horizon, frequency, age))

    def expected_purchases_alive(self, horizon: Numbers, frequency: Numbers, age: Numbers) -> Array:
        """Return E[purchases in (T, T + t] | x, T, alive at T] >= 0, never falling with t.

        The mean over p of (1 - (1 + p t / (alpha + T))^-(r + x)) / p, which is eq. 10 without its holes.
        """
        return self._mean_over_dropout(
            lambda log_alive, p: np.asarray(-np.expm1(log_alive) / p), horizon, frequency, age
        )

    def p_alive_after(self, horizon: Numbers, frequency: Numbers, recency: Numbers, age: Numbers) -> Array:
        """Return P(alive at T + t | x, t_x, T) in [0, 1], never rising with t; ``p_alive`` at t = 0.

        P(alive at T) times the mean over p of (1 + p t / (alpha + T))^-(r + x).

        Examples:
            >>> cdnow = BetaGeoParameters(0.243, 4.414, 0.793, 2.426, "week")
            >>> print(cdnow.p_alive_after([0, 13, 52], 2, 30.43, 38.86).round(3))
            [0.727 0.661 0.532]
        """
        still = self._mean_over_dropout(
            lambda log_alive, _: np.asarray(np.exp(log_alive)), horizon, frequency, age
        )
        return _result(self.p_alive(frequency, recency, age) * still)

    def _mean_over_dropout(
        self, of: Callable[[Array, Array], Array], horizon: Numbers, frequency: Numbers, age: Numbers
    ) -> Array:
        """Return the mean over p ~ Beta(a, b + x) of ``of``(log P(alive at T + t | p, alive at T), p)."""
        inputs = np.broadcast_arrays(check_horizon(horizon), _result(frequency), _result(age))
        (t, x, T), place = find_distinct(tuple(part.ravel() for part in inputs))
        nodes = dropout_nodes(self.a, self.b)
        distinct, position = np.unique(x, return_inverse=True)
        weights = nodes.weights(distinct)
        answer = np.empty(x.size)
        for start in range(0, x.size, ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            z = (t[rows] / (self.alpha + T[rows]))[:, None]
            log_alive = -(self.r + x[rows])[:, None] * np.log1p(nodes.p * z)
            answer[rows] = (weights[position[rows]] * of(log_alive, nodes.p)).sum(axis=1)
        return answer[place].reshape(inputs[0].shape)

    def expected_purchases(
        self, horizon: Numbers, frequency: Numbers, recency: Numbers, age: Numbers
    ) -> Array:
        """Return E[Y(t) | x, t_x, T] >= 0, eq. 10: expected purchases in (T, T + t]; 0 at t = 0.

        Examples:
            >>> hole = BetaGeoParameters(0.25, 4.0, 1.0, 2.5, "week")
            >>> print(hole.expected_purchases([0, 39, 1e9], 2, 30, 40).round(4))
            [ 0.      1.067  48.0366]
        """
        return _result(
            self.p_alive(frequency, recency, age) * self.expected_purchases_alive(horizon, frequency, age)
        )

    def expected_purchases_for_ever(self, frequency: Numbers, age: Numbers) -> Array:
        """Return the limit of ``expected_purchases_alive`` for t to infinity.

        Raises:
            ContractError: a <= 1, where it diverges.
        """
        if self.a <= 1:
            raise ContractError(
                "for ever and with annual_discount_rate 0 expected purchases diverge "
                f"(a = {self.a:.6g} <= 1); give a horizon or a rate above 0"
            )
        x, _ = np.broadcast_arrays(_result(frequency), _result(age))
        return _result((self.a + self.b + x - 1) / (self.a - 1))

    def expected_purchases_new(self, t: Numbers) -> Array:
        """Return E[X(t)] >= 0, eq. 9: expected repeat purchases of a new customer in (0, t]."""
        return self.expected_purchases_alive(t, 0.0, 0.0)

    def p_purchases_new(self, n: Numbers, t: Numbers) -> Array:
        """Return P(X(t) = n) in [0, 1], eq. 8: of n repeat purchases of a new customer in (0, t]."""
        n, t = _result(n), check_horizon(t)
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        bought = t / (alpha + t)
        log_nbd = gammaln(r + n) - gammaln(r) - gammaln(n + 1) - r * np.log1p(t / alpha) + xlogy(n, bought)
        still_alive = np.exp(betaln(a, b + n) - betaln(a, b) + log_nbd)
        many = np.maximum(n, 1)
        dropped = np.exp(betaln(a + 1, b + many - 1) - betaln(a, b)) * betainc(many, r, bought)
        return _result(still_alive + np.where(n > 0, dropped, 0.0))

    def time_grading(self, end: float, frequency: Numbers, age: Numbers) -> Array:
        """Return log(1 + end (r + x + 1) / (alpha + T)): frequent buyers drop out early."""
        x, T = _result(frequency), _result(age)
        return _result(np.log1p(end * (self.r + x + 1.0) / (self.alpha + T)))

    def purchase_draws(self) -> BetaGeoDraws:
        """Return fresh draws of purchase counts."""
        return BetaGeoDraws(self.r, self.alpha, self.a, self.b)

    def moved(self, by: Array) -> "BetaGeoParameters":
        """Return the model with ``by``, shape (4,), added to log r, log alpha, log a, log b."""
        r, alpha, a, b = (np.array([self.r, self.alpha, self.a, self.b]) * np.exp(by)).tolist()
        return BetaGeoParameters(r, alpha, a, b, self.time_unit)

    def to_dict(self) -> dict[str, float | str]:
        """Return the parameters as plain data: four numbers and ``time_unit``."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> "BetaGeoParameters":
        """Return parameters from ``to_dict`` data; keys it does not know are ignored.

        Raises:
            BundleRefused: a parameter is missing, no number, negative, not finite or outside ``BOUNDS``.

        Examples:
            >>> BetaGeoParameters.from_dict({"r": 0.2, "alpha": 4, "a": -1, "b": 2, "time_unit": "week"})
            Traceback (most recent call last):
            contracts.errors.BundleRefused: BG/NBD parameter a = -1 is outside 0.05 to 20; ...
        """
        check_beta_geo({name: data.get(name) for name in BOUNDS}, BundleRefused)
        time_unit = data.get("time_unit")
        if time_unit not in DAYS_PER_UNIT:
            raise BundleRefused(f"BG/NBD time_unit is {time_unit!r}; use one of {', '.join(DAYS_PER_UNIT)}")
        r, alpha, a, b = (float(str(data[name])) for name in BOUNDS)
        return cls(r, alpha, a, b, str(time_unit))
