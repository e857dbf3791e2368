"""Levels at which the predictive law is read for p10, p50 and p90, so that the range holds 80 %.

Conformalised on the PIT scale, never by residuals: with an atom at zero spend a residual band covers nothing
or everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from contracts.errors import BundleRefused
from training.models.trees import Floats

TAIL = 0.1
MIN_ROWS = 200
MIN_SURE = 50
LOWEST, HIGHEST = 0.005, 0.995


@dataclass(frozen=True)
class Intervals:
    """Levels of the quantiles; ``proven`` when found on matured cutoffs rather than assumed.

    Examples:
        >>> Intervals().levels
        (0.1, 0.5, 0.9)
    """

    low: float = TAIL
    mid: float = 0.5
    high: float = 1 - TAIL
    proven: bool = False

    def __post_init__(self) -> None:
        """Raise ``BundleRefused`` unless 0 < low <= 0.1, mid is 0.5 and 0.5 < high < 1."""
        if not (0 < self.low <= TAIL and self.mid == 0.5 < self.high < 1):
            raise BundleRefused(
                f"Intervals: levels {self.levels} are not (0, 0.1], 0.5, (0.5, 1): restore them."
            )

    @classmethod
    def fit(cls, pit_lower: Floats, pit_upper: Floats, p_no_spend: Floats) -> "Intervals":
        """Return the levels that would have held 80 % on earlier cutoffs, as the design counts coverage.

        Args:
            pit_lower: (n,) P(spend < observed); 0 where nothing was spent.
            pit_upper: (n,) P(spend <= observed); ``p_no_spend`` where nothing was spent.
            p_no_spend: (n,) probability of no spend.

        Zero spend is covered by its share of the atom inside 0.1-0.9, whatever the levels: its misses are
        counted first, in expectation, so nothing is drawn. ``low`` then leaves a tenth of the customers below
        who are all but sure to spend (the others' p10 is 0), ``high`` what is left of a fifth above; both
        with the split-conformal correction for n. Under 200 rows the levels stay at 0.1 and 0.9, unproven.
        """
        rows = len(p_no_spend)
        if rows < MIN_ROWS:
            return cls()
        none = (pit_lower <= 0) & (p_no_spend > 0) & (pit_upper <= p_no_spend + 1e-12)
        below, above = _zero_misses(p_no_spend)
        sure = p_no_spend < TAIL
        allowed = _allowed(TAIL, int(sure.sum())) - int((sure & none).sum())
        low = _lowest_level(pit_upper[sure & ~none], allowed) if sure.sum() >= MIN_SURE else TAIL
        missed = float(below[none].sum()) + float(np.count_nonzero(sure & ~none & (pit_upper < low)))
        room = _allowed(2 * TAIL, rows) - missed - float(above[none].sum())
        return cls(low, 0.5, _highest_level(pit_lower[~none], room), proven=True)

    def widened(self) -> "Intervals":
        """Return levels with half the room outside: for a history that has not seen each season once.

        Examples:
            >>> Intervals().widened().levels
            (0.05, 0.5, 0.95)
        """
        return replace(self, low=self.low / 2, high=(1.0 + self.high) / 2)

    @property
    def levels(self) -> tuple[float, float, float]:
        """The three levels to read each law at."""
        return self.low, self.mid, self.high

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for a bundle."""
        return {"low": self.low, "mid": self.mid, "high": self.high, "proven": self.proven}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Intervals":
        """Return the levels that ``to_dict`` gave; ``BundleRefused`` when they do not rise around 0.5."""
        return cls(float(plain["low"]), float(plain["mid"]), float(plain["high"]), bool(plain["proven"]))


def expected_coverage(spend: Floats, p10: Floats, p90: Floats, p_no_spend: Floats) -> Floats:
    """Return how far each range covers what was spent, (n,), 0 to 1; the mean is the coverage.

    Examples:
        >>> spend, p90, p_no_spend = np.array([0.0, 30.0]), np.array([0.0, 40.0]), np.array([0.95, 0.4])
        >>> expected_coverage(spend, np.zeros(2), p90, p_no_spend).round(3).tolist()
        [0.842, 1.0]
    """
    below, above = _zero_misses(p_no_spend)
    inside = ((p10 <= spend) & (spend <= p90)).astype(np.float64)
    return np.where(spend > 0, inside, 1 - below - above)


def _zero_misses(p_no_spend: Floats) -> tuple[Floats, Floats]:
    """Return the shares of the atom at zero, spread over (0, p0), that lie below 0.1 and above 0.9."""
    atom = np.maximum(p_no_spend, np.finfo(np.float64).tiny)
    return np.minimum(atom, TAIL) / atom, np.maximum(atom - (1 - TAIL), 0.0) / atom


def _allowed(share: float, rows: int) -> int:
    """Return how many of ``rows`` may lie outside so that a new one does with chance ``share`` at most."""
    return rows - int(np.ceil((1 - share) * (rows + 1) - 1e-9))


def _lowest_level(pit: Floats, allowed: int) -> float:
    """Return the level with at most ``allowed`` of ``pit`` below it, never above 0.1."""
    if not len(pit):
        return TAIL
    ordered = np.sort(pit)
    level = ordered[min(allowed, len(pit) - 1)] if allowed >= 0 else LOWEST
    return float(np.clip(level, LOWEST, TAIL))


def _highest_level(pit: Floats, room: float) -> float:
    """Return the level with at most ``room`` of ``pit`` at or above it; 0.9 without any."""
    if not len(pit):
        return 1 - TAIL
    ordered = np.sort(pit)[::-1]
    allowed = int(np.floor(room))
    if allowed < 0:
        return HIGHEST
    level = np.nextafter(ordered[min(allowed, len(pit) - 1)], 1.0)
    return float(np.clip(level, 0.5 + LOWEST, HIGHEST))
