"""A customer's own rhythm: the gaps between purchase days, and the present silence beside them."""

from contracts.feature_frame import Feature
from features.engine import KEY, Table, exact, exact_spread, median_of, number, rounded, share, when
from features.families.family import Family
from features.snapshot import Snapshot

NO_ORDER = "no order with a net amount above 0"
NO_GAP = "fewer than two purchase days"
TWO_GAPS = "fewer than three purchase days"

FEATURES = (
    Feature("rhythm.silence_days", "days", NO_ORDER, actionable=True),
    Feature("rhythm.usual_gap_days", "days", NO_GAP),
    Feature("rhythm.average_gap_days", "days", NO_GAP),
    Feature("rhythm.last_gap_days", "days", NO_GAP),
    Feature("rhythm.longest_gap_days", "days", NO_GAP),
    Feature("rhythm.overdue_ratio", "ratio", NO_GAP, actionable=True),
    Feature("rhythm.overdue_longest", "ratio", NO_GAP, actionable=True),
    Feature("rhythm.days_until_due", "days", NO_GAP, actionable=True),
    Feature("rhythm.shorter_gap_share", "share", NO_GAP, actionable=True),
    Feature("rhythm.gap_variation", "ratio", TWO_GAPS),
    Feature("rhythm.gap_trend", "ratio", TWO_GAPS),
)


def build(snapshot: Snapshot) -> Table:
    """Return the family's columns, one row per customer with a purchase day."""
    days = snapshot.purchases
    silences = days.group_by(KEY).agg(silence=days.age.min(), repeats=days.place.max())
    gaps = days.inner_join(silences, KEY)
    summary = gaps.group_by(KEY).agg(
        silence=gaps.silence.max(),
        count=gaps.gap.count(),
        total=gaps.gap.sum(),
        whole=exact(gaps.gap).sum(),
        squares=(exact(gaps.gap) * exact(gaps.gap)).sum(),
        usual=median_of(gaps.gap),
        longest=gaps.gap.max(),
        last=gaps.gap.sum(where=gaps.place == gaps.repeats),
        shorter=gaps.count(where=gaps.gap < gaps.silence),
    )
    return select_features(summary)


def select_features(gaps: Table) -> Table:
    """Return the features from each customer's sums over gaps (whole days, all exact integers)."""
    count, mean = number(gaps["count"]), share(gaps.total, gaps["count"])
    spread = exact_spread(gaps["count"], gaps.whole, gaps.squares)
    earlier = share(gaps.total - gaps["last"], gaps["count"] - 1)
    several = gaps["count"] > 1
    return gaps.select(
        *KEY,
        silence_days=rounded(gaps.silence),
        usual_gap_days=rounded(gaps.usual),
        average_gap_days=rounded(mean),
        last_gap_days=rounded(when(gaps["count"] > 0, gaps["last"])),
        longest_gap_days=rounded(gaps.longest),
        overdue_ratio=rounded(share(gaps.silence, gaps.usual)),
        overdue_longest=rounded(share(gaps.silence, gaps.longest)),
        days_until_due=rounded(gaps.usual - gaps.silence),
        shorter_gap_share=rounded(when(gaps["count"] > 0, number(gaps.shorter) / count.nullif(0.0))),
        gap_variation=rounded(when(several, spread / mean)),
        gap_trend=rounded(when(several, number(gaps["last"]) / earlier)),
    )


FAMILY = Family("rhythm", ("orders",), FEATURES, build)
