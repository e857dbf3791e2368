"""Small made-up companies in which complaints raise churn and the offset knows nothing of it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.randomness import generator

NAMES = ("rfm.frequency", "support.tickets", "voice.sat", "attribute.plan", "noise.one", "noise.two")


@dataclass(frozen=True)
class ChurnWorld:
    """``matrix`` (n, 6) in the order of ``NAMES`` (voice.sat missing in a third), the rest (n,)."""

    matrix: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]
    churned: npt.NDArray[np.float64]
    expectation: npt.NDArray[np.float64]
    spend: npt.NDArray[np.float64]


def build_world(rows: int, seed: int, effect: float = 1.0) -> ChurnWorld:
    """Return ``rows`` customers; with ``effect`` 0 offset and expectation are the whole truth."""
    draw = generator(seed, "churn world")
    frequency, tickets = draw.poisson(3, rows).astype(float), draw.poisson(0.7, rows).astype(float)
    sat, plan = draw.normal(size=rows), draw.integers(0, 4, rows).astype(float)
    offset = 0.8 - 0.4 * frequency + draw.normal(size=rows) * 0.3
    log_odds = offset + effect * (0.7 * tickets - 0.5 * sat - 0.35 + 0.5 * (plan == 2))
    churned = (draw.random(rows) < 1 / (1 + np.exp(-log_odds))).astype(float)
    expectation = 20.0 + 10 * frequency
    mean = expectation * np.exp(effect * (0.4 * sat - 0.3 * tickets))
    spend = np.where(churned > 0, 0.0, mean * draw.gamma(4.0, 0.25, rows))
    seen = np.where(draw.random(rows) < 1 / 3, np.nan, sat)
    matrix = np.column_stack([frequency, tickets, seen, plan, draw.normal(size=(rows, 2))])
    return ChurnWorld(matrix, offset, churned, expectation, spend)
