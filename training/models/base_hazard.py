"""The chance that a subscription ends within 30 days, by how long it has run: where trees start from.

Those likely to leave have mostly left after a while, so the chance falls with tenure even where nobody's own
does; a curve by days ahead would miss that. Two numbers, so that a year ahead does not hang on the few who
have stayed longest:

    log-odds of ending = pooled + slope (log(1 + tenure / 365) - middle)

fitted to person-periods by penalised likelihood. Two stated priors: 4 % in 30 days, worth 50 person-periods,
and no slope, give or take 0.5. Under 200 person-periods or 20 endings there is no slope. Tenures longer than
nearly all that were seen count as the longest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.errors import BundleRefused
from training.models.person_periods import PERIOD_DAYS, PersonPeriods

Floats = npt.NDArray[np.float64]

PRIOR_ROWS = 50.0
PRIOR_HAZARD = 0.04
SLOPE_SPREAD = 0.5
FEWEST_ROWS = 200
FEWEST_ENDINGS = 20
PERIOD_ROWS = 200.0
SEEN = 0.99
YEAR_DAYS = 365.0
FARTHEST = 14.0
"""Log-odds of a hazard are kept within this: one in 1.2 million."""
STEPS = 50


@dataclass(frozen=True)
class BaseHazard:
    """``pooled`` log-odds of ending within 30 days at the ``middle`` tenure, and their ``slope``.

    ``longest`` is the tenure in days beyond which nothing was learned; ``periods`` how many periods ahead
    were learned from, at least 200 person-periods each.

    Examples:
        >>> base = BaseHazard.constant(3, 3_000.0)
        >>> base.at(np.array([0.0, 900.0])).round(4).tolist(), base.periods
        ([-3.3673, -3.3673], 1)
    """

    pooled: float
    slope: float = 0.0
    middle: float = 0.0
    longest: float = 0.0
    periods: int = 1

    def __post_init__(self) -> None:
        """Raise ``BundleRefused`` unless every number is finite and possible."""
        numbers = (self.pooled, self.slope, self.middle, self.longest)
        if not all(map(isfinite, numbers)) or abs(self.pooled) > FARTHEST or self.longest < 0:
            raise BundleRefused(f"Base hazard: {numbers} are no log-odds, slope and tenures: restore them.")
        if self.periods < 1:
            raise BundleRefused(f"Base hazard of {self.periods} periods: at least one is needed.")

    @classmethod
    def constant(cls, endings: float, days: float) -> "BaseHazard":
        """Return one hazard for everybody from the endings among so many days of subscriptions."""
        return cls(_log_odds(_lean(endings, days / PERIOD_DAYS)))

    @classmethod
    def fit(cls, rows: PersonPeriods, tenure: Floats) -> "BaseHazard":
        """Return the hazard by tenure (r,), that of each row when its period began."""
        level = _log_odds(_lean(float(rows.weights @ rows.ended), float(rows.weights.sum())))
        periods = _count_periods(rows)
        if len(rows) < FEWEST_ROWS or rows.endings < FEWEST_ENDINGS:
            return cls(level, periods=periods)
        x = _scale(tenure)
        middle = float(np.average(x, weights=rows.weights))
        pooled, slope = _climb(x - middle, rows, level)
        return cls(pooled, slope, middle, float(np.quantile(tenure, SEEN)), periods)

    def flat(self) -> "BaseHazard":
        """Return the pooled hazard alone, for everybody."""
        return BaseHazard(self.pooled)

    def at(self, tenure: Floats) -> Floats:
        """Return the log-odds of ending within the 30 days that begin at ``tenure``, of the same shape."""
        x = _scale(np.clip(tenure, 0.0, self.longest)) - self.middle
        return np.clip(self.pooled + self.slope * x, -FARTHEST, FARTHEST)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for a bundle."""
        numbers = {"pooled": self.pooled, "slope": self.slope, "middle": self.middle, "longest": self.longest}
        return {**numbers, "periods": self.periods}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "BaseHazard":
        """Return the hazard that ``to_dict`` gave; ``BundleRefused`` when it is none."""
        try:
            pooled, slope, middle, longest = (
                float(plain[name]) for name in ("pooled", "slope", "middle", "longest")
            )
            return cls(pooled, slope, middle, longest, int(plain["periods"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleRefused(f"Base hazard: {type(error).__name__}: restore the bundle.") from error


def _climb(x: Floats, rows: PersonPeriods, level: float) -> tuple[float, float]:
    """Return the most likely level and slope by Newton's method; the likelihood has one top."""
    columns = np.column_stack([np.ones(len(x)), x])
    at, penalty = np.array([level, 0.0]), np.diag([0.0, SLOPE_SPREAD**-2])
    for _ in range(STEPS):
        hazard = 1.0 / (1.0 + np.exp(-columns @ at))
        own = 1.0 / (1.0 + np.exp(-at[0]))
        up = columns.T @ (rows.weights * (rows.ended - hazard)) - penalty @ at
        up[0] += PRIOR_ROWS * (PRIOR_HAZARD - own)
        bend = (columns * (rows.weights * hazard * (1 - hazard))[:, None]).T @ columns + penalty
        bend[0, 0] += PRIOR_ROWS * own * (1 - own)
        step = np.linalg.solve(bend, up)
        # Half a unit of log-odds at most: far from the top a whole step may overshoot for ever.
        at = at + step * min(1.0, 0.5 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-12:
            break
    return float(np.clip(at[0], -FARTHEST, FARTHEST)), float(at[1])


def _scale(tenure: Floats) -> Floats:
    return np.log1p(np.maximum(tenure, 0.0) / YEAR_DAYS)


def _count_periods(rows: PersonPeriods) -> int:
    """Return how many periods ahead, from the first on, hold at least 200 person-periods each."""
    watched = np.bincount(rows.period, rows.weights)
    few = np.flatnonzero(watched < PERIOD_ROWS)
    return max(int(few[0]) if len(few) else len(watched), 1)


def _lean(endings: float, rows: float) -> float:
    return (endings + PRIOR_HAZARD * PRIOR_ROWS) / (rows + PRIOR_ROWS)


def _log_odds(hazard: float) -> float:
    clipped = min(max(hazard, 1e-6), 1 - 1e-6)
    return float(np.log(clipped) - np.log1p(-clipped))
