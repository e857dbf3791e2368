"""The Gamma-Gamma model of spend: parameters, likelihood, expected spend, and its fit by `lifetimes`.

One transaction is Gamma(p, nu), nu ~ Gamma(q, v), so that x of them with mean m leave nu ~ Gamma(q + p x, v
+ x m). Fader and Hardie (2013), "The Gamma-Gamma model of monetary value",
http://www.brucehardie.com/notes/025/. It assumes spend independent of frequency: ``GammaGamma.correlation_``
says how true that is.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from contracts.errors import BundleRefused, ContractError, FedeleError, ModelRefused, NotEnoughData
from training.models.beta_geo import quiet_lifetimes
from training.models.distinct import distinct_rows, largest_human_frequency
from training.models.history import Array, check_monetary_value

BOUNDS = {"p": (0.01, 1e4), "q": (1.05, 1e4), "v": (1e-9, 1e12)}
CORRELATION_LIMIT = 0.3
MINIMUM_REPEAT_BUYERS = 200
# A small shop keeps CDNOW's published shapes p and q and takes v from its own mean spend.
FALLBACK_SHAPES = {"p": 6.25, "q": 3.74}


def check_gamma_gamma(values: Mapping[str, object], error: type[FedeleError] = ModelRefused) -> None:
    """Raise ``error`` unless p, q and v are finite and inside ``BOUNDS`` (q > 1.05: the mean exists)."""
    for name, (low, high) in BOUNDS.items():
        value = values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise error(f"Gamma-Gamma parameter {name} is {value!r}, no number; fit the model again")
        if not (isfinite(value) and low < value <= high):
            raise error(
                f"Gamma-Gamma parameter {name} = {value:.6g} is outside {low:g} to {high:g}; "
                "keep the last good parameters and look at order amounts with `fedele check`"
            )


@dataclass(frozen=True)
class GammaGammaParameters:
    """Gamma-Gamma with known parameters; ``v`` is in the currency of the money it was fitted on.

    Examples:
        >>> published = GammaGammaParameters(6.25, 3.74, 15.44)
        >>> print(round(published.mean_spend, 2))
        35.22
        >>> print(published.expected_spend([0, 2], [float("nan"), 22.35]).round(2))
        [35.22 24.66]
    """

    p: float
    q: float
    v: float

    @property
    def mean_spend(self) -> float:
        """The expected value of one transaction of an unknown customer, p v / (q - 1) > 0."""
        return self.p * self.v / (self.q - 1.0)

    def expected_spend(self, frequency: npt.ArrayLike, monetary_value: npt.ArrayLike) -> Array:
        """Return E[one future transaction | x, m] > 0, eq. 5; ``mean_spend`` where x is 0, m ignored."""
        x = np.asarray(frequency, dtype=np.float64)
        m = np.where(x > 0, np.asarray(monetary_value, dtype=np.float64), 0.0)
        return np.asarray(self.p * (self.v + x * m) / (self.p * x + self.q - 1.0))

    def log_likelihood(self, frequency: npt.ArrayLike, monetary_value: npt.ArrayLike) -> Array:
        """Return log f(m | x) per row, eq. 1a; x >= 1, m > 0."""
        x = np.asarray(frequency, dtype=np.float64)
        m = np.asarray(monetary_value, dtype=np.float64)
        p, q, v = self.p, self.q, self.v
        return np.asarray(
            gammaln(p * x + q)
            - gammaln(p * x)
            - gammaln(q)
            + q * np.log(v)
            + (p * x - 1) * np.log(m)
            + p * x * np.log(x)
            - (p * x + q) * np.log(x * m + v)
        )

    def to_dict(self) -> dict[str, float]:
        """Return the parameters as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> "GammaGammaParameters":
        """Return parameters from ``to_dict`` data; keys it does not know are ignored.

        Raises:
            BundleRefused: a parameter is missing, no number, not finite or outside ``BOUNDS``.

        Examples:
            >>> GammaGammaParameters.from_dict({"p": 6.25, "q": 0.9, "v": 15.44})
            Traceback (most recent call last):
            contracts.errors.BundleRefused: Gamma-Gamma parameter q = 0.9 is outside 1.05 to 10000; ...
        """
        check_gamma_gamma({name: data.get(name) for name in BOUNDS}, BundleRefused)
        return cls(*(float(str(data[name])) for name in BOUNDS))


