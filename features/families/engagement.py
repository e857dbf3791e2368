"""What customers do beside ordering: touchpoints by owner, by stage of the journey and by name.

A window of n days is [as_of - n days, as_of). The touchpoints counted by name are the company's most frequent
ones.
"""

from contracts.events import OWNERS, STAGES
from contracts.feature_frame import Feature
from features.engine import (
    KEY,
    Table,
    Value,
    days_between,
    number,
    read_frame,
    rounded,
    share,
    shift_days,
    when,
)
from features.families.family import Family
from features.slugs import slugs_of
from features.snapshot import Snapshot

WINDOWS = (30, 90, 365)
SHORT, LONG = 90, 365
MOST_FREQUENT = 10
NAMED = "engagement.touchpoint_"
NEVER = "never: 0 without touchpoints"
NONE_YET = "no touchpoint on record"
NONE_IN_YEAR = "no such touchpoint in 365 days"


def list_features(snapshot: Snapshot) -> tuple[Feature, ...]:
    """Return counts by window, by the owners and stages on record, and by the frequent touchpoints."""
    counts = count_touchpoints(snapshot)
    if not counts:
        return ()
    owners, stages, timed = find_recorded(snapshot)
    slugs = slugs_of(counts)
    return (
        *(Feature(f"engagement.touchpoints_{days}d", "touchpoints", NEVER) for days in WINDOWS),
        *(
            Feature(f"engagement.owner_{owner}_{days}d", "touchpoints", NEVER, owner=owner)
            for owner in owners
            for days in (SHORT, LONG)
        ),
        *(
            Feature(f"engagement.stage_{stage}_{days}d", "touchpoints", NEVER)
            for stage in stages
            for days in (SHORT, LONG)
        ),
        *(
            Feature(f"{NAMED}{slugs[name]}_90d", "touchpoints", NEVER, actionable=True, label=name)
            for name in counts
        ),
        Feature("engagement.days_since_last", "days", NONE_YET, actionable=True),
        Feature("engagement.distinct_365d", "kinds", NEVER),
        Feature("engagement.change_90d", "ratio", "no touchpoint in 180 days", actionable=True),
        *(
            (Feature("engagement.problem_share_365d", "share", NONE_IN_YEAR, actionable=True),)
            if stages
            else ()
        ),
        *((Feature("engagement.mean_duration_s_365d", "seconds", NONE_IN_YEAR),) if timed else ()),
    )


def count_touchpoints(snapshot: Snapshot) -> dict[str, int]:
    """Return how often each of the most frequent touchpoints occurred, most frequent first, then by name."""
    met = snapshot.interactions
    rows = read_frame(met.group_by(met.touchpoint).agg(times=met.count())).to_pylist()
    counts = {str(row["touchpoint"]): int(row["times"]) for row in rows}
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_FREQUENT])


def find_recorded(snapshot: Snapshot) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Return the owners and the stages that occur, in the contract's order, and whether any duration does."""
    met = snapshot.interactions
    owners = read_frame(met.select(met.owner).distinct()).to_pylist()
    stages = read_frame(met.select(met.stage).distinct()).to_pylist()
    timed = read_frame(met.agg(known=met.duration_s.count())).to_pylist()
    seen = {row["owner"] for row in owners} | {row["stage"] for row in stages}
    return (
        tuple(owner for owner in OWNERS if owner in seen),
        tuple(stage for stage in STAGES if stage in seen),
        timed[0]["known"] > 0,
    )


def build(snapshot: Snapshot, wanted: tuple[Feature, ...] | None = None) -> Table:
    """Return the columns for the touchpoints that ``wanted`` names, by default for those of the snapshot."""
    chosen = list_features(snapshot) if wanted is None else wanted
    named = {feature.label: feature.name.partition(".")[2] for feature in chosen if feature.label}
    met = snapshot.interactions
    recent = {days: met.occurred_at >= shift_days(met.as_of, -days) for days in WINDOWS}
    before = (met.occurred_at >= shift_days(met.as_of, -2 * SHORT)) & ~recent[SHORT]
    in_year = recent[LONG]
    sums = met.group_by(KEY).agg(
        **{f"touchpoints_{days}d": met.count(where=inside) for days, inside in recent.items()},
        **_counts_by(met.owner, "owner", OWNERS, recent),
        **_counts_by(met.stage, "stage", STAGES, recent),
        **{short: met.count(where=recent[SHORT] & (met.touchpoint == name)) for name, short in named.items()},
        last_at=met.occurred_at.max(),
        distinct_365d=met.touchpoint.nunique(where=in_year),
        earlier=met.count(where=before),
        staged=met.stage.count(where=in_year),
        seconds=met.duration_s.sum(where=in_year),
        timed=met.duration_s.count(where=in_year),
    )
    both = sums.touchpoints_90d + sums.earlier
    inner = (*KEY, "last_at", "earlier", "staged", "seconds", "timed")
    return sums.select(
        *KEY,
        **{name: rounded(number(sums[name])) for name in sums.columns if name not in inner},
        days_since_last=rounded(days_between(sums.last_at, sums.as_of)),
        change_90d=rounded(share(sums.touchpoints_90d - sums.earlier, both)),
        problem_share_365d=rounded(share(sums.stage_problem_365d, sums.staged)),
        mean_duration_s_365d=rounded(share(sums.seconds, when(sums.timed > 0, sums.timed))),
    )


def _counts_by(
    column: Value, kind: str, values: tuple[str, ...], recent: dict[int, Value]
) -> dict[str, Value]:
    return {
        f"{kind}_{value}_{days}d": column.count(where=recent[days] & (column == value))
        for value in values
        for days in (SHORT, LONG)
    }


FAMILY = Family(
    "engagement",
    ("interactions",),
    list_features,
    build,
    frozenset(
        {
            "distinct_365d",
            *(f"touchpoints_{days}d" for days in WINDOWS),
            *(f"owner_{owner}_{days}d" for owner in OWNERS for days in (SHORT, LONG)),
            *(f"stage_{stage}_{days}d" for stage in STAGES for days in (SHORT, LONG)),
        }
    ),
)
