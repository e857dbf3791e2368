"""Scores: the three NPS kinds, each by what it means, and satisfaction, effort and reviews.

A relational answer tells the state of the relationship: its level, its trend, how old it is. A transactional
one tells an event and fades (half of its weight is gone after 90 days): the worst and the last matter, and a
touchpoint that was rated again is judged by its last answer. A competitive one is read against the rivals.
"""

import math

from features.engine import KEY, Table, Value, beside, number, rounded, share, when
from features.snapshot import Snapshot
from features.voice.said import LONG, MIDDLE, drift_of, in_time, mean_of, within

RELATIONAL, TRANSACTIONAL, COMPETITIVE = "nps_relational", "nps_transactional", "nps_competitive"
PLAIN = ("csat", "ces", "review")
HALF_LIFE_DAYS = 90.0


def build_answers(snapshot: Snapshot) -> Table:
    """Return the columns of answers and scores, one row per customer with feedback about us."""
    own = snapshot.own_voice
    relational, transactional = (own.kind == kind for kind in (RELATIONAL, TRANSACTIONAL))
    rated = transactional & own.ten.notnull()
    weight = (own.age * (-math.log(2) / HALF_LIFE_DAYS)).exp()
    sums = own.group_by(KEY).agg(
        answers_90d=rounded(number(own.count(where=within(own, MIDDLE)))),
        answers_365d=rounded(number(own.count(where=within(own, LONG)))),
        days_since_last=rounded(own.age.min()),
        **_levels(own, RELATIONAL),
        nps_relational_trend=rounded(drift_of(own, own.ten, relational)),
        nps_relational_days_since=rounded(own.age.min(where=relational & own.ten.notnull())),
        nps_transactional_last=rounded(own.ten.last(where=rated, order_by=in_time(own))),
        nps_transactional_level=rounded(
            share((weight * own.ten).sum(where=rated), weight.sum(where=rated)),
        ),
        nps_transactional_worst_90d=rounded(own.ten.min(where=rated & within(own, MIDDLE))),
        nps_transactional_days_since=rounded(own.age.min(where=rated)),
        **{name: value for kind in PLAIN for name, value in _levels(own, kind).items()},
    )
    return beside(sums, _rate_touchpoints(own))


def build_rivals(snapshot: Snapshot) -> Table:
    """Return how rivals were rated in the last year against us, one row per customer who rated one.

    Each rival counts by its last answer. Ours is the last relational answer, or competitive one without a
    brand, of that year.
    """
    said = snapshot.said
    said = said.filter(within(said, LONG) & said.ten.notnull())
    rivals = said.filter((said.kind == COMPETITIVE) & ~said.own)
    each = rivals.group_by([*KEY, rivals.brand]).agg(
        ten=rivals.ten.last(order_by=in_time(rivals)), age=rivals.age.min()
    )
    best = each.group_by(KEY).agg(best=each.ten.max(), since=each.age.min())
    ours = said.filter(said.own & said.kind.isin([RELATIONAL, COMPETITIVE]))
    mine = ours.group_by(KEY).agg(mine=ours.ten.last(order_by=in_time(ours)))
    both = beside(best, mine)
    gap = both.mine - both.best
    return both.select(
        *KEY,
        nps_competitive_gap=rounded(gap),
        nps_competitive_pull=rounded(when(gap < 0, -gap, when(gap.notnull(), 0.0))),
        nps_competitive_days_since=rounded(both.since),
    )


def _levels(own: Table, kind: str) -> dict[str, Value]:
    rated = (own.kind == kind) & own.ten.notnull()
    return {
        f"{kind}_last": rounded(own.ten.last(where=rated, order_by=in_time(own))),
        f"{kind}_mean_365d": rounded(mean_of(own.ten, rated & within(own, LONG))),
    }


def _rate_touchpoints(own: Table) -> Table:
    rated = (own.kind == TRANSACTIONAL) & own.ten.notnull() & own.touchpoint.notnull() & within(own, LONG)
    rows = own.filter(rated)
    each = rows.group_by([*KEY, rows.touchpoint]).agg(ten=rows.ten.last(order_by=in_time(rows)))
    return each.group_by(KEY).agg(nps_transactional_worst_touchpoint=rounded(each.ten.min()))
