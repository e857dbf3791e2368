"""Where a family's log-odds of churn begin before any tree: buying rhythm, or a rule a shop could write down.

A rule's rates were counted over ``window_days``. Over another number of days they follow from silence in
equal, independent parts: p over the window is p^(days / window) over ``days``.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from contracts.errors import BundleRefused
from contracts.feature_frame import Feature, FeatureFrame
from training.models.columns import BTYD_FEATURES, P_NO_PURCHASE, find_offset

Array = npt.NDArray[np.float64]
Kind = Literal["btyd", "constant", "silence", "rate"]

EDGE = 1e-4
FEWEST = 30
RULE = "rule"
BUYING_RHYTHM = next(feature for feature in BTYD_FEATURES if feature.name == P_NO_PURCHASE)
RULE_FEATURES: dict[Kind, Feature] = {
    "constant": Feature("rule.constant", "probability", "never missing"),
    "silence": Feature("rule.silence", "days", "never missing"),
    "rate": Feature("rule.rate", "count", "never missing"),
}
"""What a simple rule says of a customer, as if it were a feature: so that it can be put in words."""
SILENT, ORDERS, AGE = "rfm.days_since_last_order", "rfm.orders", "rfm.age_days"


@dataclass(frozen=True)
class Rule:
    """How the log-odds of no event in a number of days begin.

    ``btyd``: the purchase model's own, from the frame's ``btyd.*`` columns. ``constant``: one churn rate for
    everyone (``rates`` holds it twice). ``silence``: one rate for customers silent for more than
    ``silent_days`` and one for the others. ``rate``: exp(-orders / age x days).

    Examples:
        >>> Rule("silence", window_days=90, rates=(0.9, 0.4), silent_days=74).rates
        (0.9, 0.4)
        >>> Rule("silence", window_days=90, rates=(0.9, 1.4))
        Traceback (most recent call last):
        contracts.errors.BundleRefused: Rule silence: rates (0.9, 1.4) over 90 days: restore the bundle.
    """

    kind: Kind = "btyd"
    window_days: int = 1
    rates: tuple[float, float] = (0.5, 0.5)
    silent_days: int = 0

    def __post_init__(self) -> None:
        """Raise ``BundleRefused`` when it is no rule."""
        known = self.kind in ("btyd", "constant", "silence", "rate")
        if not known or self.window_days < 1 or not all(0 < rate < 1 for rate in self.rates):
            raise BundleRefused(
                f"Rule {self.kind}: rates {self.rates} over {self.window_days} days: restore the bundle."
            )

    def log_odds(self, frame: FeatureFrame, days: float) -> Array:
        """Return the log-odds of no event in ``days``, (n,); ``btyd.*`` of the frame must cover them too."""
        if self.kind == "btyd":
            return find_offset(frame)
        if self.kind == "rate":
            p = np.exp(-_rate(frame) * days)
        else:
            silent = _column(frame, SILENT) > self.silent_days
            p = np.where(silent, *self.rates) ** (days / self.window_days)
        inside = np.clip(p, EDGE, 1 - EDGE)
        return np.asarray(np.log(inside) - np.log1p(-inside))

    @property
    def feature(self) -> Feature:
        """What the rule goes by."""
        return BUYING_RHYTHM if self.kind == "btyd" else RULE_FEATURES[self.kind]

    @property
    def said(self) -> dict[str, float]:
        """What a sentence about the rule needs beside the customer's own values; nothing for BTYD."""
        if self.kind == "btyd":
            return {}
        own = {"constant": self.rates[0], "silence": float(self.silent_days), "rate": float(self.window_days)}
        return {self.feature.name: own[self.kind]}

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for a bundle."""
        return asdict(self) | {"rates": list(self.rates)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Rule":
        """Return the rule that ``to_dict`` gave; ``BundleRefused`` when it is none."""
        above, below = (float(rate) for rate in plain["rates"])
        return cls(plain["kind"], int(plain["window_days"]), (above, below), int(plain["silent_days"]))


def find_constant(churned: Array, window_days: int) -> Rule:
    """Return the churn rate of (n,) labels as a rule; with one label, or none, as near to it as rules go."""
    rate = _open(float(churned.mean()) if churned.size else 0.5)
    return Rule("constant", window_days, (rate, rate))


def find_silence(frame: FeatureFrame, churned: Array, window_days: int) -> Rule:
    """Return the rule "silent for more than N days" with the lowest log loss on the frame's (n,) labels.

    N is any whole number that leaves 30 customers on either side; where none does, or none beats the
    constant, the constant is the best such rule.
    """
    constant = find_constant(churned, window_days)
    order = np.argsort(_column(frame, SILENT), kind="stable")
    days, left = np.ceil(_column(frame, SILENT)[order]), churned[order]
    # The last customer of each number of days: whoever stands behind is silent for longer.
    edges = np.flatnonzero(np.diff(days)) + 1
    edges = edges[(edges >= FEWEST) & (edges <= days.size - FEWEST)]
    if not edges.size:
        return constant
    sums = np.cumsum(left)
    few, many = sums[edges - 1], sums[-1] - sums[edges - 1]
    losses = _entropy(few, edges) + _entropy(many, days.size - edges)
    best = int(np.argmin(losses))
    # Sums of logarithms differ in their last bits: a gain that small is none.
    if losses[best] >= float(_entropy(np.array([sums[-1]]), np.array([days.size]))[0]) - 1e-9:
        return constant
    edge = edges[best]
    rates = (_open(many[best] / (days.size - edge)), _open(few[best] / edge))
    return Rule("silence", window_days, rates, int(days[edge - 1]))


def _entropy(churners: Array, rows: npt.NDArray[np.int64]) -> Array:
    """Return the total log loss of a group that is told its own churn rate."""
    rate = np.clip(churners / rows, EDGE, 1 - EDGE)
    return np.asarray(-(churners * np.log(rate) + (rows - churners) * np.log1p(-rate)))


def expected_orders(frame: FeatureFrame, days: float) -> Array:
    """Return orders so far per day of age, times ``days``: (n,), >= 0."""
    return _rate(frame) * days


def _rate(frame: FeatureFrame) -> Array:
    return np.asarray(_column(frame, ORDERS) / np.maximum(_column(frame, AGE), 1.0))


def _column(frame: FeatureFrame, name: str) -> Array:
    return np.asarray(np.nan_to_num(frame.number(name)))


def _open(rate: float) -> float:
    return float(np.clip(rate, EDGE, 1 - EDGE))
