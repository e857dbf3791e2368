"""Pairs of the same calendar month and standing, nearest in what was on record before."""

from dataclasses import dataclass

import numpy as np

from contracts.randomness import generator
from training.drivers.ledger import Array, Codes, Rows
from training.drivers.past import standardise

NEAREST = 5
RFM = (0, 1, 3)
"""The facts that must be near: orders, silence and value of ``past.PAST``; the regression has them all."""
CALIPER = 1.0
"""The farthest a match may be, in standard deviations over these facts together."""
_LOT = 1e-6
_SPARE = 3
"""Neighbours looked at beyond those wanted, because a customer is no match for themselves."""


@dataclass(frozen=True, eq=False)
class Matches:
    """Weights of (n,) occasions: 1 for each moment with a match, shared by its matches; 0 for all others.

    ``imbalance`` is the largest standardised difference between the arms that is left in any fact, and
    ``imbalance_before`` that before matching.
    """

    weights: Array
    imbalance: float
    imbalance_before: float

    @property
    def used(self) -> Rows:
        """Who takes part, (n,)."""
        return np.asarray(self.weights > 0)


def match(past: Array, stratum: Codes, who: Codes, met: Rows) -> Matches:
    """Return each moment's nearest counterparts within its stratum and the caliper, other customers only.

    ``past`` (n, k) are facts from before, ``stratum`` (n,) what must be equal. Up to ``NEAREST`` matches
    share a moment's weight; a counterpart may serve several moments.
    """
    facts = standardise(past)
    lot = generator(0, "drivers", "ties").normal(0.0, _LOT, (len(met), 1))
    near = np.hstack([facts[:, list(RFM)], lot])
    weights = np.zeros(len(met))
    order = np.argsort(stratum, kind="stable")
    ends = np.flatnonzero(np.diff(stratum[order], append=stratum.max(initial=0) + 1)) + 1
    for rows in np.split(order, ends[:-1]):
        moments, others = rows[met[rows]], rows[~met[rows]]
        if moments.size and others.size:
            _share(weights, near, who, moments, others)
    return Matches(weights, _imbalance(facts, met, weights), _imbalance(facts, met, np.ones(len(met))))


def _share(weights: Array, near: Array, who: Codes, moments: Codes, others: Codes) -> None:
    """Add to ``weights`` those of one stratum."""
    from scipy.spatial import KDTree

    # Many are alike to the last digit (first orders): without a lot the same few would stand for all.
    wanted = min(NEAREST + _SPARE, others.size)
    distance, place = KDTree(near[others]).query(near[moments], k=[*range(1, wanted + 1)])
    candidates = others[np.minimum(place, others.size - 1)]
    usable = (distance <= CALIPER) & (who[candidates] != who[moments][:, None])
    usable &= np.cumsum(usable, axis=1) <= NEAREST
    number = usable.sum(axis=1)
    found = number > 0
    weights[moments[found]] = 1.0
    parts = np.where(usable, 1.0 / np.maximum(number, 1)[:, None], 0.0)
    np.add.at(weights, candidates[usable], parts[usable])


def _imbalance(facts: Array, met: Rows, weights: Array) -> float:
    one, other = weights * met, weights * ~met
    if not one.sum() or not other.sum():
        return float("nan")
    return float(np.abs(one @ facts / one.sum() - other @ facts / other.sum()).max())
