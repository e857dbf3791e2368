"""The families that may answer for a customer, and which of them answers for which segment.

A churn member is a rule with trees on top, or without; a value member a factor on what the purchase model
expects a buyer to spend. All raw scores are log-odds of no event in the same days, so that customers of
different members stand in one ranking.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from contracts.errors import BundleRefused
from contracts.feature_frame import FeatureFrame
from contracts.scores import SEGMENTS
from training.models.churn import ChurnTrees
from training.models.columns import BTYD_FEATURES
from training.models.encoder import Encoder
from training.models.rules import Rule, expected_orders
from training.models.value import SCALE_HIGH, SCALE_LOW, ValueTrees

Array = npt.NDArray[np.float64]

WITHOUT_BTYD = "lgbm"
TINY = 1e-12
_BTYD = frozenset(feature.name for feature in BTYD_FEATURES)


def blank(matrix: Array, names: Sequence[str]) -> Array:
    """Return a matrix whose ``btyd.*`` columns are missing: for trees that grow without BTYD."""
    bare = matrix.copy()
    bare[:, [place for place, name in enumerate(names) if name in _BTYD]] = np.nan
    return bare


@dataclass(frozen=True, eq=False)
class Sight:
    """Rows as members see them.

    ``frame`` has ``btyd.*`` over the ``window_days`` that trees learned from, ``far`` over the ``days`` asked
    for; ``matrix`` is the encoded frame, its columns called ``names``.
    """

    frame: FeatureFrame
    far: FeatureFrame
    days: float
    window_days: float
    matrix: Array
    names: tuple[str, ...]

    @classmethod
    def of(cls, frame: FeatureFrame, encoder: Encoder, window_days: float) -> "Sight":
        """Return the sight of rows that are asked for the window itself."""
        return cls(frame, frame, window_days, window_days, encoder.encode(frame), encoder.names)

    def farther(self, far: FeatureFrame, days: float) -> "Sight":
        """Return the same rows asked for other ``days``, over which ``far`` has its ``btyd.*``."""
        return replace(self, far=far, days=days)

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def segments(self) -> npt.NDArray[np.object_]:
        """Each row's segment."""
        return self.frame.segments

    @cached_property
    def p_some(self) -> Array:
        """The purchase model's own probability of a purchase in the window, (n,), above 0."""
        return np.maximum(1.0 - self.frame.number("btyd.p_no_purchase"), TINY)

    @cached_property
    def expectation(self) -> Array:
        """What the purchase model and Gamma-Gamma expect a buyer in the window to spend in it, (n,), > 0."""
        purchases = self.frame.number("btyd.expected_purchases") / self.p_some
        return np.asarray(np.maximum(purchases, 1.0) * self.frame.number("btyd.expected_spend"))


@dataclass(frozen=True)
class ChurnMember:
    """raw = rule + trees - ``shift``; the shift takes the level off trees of shorter windows."""

    family: str
    rule: Rule
    trees: ChurnTrees
    shift: float = 0.0

    def offset(self, sight: Sight) -> Array:
        """Return the rule's log-odds for the days asked for, (n,)."""
        return self.rule.log_odds(sight.far, sight.days)

    def raw(self, sight: Sight) -> Array:
        """Return the raw score, (n,)."""
        return self.trees.raw(self._matrix(sight), self.offset(sight)) - self.shift

    def contributions(self, sight: Sight) -> tuple[Array, float]:
        """Return (n, k) contributions of the features and the base; with the offset they are ``raw``."""
        parts, base = self.trees.contributions(self._matrix(sight))
        return parts, base - self.shift

    def _matrix(self, sight: Sight) -> Array:
        return blank(sight.matrix, sight.names) if self.family == WITHOUT_BTYD else sight.matrix


