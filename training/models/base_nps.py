"""The NPS of all customers, raw and corrected for who answers, with how far silence could move it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.models.selection import Selection
from training.models.silence import NORMAL_95, Base, Figure, Span


@dataclass(frozen=True)
class Ratio:
    """An odds ratio of answering against passives with the same behaviour, with its 95 % interval."""

    odds: float
    low: float
    high: float

    @classmethod
    def of(cls, log: float, error: float) -> "Ratio":
        """Return the ratio of a logarithm with its standard error."""
        odds, low, high = np.exp([log, log - NORMAL_95 * error, log + NORMAL_95 * error]).tolist()
        return cls(odds, low, high)

    def is_beyond(self, odds: float) -> bool:
        """Return whether it lies outside 1 / odds to odds by more than one standard error.

        Examples:
            >>> Ratio.of(-1.4, 0.3).is_beyond(2.0), Ratio.of(-0.9, 0.3).is_beyond(2.0)
            (True, False)
        """
        error = np.log(self.high / self.low) / (2 * NORMAL_95)
        return bool(abs(np.log(self.odds)) - np.log(odds) > error)


@dataclass(frozen=True)
class LotsFound:
    """What survey requests drawn by lot tell of silence and mood: their kind, how many lots, the ratios."""

    kind: str
    customers: int
    detractor: Ratio
    promoter: Ratio

    @classmethod
    def describe(cls, kind: str, customers: int, fitted: Selection) -> "LotsFound":
        """Return what a fitted selection says of the ratios."""
        detractor, promoter = fitted.ratios
        return cls(kind, customers, Ratio.of(*detractor), Ratio.of(*promoter))


@dataclass(frozen=True)
class BaseNps:
    """The NPS of all customers at one ``as_of``, -100 to 100, intervals of 95 %.

    ``raw`` is of those who answered, ``corrected`` of all: by behaviour, and by ``lots`` where there are
    some. ``range`` is what odds ratios of 1 / ``silence_odds`` to ``silence_odds`` allow around what
    behaviour explains, ``sampled_range`` the same with sampling intervals, ``bounds`` what is possible at
    all.
    """

    customers: int
    answered: int
    silence_odds: float
    raw: Figure
    corrected: Figure
    range: Span
    sampled_range: Span
    bounds: Span
    lots: LotsFound | None = None

    @classmethod
    def describe(cls, base: Base, corrected: Figure, odds: float, lots: LotsFound | None) -> "BaseNps":
        """Return what is known of ``base``, ranges for ratios of 1 / ``odds`` to ``odds``."""
        return cls(
            base.customers,
            len(base.answered),
            odds,
            base.raw(),
            corrected,
            base.range(odds),
            base.sampled_range(odds),
            base.bounds(),
            lots,
        )

    @property
    def is_beyond(self) -> bool:
        """Whether lots say that silence depends on mood more than the range allows."""
        if self.lots is None:
            return False
        return any(ratio.is_beyond(self.silence_odds) for ratio in (self.lots.detractor, self.lots.promoter))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, NPS to 2 decimals, ratios to 4."""
        return {**_rounded(asdict(self)), "beyond": self.is_beyond}


def _rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    digits = {"odds": 4} if "odds" in values else {}
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found[name] = _rounded(value)
        else:
            found[name] = round(value, 4 if digits else 2) + 0.0 if isinstance(value, float) else value
    return found
