"""Fitting Pareto/NBD: Newton's method over distinct histories, gates on the parameters.

Our own optimiser and not that of `lifetimes`: there the likelihood is a difference of two 2F1, not a number
for frequent buyers, the start is drawn from the global random state, and Nelder-Mead stops at a tolerance of
1e-4. Ours has the slope in closed form, so the Hessian that ends the search is also the covariance.
"""

from dataclasses import asdict

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from contracts.errors import ModelRefused
from contracts.periods import to_units
from training.models.fit_rows import FitRows
from training.models.history import Array
from training.models.pareto_nbd_parameters import BOUNDS, ParetoNBDParameters, check_pareto_nbd
from training.models.pareto_nbd_slope import log_likelihood_slope

__all__ = ["ParetoNBD", "ParetoNBDParameters"]

# The centre of every penalty, and of a small shop's prior: log r, log alpha, log s, log beta are normal
# around CDNOW's published values (scales in days), each with standard deviation 1: a factor of e is
# unremarkable.
PRIOR_CENTRE = {"r": 0.553, "alpha_days": 74.0, "s": 0.606, "beta_days": 81.7}
PRIOR_SD = 1.0
PENALIZERS = (0.0, 1e-5, 1e-4, 0.001, 0.01, 0.1)
SEARCH = {"ftol": 1e-11, "gtol": 1e-6, "maxiter": 300}
FEW = 2000  # distinct histories to search on
STEP = 1e-4
NEWTON_STEPS = 20
FARTHEST, NEAR, CONVERGED = 1.0, 1e-2, 1e-10  # length of a Newton step; near, the Hessian is kept


class ParetoNBD:
    """Pareto/NBD estimator.

    Args:
        penalizers: tried in this order; the first whose parameters pass the gates is kept. Each is the weight
            of the squared distance of the log-parameters from CDNOW's, per customer, so that the answer does
            not depend on the unit of time.
        time_unit: of ``recency`` and ``T`` in ``fit``, ``day`` or ``week``.

    Attributes:
        parameters_: the fitted ``ParetoNBDParameters``; also ``r_``, ``alpha_``, ``s_``, ``beta_``.
        penalizer_: the penalizer that passed; 0 when the prior was used.
        used_prior_: True below 200 repeat buyers: the posterior mode under a weak log-normal prior.
        log_likelihood_: of the customers fitted on, without penalty.
        covariance_: shape (4, 4), of log r, log alpha, log s, log beta (inverse Hessian; NaN if singular).
        n_customers_, n_repeat_buyers_, n_excluded_: fitted on, of them with repeats, left out as bots.
    """

    parameters_: ParetoNBDParameters
    r_: float
    alpha_: float
    s_: float
    beta_: float
    penalizer_: float
    used_prior_: bool
    log_likelihood_: float
    covariance_: Array
    n_customers_: float
    n_repeat_buyers_: float
    n_excluded_: float

    def __init__(self, penalizers: tuple[float, ...] = PENALIZERS, time_unit: str = "week") -> None:
        self.penalizers = penalizers
        self.time_unit = time_unit

    def fit(
        self,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        T: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
    ) -> "ParetoNBD":
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
        self.n_excluded_ = rows.n_excluded
        self.n_customers_, self.n_repeat_buyers_ = rows.n_customers, rows.n_repeat_buyers
        self.used_prior_ = rows.is_small
        if self.used_prior_:
            # Penalties are per customer, a prior is not.
            self.penalizer_, prior = 0.0, 0.5 / (PRIOR_SD**2 * rows.n_customers)
            self.parameters_ = self._fit_penalized(rows, prior)
            check_pareto_nbd(asdict(self.parameters_))
        else:
            self.penalizer_, self.parameters_ = self._climb_ladder(rows)
        self.r_, self.alpha_ = self.parameters_.r, self.parameters_.alpha
        self.s_, self.beta_ = self.parameters_.s, self.parameters_.beta
        self.log_likelihood_ = _Loss(rows, self.time_unit, 0.0).log_likelihood(self.parameters_)
        self.covariance_ = _covariance(_Loss(rows, self.time_unit, 0.0), self.parameters_)
        return self

    def _climb_ladder(self, rows: FitRows) -> tuple[float, ParetoNBDParameters]:
        refusal: ModelRefused | None = None
        for penalizer in self.penalizers:
            parameters = self._fit_penalized(rows, penalizer)
            try:
                check_pareto_nbd(asdict(parameters))
                rows.check_scale("Pareto/NBD parameter alpha", parameters.alpha, "hardly anybody buys twice")
                rows.check_scale("Pareto/NBD parameter beta", parameters.beta, "hardly anybody drops out")
            except ModelRefused as error:
                refusal = error
            else:
                return penalizer, parameters
        tried = ", ".join(f"{penalizer:g}" for penalizer in self.penalizers)
        raise ModelRefused(f"Pareto/NBD refused at every penalizer ({tried}): {refusal}") from refusal

    def _fit_penalized(self, rows: FitRows, penalizer: float) -> ParetoNBDParameters:
        """Return the optimum: a search on some of the rows, then Newton on all; else a search on all."""
        few, all_rows = (_Loss(part, self.time_unit, penalizer) for part in (rows.thinned(FEW), rows))
        near, found = _newton(all_rows, _search(few, few.centre))
        if not found:
            near, _ = _newton(all_rows, _search(all_rows, near))
        return _from_logs(near, self.time_unit)


