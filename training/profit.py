"""What a ranking earns a retention campaign: expected maximum profit, and value kept at a number of contacts.

Verbraken, Verbeke and Baesens, "A Novel Profit Maximizing Metric for Measuring Classification Performance of
Customer Churn Prediction Models", IEEE TKDE 25(5), 2013. A contacted churner stays with probability gamma,
drawn from a Beta law, and then brings the customer's value less the incentive; a contacted stayer takes the
incentive; each contact costs. The threshold is the best one for each gamma. Computed exactly: profit at each
threshold is a line in gamma, and the expectation of their upper envelope is a sum of Beta integrals.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Campaign:
    """Terms of a campaign; the defaults are the paper's, money in one currency."""

    value: float = 200.0
    incentive: float = 10.0
    contact: float = 1.0
    alpha: float = 6.0
    beta: float = 14.0

    @property
    def acceptance(self) -> float:
        """Mean probability that a contacted churner stays."""
        return self.alpha / (self.alpha + self.beta)


PAPER = Campaign()


def empc(churned: Floats, score: Floats, campaign: Campaign = PAPER) -> float:
    """Return the expected maximum profit per customer (n,), all of them worth ``campaign.value``.

    Args:
        churned: (n,) 0 or 1.
        score: (n,) higher for likelier churners; only the order counts, equal scores are contacted together.
        campaign: value, costs and the law of acceptance.

    Examples:
        >>> round(empc(np.array([1.0, 0.0]), np.array([0.9, 0.1])), 6)
        28.0
        >>> empc(np.array([0.0, 0.0]), np.array([0.9, 0.1]))
        0.0
    """
    return expected_profit(churned, score, np.full(len(score), campaign.value), campaign)


def expected_profit(churned: Floats, score: Floats, value: Floats, campaign: Campaign = PAPER) -> float:
    """Return the expected maximum profit per customer, each worth their own ``value`` (n,); NaN without rows.

    With equal values this is ``empc``.
    """
    if not len(score):
        return float("nan")
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    left, worth = churned[order], value[order]
    slope = np.cumsum(left * (worth - campaign.incentive))[last]
    cost = np.cumsum(campaign.contact + (1 - left) * campaign.incentive)[last]
    slopes, intercepts = np.append(0.0, slope), np.append(0.0, -cost)
    return _expected_envelope(slopes, intercepts, campaign) / len(score)


def value_kept(
    churned: Floats, score: Floats, value: Floats, contacts: int, campaign: Campaign = PAPER
) -> float:
    """Return the value kept by contacting the ``contacts`` highest scores, in money, before costs.

    It is the value of the churners among them times the mean acceptance. Rows tied at the edge count by the
    part of them that fits; more contacts than rows are all rows.

    Examples:
        >>> value_kept(np.array([1.0, 0.0, 1.0]), np.array([3.0, 2.0, 1.0]), np.array([50.0, 9.0, 10.0]), 2)
        15.0
    """
    places = min(contacts, len(score))
    if places <= 0:
        return 0.0
    edge = np.partition(score, len(score) - places)[len(score) - places]
    above, tied = score > edge, score == edge
    at_risk = churned * value
    found = at_risk[above].sum() + at_risk[tied].mean() * (places - np.count_nonzero(above))
    return float(found * campaign.acceptance)


def _expected_envelope(slopes: Floats, intercepts: Floats, campaign: Campaign) -> float:
    """Return E[max over lines of slope x gamma + intercept] for gamma from Beta(alpha, beta)."""
    hull = _upper_hull(slopes, intercepts)
    a, b = slopes[hull], intercepts[hull]
    crossing = np.clip(-np.diff(b) / np.diff(a), 0.0, 1.0)
    edges = np.concatenate([[0.0], crossing, [1.0]])
    alpha, beta = campaign.alpha, campaign.beta
    mass = np.diff(special.betainc(alpha, beta, edges))
    moment = campaign.acceptance * np.diff(special.betainc(alpha + 1, beta, edges))
    return float(np.sum(a * moment + b * mass))


def _upper_hull(x: Floats, y: Floats) -> list[int]:
    """Return places of the points on the upper hull, by rising ``x``: the lines of the envelope, in order."""
    hull: list[int] = []
    for place in np.lexsort((y, x)).tolist():
        if hull and x[hull[-1]] == x[place]:
            hull.pop()
        while len(hull) > 1 and _lies_under(x, y, (hull[-2], hull[-1], place)):
            hull.pop()
        hull.append(place)
    return hull


def _lies_under(x: Floats, y: Floats, three: tuple[int, int, int]) -> bool:
    """Return whether the middle point is not above the line between its neighbours."""
    first, middle, last = three
    rise, run = y[middle] - y[first], x[middle] - x[first]
    return bool(rise * (x[last] - x[first]) <= (y[last] - y[first]) * run)
