"""What a buy-till-you-die model knows of each customer, checked once where it enters."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from contracts.errors import ContractError

Array = npt.NDArray[np.float64]


def _no_money() -> Array:
    return np.empty(0)


@dataclass(frozen=True, eq=False)
class History:
    """Purchase histories, one element per customer, times in the time unit of the model that reads them.

    Attributes:
        frequency: shape (n,), repeat purchase periods x, whole numbers >= 0.
        recency: shape (n,), t_x, time from first to last purchase; 0 exactly where ``frequency`` is 0.
        age: shape (n,), T >= t_x, time from first purchase to the end of observation.
        monetary_value: shape (n,), mean value m > 0 of the repeat purchases; missing (NaN) where
            ``frequency`` is 0. Left out: all missing, which only a history without repeat purchases allows.

    Raises:
        ContractError: the arrays contradict each other; the message holds counts, never a row.

    Examples:
        >>> History([0, 2], [0, 30.43], [38.86, 38.86], [float("nan"), 22.35]).frequency
        array([0., 2.])
        >>> History([2], [40.0], [30.0], [10.0])
        Traceback (most recent call last):
        contracts.errors.ContractError: recency above age in 1 of 1 histories; count both from the first
        purchase
    """

    frequency: Array
    recency: Array
    age: Array
    monetary_value: Array = field(default_factory=_no_money)

    def __post_init__(self) -> None:
        for name in ("frequency", "recency", "age", "monetary_value"):
            object.__setattr__(self, name, np.atleast_1d(np.asarray(getattr(self, name), dtype=np.float64)))
        if self.monetary_value.size == 0:
            object.__setattr__(self, "monetary_value", np.full(self.frequency.shape, np.nan))
        check_history(self.frequency, self.recency, self.age)
        check_monetary_value(self.frequency, self.monetary_value)

    def __len__(self) -> int:
        return int(self.frequency.size)


def _refuse(wrong: npt.NDArray[np.bool_], fault: str, next_step: str) -> None:
    if wrong.any():
        raise ContractError(f"{fault} in {int(wrong.sum())} of {wrong.size} histories; {next_step}")


def check_history(frequency: Array, recency: Array, age: Array) -> None:
    """Raise ``ContractError`` unless (x, t_x, T), equally long, could have been observed; returns nothing."""
    if not frequency.shape == recency.shape == age.shape:
        raise ContractError(
            f"frequency, recency and age have {frequency.size}, {recency.size} and {age.size} elements; "
            "give one of each per customer"
        )
    x, t_x, T = frequency, recency, age
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(x) & np.isfinite(t_x) & np.isfinite(T)
        _refuse(~finite, "a missing or infinite frequency, recency or age", "leave such customers out")
        _refuse((x < 0) | (x != np.floor(x)), "frequency is no whole number >= 0", "count purchase periods")
        _refuse((t_x < 0) | (T < 0), "a negative recency or age", "take only facts before as_of")
        _refuse(t_x > T, "recency above age", "count both from the first purchase")
        _refuse((x == 0) & (t_x > 0), "recency above 0 without a repeat purchase", "set recency to 0")
        _refuse((x > 0) & (t_x == 0), "repeat purchases at recency 0", "count several in one period once")


def check_monetary_value(frequency: Array, monetary_value: Array) -> None:
    """Raise ``ContractError`` unless each repeat buyer has a finite mean value above 0; returns nothing."""
    if monetary_value.shape != frequency.shape:
        raise ContractError(
            f"{monetary_value.size} values of monetary_value for {frequency.size} customers; give one each"
        )
    good = np.isfinite(monetary_value) & (monetary_value > 0)
    _refuse((frequency > 0) & ~good, "no monetary_value above 0", "leave worthless orders out")


def check_horizon(horizon: npt.ArrayLike) -> Array:
    """Return ``horizon`` as float64; ``ContractError`` unless each element is finite and >= 0."""
    t = np.asarray(horizon, dtype=np.float64)
    if not (np.isfinite(t) & (t >= 0)).all():
        raise ContractError("a horizon is negative, missing or infinite; give a finite number >= 0")
    return t
