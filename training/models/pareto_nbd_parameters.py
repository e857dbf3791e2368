"""The Pareto / NBD model: parameters, likelihood and predictions.

While alive a customer buys at rate lambda ~ Gamma(r, alpha); he lives for an exponential time of rate
mu ~ Gamma(s, beta), seen by nobody. Schmittlein, Morrison and Colombo (1987), "Counting your customers",
Management Science 33(1), 1-24; "eq." below is an equation of Fader and Hardie (2005), "A note on deriving the
Pareto/NBD model". Given (x, t_x, T) and that the customer is alive, lambda is Gamma(r + x, alpha + T) and mu
is Gamma(s, beta + T), independently. A customer without repeat purchase may have left: ``p_alive`` is below 1
where BG/NBD's is 1.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite

import numpy as np
import numpy.typing as npt
from scipy.special import expit, exprel, gammaln

from contracts.errors import BundleRefused, ContractError, FedeleError, ModelRefused
from contracts.periods import DAYS_PER_UNIT
from training.models.history import Array, check_horizon
from training.models.pareto_nbd_draws import ParetoNBDDraws
from training.models.pareto_quadrature import silence_integral

Numbers = npt.ArrayLike

BOUNDS = {"r": (0.01, 20.0), "alpha": (0.01, 1e5), "s": (0.01, 20.0), "beta": (0.01, 1e5)}


def check_pareto_nbd(values: Mapping[str, object], error: type[FedeleError] = ModelRefused) -> None:
    """Raise ``error`` unless r, alpha, s and beta are finite and inside ``BOUNDS``; returns nothing."""
    for name, (low, high) in BOUNDS.items():
        value = values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise error(f"Pareto/NBD parameter {name} is {value!r}, no number; fit the model again")
        if not (isfinite(value) and low <= value <= high):
            raise error(
                f"Pareto/NBD parameter {name} = {value:.6g} is outside {low:g} to {high:g}; "
                "keep the last good parameters and look at the order history with `fedele check`"
            )


def _floats(*values: Numbers) -> list[Array]:
    return [np.asarray(value, dtype=np.float64) for value in values]


@dataclass(frozen=True)
class ParetoNBDParameters:
    """Pareto/NBD with known parameters; all times in ``time_unit`` (``day`` or ``week``).

    Arguments ``frequency`` (x), ``recency`` (t_x) and ``age`` (T) broadcast against each other and against
    ``horizon`` (t >= 0); none may be missing. They are trusted: ``history.History`` is the door. Every
    answer is finite and >= 0.

    Examples:
        >>> cdnow = ParetoNBDParameters(0.553, 10.578, 0.606, 11.669, "week")
        >>> print(cdnow.expected_purchases(39, 2, 30.43, 38.86).round(3))
        1.455
        >>> print(cdnow.p_alive([0, 2], [0, 30.43], 38.86).round(3))
        [0.295 0.869]
    """

    r: float
    alpha: float
    s: float
    beta: float
    time_unit: str = "week"

    def __post_init__(self) -> None:
        if self.time_unit not in DAYS_PER_UNIT:
            raise ContractError(f"time_unit is {self.time_unit!r}; use one of {', '.join(DAYS_PER_UNIT)}")

    def log_likelihood(self, frequency: Numbers, recency: Numbers, age: Numbers) -> Array:
        """Return log L(x, t_x, T) per row, eq. 18 (finite; may be positive, as a density)."""
        x, t_x, T = _floats(frequency, recency, age)
        return self.log_likelihood_of(x, t_x, T, self._dropout_integral(x, t_x, T))[0]

    def log_likelihood_of(self, x: Array, t_x: Array, T: Array, integral: Array) -> tuple[Array, Array]:
        """Return log L and the log-odds of having dropped out, given the integral over the time of dropout.

        ``integral`` is that of (1 + u / (alpha + t_x))^-(r + x) (1 + u / (beta + t_x))^-(s + 1) to T - t_x.
        """
        r, alpha, s, beta = self.r, self.alpha, self.s, self.beta
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        alive = -(r + x) * np.log(alpha + T) - s * np.log(beta + T)
        log_odds = self._log_odds_dropped(x, t_x, T, integral)
        return np.asarray(common + alive + np.logaddexp(0.0, log_odds)), log_odds

    def p_alive(self, frequency: Numbers, recency: Numbers, age: Numbers) -> Array:
        """Return P(alive at T | x, t_x, T) in [0, 1]; 1 where T is t_x. Never serve one minus it as churn."""
        x, t_x, T = _floats(frequency, recency, age)
        return np.asarray(expit(-self._log_odds_dropped(x, t_x, T, self._dropout_integral(x, t_x, T))))

    def p_alive_after(self, horizon: Numbers, frequency: Numbers, recency: Numbers, age: Numbers) -> Array:
        """Return P(alive at T + t | x, t_x, T) in [0, 1], never rising with t; ``p_alive`` at t = 0.

        P(alive at T) times the mean of e^(-mu t), (1 + t / (beta + T))^-s.
        """
        t, (T,) = check_horizon(horizon), _floats(age)
        alive = self.p_alive(frequency, recency, age)
        return np.asarray(alive * np.exp(-self.s * np.log1p(t / (self.beta + T))))

    def _dropout_integral(self, x: Array, t_x: Array, T: Array) -> Array:
        A, B = self.alpha + t_x, self.beta + t_x
        return silence_integral(A, self.r + x, B, np.asarray(self.s + 1.0), T - t_x)

    def _log_odds_dropped(self, x: Array, t_x: Array, T: Array, integral: Array) -> Array:
        """Return the log of L(dropped out in (t_x, T]) / L(alive at T), eq. 15 over eq. 14."""
        A, B = self.alpha + t_x, self.beta + t_x
        with np.errstate(divide="ignore"):
            log_dropped = np.log(self.s / B * integral)
        return np.asarray(
            log_dropped + (self.r + x) * np.log1p((T - t_x) / A) + self.s * np.log1p((T - t_x) / B)
        )

    def p_purchase_alive(self, horizon: Numbers, frequency: Numbers, age: Numbers) -> Array:
        """Return P(a purchase in (T, T + t] | x, T, alive at T) in [0, 1].

        The mean of lambda / (lambda + mu) (1 - e^-((lambda + mu) t)), as the integral of its first moment.
        """
        t, (x, T) = check_horizon(horizon), _floats(frequency, age)
        A, B, shape = self.alpha + T, self.beta + T, self.r + x
        first = shape / A * silence_integral(A, shape + 1.0, B, np.asarray(self.s), t)
        return np.asarray(np.minimum(first, 1.0))

    def p_silent_and_alive(self, horizon: Numbers, frequency: Numbers, age: Numbers) -> Array:
        """Return P(no purchase in (T, T + t] and alive at T + t | x, T, alive at T) in [0, 1]."""
        t, (x, T) = check_horizon(horizon), _floats(frequency, age)
        silent = (self.r + x) * np.log1p(t / (self.alpha + T))
        return np.asarray(np.exp(-silent - self.s * np.log1p(t / (self.beta + T))))

    def p_no_purchase(self, horizon: Numbers, frequency: Numbers, recency: Numbers, age: Numbers) -> Array:
        """Return P(no purchase in (T, T + t] | x, t_x, T) in [0, 1]; 1 at t = 0, never rising with t.

        Dropped out before T, or alive then and silent: it is also L(x, t_x, T + t) / L(x, t_x, T).

        Examples:
            >>> cdnow = ParetoNBDParameters(0.553, 10.578, 0.606, 11.669, "week")
            >>> print(cdnow.p_no_purchase(13, [0, 2, 10], [0, 30.43, 20], 38.86).round(3))
            [0.967 0.633 0.927]
        """
        alive = self.p_alive(frequency, recency, age)
        return np.asarray(1.0 - alive * self.p_purchase_alive(horizon, frequency, age))

    def expected_purchases_alive(self, horizon: Numbers, frequency: Numbers, age: Numbers) -> Array:
        """Return E[purchases in (T, T + t] | x, T, alive at T] >= 0, never falling with t.

        (r + x) / A times the integral of (1 + u / B)^-s over (0, t], eq. 41 without its hole at s = 1.
        """
        t, (x, T) = check_horizon(horizon), _floats(frequency, age)
        A, B = self.alpha + T, self.beta + T
        z = np.log1p(t / B)
        return np.asarray((self.r + x) / A * B * z * exprel((1.0 - self.s) * z))

    def expected_purchases(
        self, horizon: Numbers, frequency: Numbers, recency: Numbers, age: Numbers
    ) -> Array:
        """Return E[Y(t) | x, t_x, T] >= 0, eq. 41: expected purchases in (T, T + t]; 0 at t = 0.

        Examples:
            >>> hole = ParetoNBDParameters(0.5, 10.0, 1.0, 12.0, "week")
            >>> print(hole.expected_purchases([0, 39, 1e9], 2, 30, 40).round(4))
            [ 0.      1.1008 32.9908]
        """
        alive = self.p_alive(frequency, recency, age)
        return np.asarray(alive * self.expected_purchases_alive(horizon, frequency, age))

    def expected_purchases_for_ever(self, frequency: Numbers, age: Numbers) -> Array:
        """Return the limit of ``expected_purchases_alive`` for t to infinity.

        Raises:
            ContractError: s <= 1, where it diverges.
        """
        if self.s <= 1:
            raise ContractError(
                "for ever and with annual_discount_rate 0 expected purchases diverge "
                f"(s = {self.s:.6g} <= 1); give a horizon or a rate above 0"
            )
        x, T = _floats(frequency, age)
        return np.asarray((self.r + x) / (self.alpha + T) * (self.beta + T) / (self.s - 1))

    def expected_purchases_new(self, t: Numbers) -> Array:
        """Return E[X(t)] >= 0, eq. 27: expected repeat purchases of a new customer in (0, t]."""
        return self.expected_purchases_alive(t, 0.0, 0.0)

    def time_grading(self, end: float, frequency: Numbers, age: Numbers) -> Array:
        """Return log(1 + end (s + 1) / (beta + T)): purchases slow down as customers drop out."""
        _, T = np.broadcast_arrays(*_floats(frequency, age))
        return np.asarray(np.log1p(end * (self.s + 1.0) / (self.beta + T)))

    def purchase_draws(self) -> ParetoNBDDraws:
        """Return fresh draws of purchase counts."""
        return ParetoNBDDraws(self.r, self.alpha, self.s, self.beta)

    def moved(self, by: Array) -> "ParetoNBDParameters":
        """Return the model with ``by``, shape (4,), added to log r, log alpha, log s, log beta."""
        r, alpha, s, beta = (np.array([self.r, self.alpha, self.s, self.beta]) * np.exp(by)).tolist()
        return ParetoNBDParameters(r, alpha, s, beta, self.time_unit)

    def to_dict(self) -> dict[str, float | str]:
        """Return the parameters as plain data: four numbers and ``time_unit``."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> "ParetoNBDParameters":
        """Return parameters from ``to_dict`` data; keys it does not know are ignored.

        Raises:
            BundleRefused: a parameter is missing, no number, negative, not finite or outside ``BOUNDS``.

        Examples:
            >>> ParetoNBDParameters.from_dict({"r": 0.5, "alpha": 9, "s": -1, "beta": 9, "time_unit": "week"})
            Traceback (most recent call last):
            contracts.errors.BundleRefused: Pareto/NBD parameter s = -1 is outside 0.01 to 20; ...
        """
        check_pareto_nbd({name: data.get(name) for name in BOUNDS}, BundleRefused)
        time_unit = data.get("time_unit")
        if time_unit not in DAYS_PER_UNIT:
            raise BundleRefused(
                f"Pareto/NBD time_unit is {time_unit!r}; use one of {', '.join(DAYS_PER_UNIT)}"
            )
        r, alpha, s, beta = (float(str(data[name])) for name in BOUNDS)
        return cls(r, alpha, s, beta, str(time_unit))
