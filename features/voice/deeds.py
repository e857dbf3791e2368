"""Said against done: a promoter who has gone silent, a detractor who buys more than before."""

from features.engine import (
    KEY,
    Table,
    beside,
    days_between,
    median_of,
    number,
    rounded,
    share,
    shift_days,
    when,
)
from features.nps import PASSIVE_FROM, PROMOTER_FROM
from features.snapshot import Snapshot
from features.voice.answers import RELATIONAL, TRANSACTIONAL
from features.voice.said import MIDDLE, in_time

SILENT_TIMES = 2


def build_deeds(snapshot: Snapshot) -> Table:
    """Return both flags, one row per customer with a relational or transactional answer about us.

    Silent: no order for more than twice the usual gap. Buying more: a higher rate of orders in the last 90
    days than before them.
    """
    own, days, orders = snapshot.own_voice, snapshot.purchases, snapshot.orders
    rated = own.filter(own.kind.isin([RELATIONAL, TRANSACTIONAL]) & own.ten.notnull())
    said = rated.group_by(KEY).agg(ten=rated.ten.last(order_by=in_time(rated)))
    rhythm = days.group_by(KEY).agg(silence=days.age.min(), usual=median_of(days.gap))
    bought = orders.filter(orders.qualifying)
    sums = bought.group_by(KEY).agg(
        orders=bought.count(),
        recent=bought.count(where=bought.occurred_at >= shift_days(bought.as_of, -MIDDLE)),
        first_at=bought.occurred_at.min(),
    )
    both = beside(beside(said, rhythm), sums)
    span = days_between(both.first_at, both.as_of) - MIDDLE
    rate = share(both.recent, number(both.orders - both.recent) / when(span > 0, span)) / MIDDLE
    silent = both.silence > SILENT_TIMES * both.usual
    return both.select(
        *KEY,
        promoter_gone_silent=rounded(
            when(silent.isnull(), None, when((both.ten >= PROMOTER_FROM) & silent, 1, 0))
        ),
        detractor_buying_more=rounded(
            when(rate.isnull(), None, when((both.ten < PASSIVE_FROM) & (rate > 1), 1, 0))
        ),
    )
