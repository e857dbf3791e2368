"""Fitting BG/NBD: `lifetimes` over distinct histories, a ladder of penalizers, gates on the parameters."""

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from contracts.errors import ModelRefused
from contracts.periods import to_units
from training.models.beta_geo_parameters import BetaGeoParameters, check_beta_geo
from training.models.fit_rows import FitRows
from training.models.history import Array

__all__ = ["BetaGeo", "BetaGeoParameters", "quiet_lifetimes"]

# The prior of a small shop: log r, log alpha, log a, log b are normal around CDNOW's published values (alpha
# is 4.414 weeks, kept in days), each with standard deviation 1, so a factor of e either way is unremarkable.
PRIOR_CENTRE = {"r": 0.243, "alpha_days": 30.9, "a": 0.793, "b": 2.426}
PRIOR_SD = 1.0
NELDER_MEAD = {"xatol": 1e-9, "fatol": 1e-9, "maxiter": 4000}


# Overflows on the way to the optimum, and what an archived library meets in present ones.
_CHATTER = (RuntimeWarning, FutureWarning, DeprecationWarning, UserWarning)


@contextlib.contextmanager
def quiet_lifetimes() -> Iterator[None]:
    """Keep what `lifetimes` prints and warns, and its change of the warning filters, inside the block."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(None):
        for category in _CHATTER:
            warnings.filterwarnings("ignore", category=category)
        yield


class BetaGeo:
    """BG/NBD estimator.

    Args:
        penalizers: tried in this order; the first whose parameters pass the gates is kept.
        time_unit: of ``recency`` and ``T`` in ``fit``, ``day`` or ``week``.

    Attributes:
        parameters_: the fitted ``BetaGeoParameters``; also ``r_``, ``alpha_``, ``a_``, ``b_``.
        penalizer_: the penalizer that passed; 0 when the prior was used.
        used_prior_: True below 200 repeat buyers: the posterior mode under a weak log-normal prior.
        log_likelihood_: of the customers fitted on, without penalty.
        covariance_: shape (4, 4), of log r, log alpha, log a, log b (inverse Hessian; NaN if singular).
        n_customers_, n_repeat_buyers_, n_excluded_: fitted on, of them with repeats, left out as bots.
    """

    parameters_: BetaGeoParameters
    r_: float
    alpha_: float
    a_: float
    b_: float
    penalizer_: float
    used_prior_: bool
    log_likelihood_: float
    covariance_: Array
    n_customers_: float
    n_repeat_buyers_: float
    n_excluded_: float

    def __init__(
        self, penalizers: tuple[float, ...] = (0.0, 0.001, 0.01, 0.1), time_unit: str = "week"
    ) -> None:
        self.penalizers = penalizers
        self.time_unit = time_unit

    def fit(
        self,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        T: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
    ) -> "BetaGeo":
        """Fit by maximum likelihood and return self; the order of the customers changes no bit.

        Args:
            frequency: shape (n,), whole numbers >= 0.
            recency: shape (n,), in ``time_unit``.
            T: shape (n,), age in ``time_unit``.
            weights: shape (n,), customers per row; left out: 1 each.

        Raises:
            ContractError: impossible histories, or ages beyond 200 years.
            NotEnoughData: no customer.
            ModelRefused: no penalizer gave parameters inside the gates.
        """
        rows = FitRows.of((frequency, recency, T), weights, self.time_unit)
        x, t_x, age, w = *rows.histories, rows.weights
        self.n_excluded_ = rows.n_excluded
        self.n_customers_, self.n_repeat_buyers_ = rows.n_customers, rows.n_repeat_buyers
        self.used_prior_ = rows.is_small
        if self.used_prior_:
            self.penalizer_, self.parameters_ = 0.0, self._fit_with_prior(x, t_x, age, w)
        else:
            self.penalizer_, self.parameters_ = self._climb_ladder(rows)
        self.r_, self.alpha_ = self.parameters_.r, self.parameters_.alpha
        self.a_, self.b_ = self.parameters_.a, self.parameters_.b
        self.log_likelihood_ = float((w * self.parameters_.log_likelihood(x, t_x, age)).sum())
        self.covariance_ = _covariance(self.parameters_, (x, t_x, age, w))
        return self

    def _climb_ladder(self, rows: FitRows) -> tuple[float, BetaGeoParameters]:
        refusal: Exception | None = None
        for penalizer in self.penalizers:
            try:
                parameters = self._fit_lifetimes((*rows.histories, rows.weights), penalizer)
                check_beta_geo(asdict(parameters))
                rows.check_scale("BG/NBD parameter alpha", parameters.alpha, "hardly anybody buys twice")
            except (ValueError, ArithmeticError, np.linalg.LinAlgError, ModelRefused) as error:
                refusal = error
            else:
                return penalizer, parameters
        fault = str(refusal) if isinstance(refusal, ModelRefused) else "the optimiser did not converge"
        tried = ", ".join(f"{penalizer:g}" for penalizer in self.penalizers)
        raise ModelRefused(f"BG/NBD refused at every penalizer ({tried}): {fault}") from refusal

    def _fit_lifetimes(self, rows: tuple[Array, Array, Array, Array], penalizer: float) -> BetaGeoParameters:
        with quiet_lifetimes():
            from lifetimes import BetaGeoFitter

            fitted = BetaGeoFitter(penalizer_coef=penalizer).fit(*rows).params_
        r, alpha, a, b = (float(fitted[name]) for name in ("r", "alpha", "a", "b"))
        return BetaGeoParameters(r, alpha, a, b, self.time_unit)

    def _fit_with_prior(self, x: Array, t_x: Array, age: Array, w: Array) -> BetaGeoParameters:
        prior = PRIOR_CENTRE
        alpha = to_units(prior["alpha_days"], self.time_unit)
        centre = np.log([prior["r"], alpha, prior["a"], prior["b"]])

        def loss(log_parameters: Array) -> float:
            parameters = _from_logs(log_parameters, self.time_unit)
            penalty = 0.5 * float((((log_parameters - centre) / PRIOR_SD) ** 2).sum())
            return penalty - float((w * parameters.log_likelihood(x, t_x, age)).sum())

        best = minimize(loss, centre, method="Nelder-Mead", options=NELDER_MEAD)
        parameters = _from_logs(best.x, self.time_unit)
        check_beta_geo(asdict(parameters))
        return parameters


def _from_logs(log_parameters: Array, time_unit: str) -> BetaGeoParameters:
    r, alpha, a, b = (float(value) for value in np.exp(log_parameters))
    return BetaGeoParameters(r, alpha, a, b, time_unit)


def _covariance(parameters: BetaGeoParameters, rows: tuple[Array, Array, Array, Array]) -> Array:
    """Return the inverse negative Hessian of the log-likelihood in log-parameters, by central differences."""
    x, t_x, age, w = rows
    centre = np.log([parameters.r, parameters.alpha, parameters.a, parameters.b])
    step = 1e-3 * np.eye(4)

    def log_likelihood(shift: Array) -> float:
        shifted = _from_logs(centre + shift, parameters.time_unit)
        return float((w * shifted.log_likelihood(x, t_x, age)).sum())

    hessian = np.empty((4, 4))
    for i in range(4):
        for j in range(i, 4):
            plus = log_likelihood(step[i] + step[j]) + log_likelihood(-step[i] - step[j])
            minus = log_likelihood(step[i] - step[j]) + log_likelihood(step[j] - step[i])
            hessian[i, j] = hessian[j, i] = (plus - minus) / 4e-6
    try:
        covariance = np.asarray(np.linalg.inv(-hessian), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.full((4, 4), np.nan)
    return covariance if (np.diag(covariance) > 0).all() else np.full((4, 4), np.nan)
