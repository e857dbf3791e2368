"""Who is scored at each cutoff, as what, and who is not and why (design, section 6)."""

from datetime import UTC, datetime

import pandas as pd

from contracts.events import TABLES
from features.engine import (
    KEY,
    Table,
    beside,
    days_between,
    earlier_of,
    later_of,
    read_frame,
    stacked,
    text,
    upto,
    when,
)
from features.snapshot import Snapshot

SCORED = "scored"
GAP_PERCENT, PERCENT = 95, 100
SHORTEST_LAPSE, LONGEST_LAPSE = 90, 365
FIRST_MONTH_DAYS = 30
"""A subscriber is thin until the second monthly fee is due, as a shopper is until the second order."""


def find_population(snapshot: Snapshot, lapsed_after_days: int | None = None) -> Table:
    """Return every known customer: as_of, customer_id, kind, status, segment.

    ``status`` is ``scored`` or why not: ``suppressed``, ``already_ended``, ``no_first_order``; ``kind`` and
    ``segment`` are missing for who is not scored. A customer is ``subscription`` while any subscription is
    active, else ``shop``. Lapsed (silent longer than ``lapsed_after_days``; None: the setting, else what
    ``find_lapse`` finds) goes before thin (at most one order); a subscriber never lapses.
    """
    known = _gather(snapshot, lapsed_after_days)
    subscriber = known.active > 0
    shopper = known.orders > 0
    inactive = when(known.subscriptions > 0, text("already_ended"), text("no_first_order"))
    reason = when(subscriber | shopper, text(SCORED), inactive)
    status = when(known.refuses, text("suppressed"), reason)
    few = when(subscriber, known.subscribed_days < FIRST_MONTH_DAYS, known.orders <= 1)
    lapsed = ~subscriber & (known.silent_days > known.lapsed_after_days)
    segment = when(lapsed, text("lapsed"), when(few, text("thin"), text("regular")))
    scored = status == SCORED
    return known.select(
        *KEY,
        kind=when(scored, when(subscriber, text("subscription"), text("shop"))),
        status=status,
        segment=when(scored, segment),
    )


def find_lapse(snapshot: Snapshot, lapsed_after_days: int | None = None) -> Table:
    """Return as_of and lapsed_after_days, one row per cutoff.

    ``lapsed_after_days`` or else the setting holds for all; else it is the 95th percentile of the gaps
    between purchase days that ended in an order before ``as_of`` (one of the gaps, without interpolation),
    within 90 and 365. Where no customer has come back yet it is 365: nothing says that a shorter silence
    means anything.
    """
    chosen = lapsed_after_days or snapshot.settings.horizons.lapsed_after_days
    if chosen is not None:
        return snapshot.cutoffs.mutate(lapsed_after_days=chosen)
    gaps = snapshot.purchases.filter(snapshot.purchases.gap.notnull())
    counts = gaps.group_by([gaps.as_of, gaps.gap]).agg(customers=gaps.count())
    running = counts.mutate(
        below=counts.customers.sum().over(upto([counts.gap], [counts.as_of])),
        all=counts.customers.sum().over(upto([], [counts.as_of])),
    )
    enough = running.filter(running.below * PERCENT >= running["all"] * GAP_PERCENT)
    found = enough.group_by(enough.as_of).agg(gap=enough.gap.min())
    joined = snapshot.cutoffs.left_join(found, [snapshot.cutoffs.as_of == found.as_of])
    clipped = earlier_of(later_of(joined.gap.fill_null(LONGEST_LAPSE), SHORTEST_LAPSE), LONGEST_LAPSE)
    return joined.select(as_of=joined.as_of, lapsed_after_days=clipped)


def find_lapsed_after_days(snapshot: Snapshot) -> dict[datetime, int]:
    """Return how many days of silence make a customer lapsed, at each cutoff; see ``find_lapse``."""
    rows = read_frame(find_lapse(snapshot)).to_pydict()
    instants, days = rows.values()
    return {instant.replace(tzinfo=UTC): lapse for instant, lapse in sorted(zip(instants, days, strict=True))}


def find_not_scored(snapshot: Snapshot) -> pd.DataFrame:
    """Return as_of, customer_id and reason of every known customer who is not scored, sorted."""
    everyone = find_population(snapshot)
    left_out = everyone.filter(everyone.status != SCORED)
    frame: pd.DataFrame = read_frame(left_out.select(*KEY, reason=left_out.status).order_by(KEY)).to_pandas()
    return frame.assign(as_of=frame.as_of.dt.tz_localize(UTC))


def find_refusals(snapshot: Snapshot) -> set[str]:
    """Return who refuses profiling at the snapshot's only ``as_of``."""
    return set(read_frame(snapshot.refusals).column(KEY[1]).to_pylist())


def _gather(snapshot: Snapshot, lapsed_after_days: int | None) -> Table:
    names = snapshot.events.loaded or tuple(TABLES)
    everyone = stacked([snapshot.table(name).select(*KEY) for name in names]).distinct()
    bought = snapshot.orders.filter(snapshot.orders.qualifying)
    orders = bought.group_by(KEY).agg(orders=bought.count(), last_at=bought.occurred_at.max())
    plans = snapshot.subscriptions
    started = plans.group_by(KEY).agg(
        subscriptions=plans.count(),
        active=plans.count(where=plans.ended_at.isnull()),
        since=plans.occurred_at.min(),
    )
    known = beside(beside(beside(everyone, orders), started), snapshot.refusals.mutate(refuses=True))
    lapses = find_lapse(snapshot, lapsed_after_days).rename(cutoff=KEY[0])
    dated = known.inner_join(lapses, [known.as_of == lapses.cutoff])
    return dated.mutate(
        orders=dated.orders.fill_null(0),
        subscriptions=dated.subscriptions.fill_null(0),
        active=dated.active.fill_null(0),
        refuses=dated.refuses.fill_null(False),
        silent_days=days_between(dated.last_at, dated.as_of),
        subscribed_days=days_between(dated.since, dated.as_of),
    )