class GammaGamma:
    """Gamma-Gamma estimator.

    Args:
        penalizers: tried in this order, on money divided by its mean; the first that passes the gates is
            kept.

    Attributes:
        parameters_: the fitted ``GammaGammaParameters``; also ``p_``, ``q_``, ``v_``.
        penalizer_: the penalizer that passed; 0 when the fallback was used.
        used_fallback_: True below 200 repeat buyers: CDNOW's p and q, v from the mean value of these buyers.
        log_likelihood_: of the repeat buyers fitted on, without penalty.
        correlation_: of frequency and monetary value among them, in [-1, 1] (0 where one of them never
            varies); the model is doubtful above ``CORRELATION_LIMIT``.
        n_repeat_buyers_, n_excluded_: weights fitted on, and left out as bots.
    """

    parameters_: GammaGammaParameters
    p_: float
    q_: float
    v_: float
    penalizer_: float
    used_fallback_: bool
    log_likelihood_: float
    correlation_: float
    n_repeat_buyers_: float
    n_excluded_: float

    def __init__(self, penalizers: tuple[float, ...] = (0.0, 0.001, 0.01, 0.1)) -> None:
        self.penalizers = penalizers

    def fit(
        self,
        frequency: npt.ArrayLike,
        monetary_value: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
    ) -> "GammaGamma":
        """Fit by maximum likelihood on the repeat buyers and return self; the order of rows changes no bit.

        Args:
            frequency: shape (n,), whole numbers >= 0; rows with 0 are left out.
            monetary_value: shape (n,), > 0 where ``frequency`` is.
            weights: shape (n,), customers per row; left out: 1 each.

        Raises:
            ContractError: a repeat buyer without a value above 0.
            NotEnoughData: no repeat buyer.
            ModelRefused: no penalizer gave parameters inside the gates.
        """
        x, m = (np.atleast_1d(np.asarray(part, dtype=np.float64)) for part in (frequency, monetary_value))
        counts = np.ones(x.shape) if weights is None else np.asarray(weights, dtype=np.float64)
        check_monetary_value(x, m)
        if counts.shape != x.shape:
            raise ContractError(f"{counts.size} weights for {x.size} customers; give one each")
        repeated = x > 0
        if not (counts[repeated] > 0).any():
            raise NotEnoughData("0 repeat buyers with a value: no spend can be predicted; ingest more orders")
        (x, m), w = distinct_rows((x[repeated], m[repeated]), counts[repeated])
        human = x <= largest_human_frequency(x, w)
        self.n_excluded_ = float(w[~human].sum())
        x, m, w = x[human], m[human], w[human]
        self.n_repeat_buyers_ = float(w.sum())
        self.correlation_ = _correlation(x, m, w)
        mean = float((w * m).sum() / w.sum())
        self.used_fallback_ = self.n_repeat_buyers_ < MINIMUM_REPEAT_BUYERS
        if self.used_fallback_:
            p, q = FALLBACK_SHAPES["p"], FALLBACK_SHAPES["q"]
            self.penalizer_, self.parameters_ = 0.0, GammaGammaParameters(p, q, mean * (q - 1) / p)
        else:
            self.penalizer_, self.parameters_ = self._climb_ladder(x, m / mean, w, mean)
        self.p_, self.q_, self.v_ = self.parameters_.p, self.parameters_.q, self.parameters_.v
        self.log_likelihood_ = float((w * self.parameters_.log_likelihood(x, m)).sum())
        return self

    def _climb_ladder(self, x: Array, m: Array, w: Array, mean: float) -> tuple[float, GammaGammaParameters]:
        refusal: Exception | None = None
        for penalizer in self.penalizers:
            try:
                parameters = _fit_lifetimes(x, m, w, penalizer, mean)
                check_gamma_gamma(asdict(parameters))
            except (ValueError, ArithmeticError, np.linalg.LinAlgError, ModelRefused) as error:
                refusal = error
            else:
                return penalizer, parameters
        fault = str(refusal) if isinstance(refusal, ModelRefused) else "the optimiser did not converge"
        tried = ", ".join(f"{penalizer:g}" for penalizer in self.penalizers)
        raise ModelRefused(f"Gamma-Gamma refused at every penalizer ({tried}): {fault}") from refusal


def _fit_lifetimes(x: Array, m: Array, w: Array, penalizer: float, mean: float) -> GammaGammaParameters:
    with quiet_lifetimes():
        from lifetimes import GammaGammaFitter

        fitted = GammaGammaFitter(penalizer_coef=penalizer).fit(x, m, weights=w).params_
    return GammaGammaParameters(float(fitted["p"]), float(fitted["q"]), float(fitted["v"]) * mean)


def _correlation(x: Array, m: Array, w: Array) -> float:
    share = w / w.sum()
    dx, dm = x - (share * x).sum(), m - (share * m).sum()
    spread = float(np.sqrt((share * dx**2).sum() * (share * dm**2).sum()))
    return float((share * dx * dm).sum()) / spread if spread > 0 else 0.0