@dataclass(frozen=True)
class ValueMember:
    """Factor on spend given any purchase, 0.2 to 5.

    ``level`` is money: the constant that trees without BTYD start from, or the mean spend of a naive rule;
    ``shift`` is taken off the log of the trees' factor where they learned from shorter windows.
    """

    family: str
    trees: ValueTrees
    level: float = 0.0
    shift: float = 0.0

    def scale(self, sight: Sight) -> Array:
        """Return the factor, (n,); ones for the purchase model itself."""
        if self.family == "naive_rate":
            value = sight.frame.number("rfm.average_order_value")
            spend = expected_orders(sight.frame, sight.window_days) * np.nan_to_num(value)
            return self._against(spend, sight)
        if self.family == "naive_constant":
            return self._against(np.full(len(sight), self.level), sight)
        if self.family == WITHOUT_BTYD:
            own = self.level * self.trees.scale(blank(sight.matrix, sight.names))
            return np.clip(own / sight.expectation, SCALE_LOW, SCALE_HIGH)
        scale = self.trees.scale(sight.matrix) * np.exp(-self.shift)
        return np.asarray(np.clip(scale, SCALE_LOW, SCALE_HIGH))

    def _against(self, spend: Array, sight: Sight) -> Array:
        """Return the factor that brings the purchase model's mean spend of the window to ``spend``."""
        own = sight.p_some * sight.expectation
        return np.clip(spend / own, SCALE_LOW, SCALE_HIGH)


Served = Mapping[str, str]
"""The family by segment."""


Member = TypeVar("Member", ChurnMember, ValueMember)


@dataclass(frozen=True)
class Panel(Generic[Member]):
    """Members by family, and the family of each segment; rows of no known segment count as regular."""

    members: Mapping[str, Member]
    served: Served

    def __post_init__(self) -> None:
        """Raise ``BundleRefused`` when a segment has no family, or a family no member."""
        for segment in SEGMENTS:
            if self.served.get(segment) not in self.members:
                raise BundleRefused(
                    f"Segment {segment} is served by {self.served.get(segment)!r}, which the bundle lacks."
                )

    def parts(self, segments: npt.NDArray[np.object_]) -> list[tuple[Member, npt.NDArray[np.bool_]]]:
        """Return each member that answers for some row, with the rows it answers for."""
        families = np.array([self.served.get(name, self.served["regular"]) for name in segments.tolist()])
        return [(self.members[name], families == name) for name in sorted(set(families.tolist()))]


@dataclass(frozen=True, eq=False)
class Scores:
    """Raw scores in parts, log-odds, (n,) or (n, k): ``raw`` = offset + base + row sums of contributions.

    ``rules`` holds, per row, the rule that its offset is of.
    """

    rules: tuple[Rule, ...]
    offset: Array
    base: Array
    contributions: Array

    @property
    def raw(self) -> Array:
        """The raw scores, (n,)."""
        return np.asarray(self.offset + self.base + self.contributions.sum(axis=1))


def score(panel: Panel[ChurnMember], sight: Sight) -> Scores:
    """Return the raw scores of rows with their parts, each by the member of its segment."""
    rows = len(sight)
    rules: list[Rule] = [Rule()] * rows
    found = Scores((), np.empty(rows), np.empty(rows), np.empty(sight.matrix.shape))
    for member, mine in panel.parts(sight.segments):
        found.offset[mine] = member.offset(sight)[mine]
        contributions, found.base[mine] = member.contributions(sight)
        found.contributions[mine] = contributions[mine]
        for place in np.flatnonzero(mine).tolist():
            rules[place] = member.rule
    return replace(found, rules=tuple(rules))


def find_raw(panel: Panel[ChurnMember], sight: Sight) -> Array:
    """Return the raw scores of rows, (n,), without their parts."""
    raw = np.empty(len(sight))
    for member, mine in panel.parts(sight.segments):
        raw[mine] = member.raw(sight)[mine]
    return raw


def find_scale(panel: Panel[ValueMember], sight: Sight) -> Array:
    """Return the factors on spend, (n,), each by the member of its segment."""
    scale = np.empty(len(sight))
    for member, rows in panel.parts(sight.segments):
        scale[rows] = member.scale(sight)[rows]
    return scale


def alone(member: Member) -> Panel[Member]:
    """Return the panel in which one member answers for everyone."""
    return Panel({member.family: member}, dict.fromkeys(SEGMENTS, member.family))