class _Loss:
    """Mean negative log-likelihood in log-parameters, plus a penalty, with its slope and Hessian."""

    def __init__(self, rows: FitRows, time_unit: str, penalizer: float) -> None:
        self.rows = rows
        self.time_unit = time_unit
        self.penalizer = penalizer
        prior = PRIOR_CENTRE
        alpha, beta = (to_units(prior[f"{name}_days"], time_unit) for name in ("alpha", "beta"))
        self.centre = np.log([prior["r"], alpha, prior["s"], beta])

    def __call__(self, log_parameters: Array) -> tuple[float, Array]:
        away = log_parameters - self.centre
        parameters = _from_logs(log_parameters, self.time_unit)
        value, slope = log_likelihood_slope(parameters, self.rows.histories, self.rows.weights)
        n = self.rows.n_customers
        return self.penalizer * float(away @ away) - value / n, 2 * self.penalizer * away - slope / n

    def log_likelihood(self, parameters: ParetoNBDParameters) -> float:
        """Return the weighted log-likelihood, not its mean."""
        return float((self.rows.weights * parameters.log_likelihood(*self.rows.histories)).sum())

    def hessian(self, log_parameters: Array) -> Array:
        """Return the (4, 4) Hessian by central differences of the slope."""
        ahead, behind = (
            np.stack([self(log_parameters + sign * STEP * axis)[1] for axis in np.eye(4)]) for sign in (1, -1)
        )
        half = (ahead - behind) / (4 * STEP)
        return np.asarray(half + half.T)


def _search(loss: _Loss, start: Array) -> Array:
    """Return the optimum inside bounds wider than the gates, to some five digits."""
    bounds = [(np.log(low) - 1, np.log(high) + 1) for low, high in BOUNDS.values()]
    found = minimize(loss, start, method="L-BFGS-B", jac=True, bounds=bounds, options=SEARCH)
    return np.asarray(found.x, dtype=np.float64)


def _newton(loss: _Loss, start: Array) -> tuple[Array, bool]:
    """Return the optimum near ``start``, and whether Newton's method got there; else ``start``."""
    best, slope = start, loss(start)[1]
    hessian = np.zeros((4, 4))
    length = np.inf
    for _ in range(NEWTON_STEPS):
        if length > NEAR:
            hessian = loss.hessian(best)
        if not _is_positive(hessian):
            return start, False
        step = -np.linalg.solve(hessian, slope)
        length = float(np.abs(step).max())
        if length > FARTHEST:
            return start, False
        best = best + step
        if length < CONVERGED:
            return best, True
        slope = loss(best)[1]
    return start, False


def _is_positive(matrix: Array) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def _from_logs(log_parameters: Array, time_unit: str) -> ParetoNBDParameters:
    r, alpha, s, beta = (float(value) for value in np.exp(log_parameters))
    return ParetoNBDParameters(r, alpha, s, beta, time_unit)


def _covariance(loss: _Loss, parameters: ParetoNBDParameters) -> Array:
    """Return the inverse negative Hessian of the log-likelihood in log-parameters; NaN if not positive."""
    centre = np.log([parameters.r, parameters.alpha, parameters.s, parameters.beta])
    hessian = loss.hessian(centre) * loss.rows.n_customers
    return np.asarray(np.linalg.inv(hessian)) if _is_positive(hessian) else np.full((4, 4), np.nan)
