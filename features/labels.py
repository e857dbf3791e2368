"""What came after each cutoff: churn, purchases and spend of everyone scored there (design, section 6)."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd

from contracts.errors import NotEnoughData
from contracts.time import add_days, to_text
from features.contacts import keep_contacts
from features.endings import find_endings
from features.engine import (
    KEY,
    Events,
    Table,
    Value,
    beside,
    days_between,
    earlier_of,
    later_of,
    number,
    read_frame,
    rounded,
    stacked,
    when,
)
from features.fees import count_dues
from features.population import SCORED, find_population
from features.snapshot import Snapshot, take_snapshot

LAG_PERCENT, PERCENT = 99, 100


@dataclass(frozen=True)
class Window:
    """What a label may see: ``horizon_days`` from the cutoff on, as known ``lag_days`` after its end.

    Nothing recorded at or after ``known_before`` is seen.
    """

    horizon_days: int
    lag_days: int
    known_before: datetime

    def end(self, cutoff: datetime) -> datetime:
        """Return where the window of a cutoff ends, exclusive."""
        return add_days(cutoff, self.horizon_days)

    def seen(self, cutoff: datetime) -> datetime:
        """Return the instant the facts of a cutoff's window are taken as of."""
        return min(add_days(self.end(cutoff), self.lag_days), self.known_before)


def build_labels(
    snapshot: Snapshot, *, horizon_days: int, clv_horizon_days: int, lag_days: int, known_before: datetime
) -> pd.DataFrame:
    """Return what every customer scored at the snapshot's cutoffs did from the cutoff on.

    Columns: as_of, customer_id, churned (bool), purchases (int), spend, clv_spend (money) and contacted
    (bool: treated, or an action without arm, within the window; a survey request is no contact).
    ``purchases`` are days with a qualifying order and ``spend`` their net amounts in
    ``[as_of, as_of + horizon_days)``; a subscriber's fees falling due count among both. ``clv_spend`` is the
    spend of ``clv_horizon_days``, NaN where that window ends after ``known_before``. Amounts are net of
    refunds recorded before the window's end + ``lag_days``, and nothing recorded at or after
    ``known_before`` is used. A subscriber churned who left within the window (``endings.find_endings``).
    Sorted by (as_of, customer_id).

    Raises:
        NotEnoughData: a window ends after ``known_before``.
    """
    window = Window(horizon_days, lag_days, known_before)
    last = snapshot.as_of[-1]
    if window.end(last) > known_before:
        raise NotEnoughData(
            f"The {horizon_days} days after {to_text(last)} are not over by {to_text(known_before)}: "
            "take earlier cutoffs or a shorter horizon."
        )
    everyone = find_population(snapshot)
    scored = everyone.filter(everyone.status == SCORED)
    outcomes = beside(scored.select(*KEY, scored.kind), _find_outcomes(snapshot, window))
    outcomes = beside(beside(outcomes, _find_endings(snapshot, window)), _find_contacts(snapshot, window))
    longer = Window(clv_horizon_days, lag_days, known_before)
    late = _find_outcomes(snapshot, longer)
    labels = read_frame(_select_labels(outcomes, late).order_by(KEY)).to_pandas()
    labels["as_of"] = labels.as_of.dt.tz_localize(UTC)
    unripe = labels.as_of > add_days(known_before, -clv_horizon_days)
    return labels.assign(clv_spend=labels.clv_spend.mask(unripe))


def find_maturity_lag(events: Events, as_of: datetime) -> int:
    """Return after how many days 99 % of orders, refunds and subscriptions were known.

    The smallest whole number of days within which 99 % of the versions recorded before ``as_of`` were
    recorded after they occurred; back-filled rows do not tell and are left out; 0 where there are no others.
    """
    cutoff = events.table_of(as_of=[as_of])
    lags = []
    for name in ("orders", "subscriptions"):
        rows = events.tables[name]
        told = cutoff.join(rows.filter(~rows.backfilled & ~rows.removed), [rows.recorded_at < cutoff.as_of])
        days = later_of(days_between(told.occurred_at, told.recorded_at), 0.0).ceil().cast("int64")
        lags.append(told.select(days=days))
    everything = stacked(lags)
    counts = read_frame(everything.group_by(everything.days).agg(rows=everything.count())).to_pandas()
    ranked = counts.sort_values("days")
    enough = ranked[ranked.rows.cumsum() * PERCENT >= ranked.rows.sum() * LAG_PERCENT]
    return 0 if enough.empty else int(enough.days.iloc[0])


def _select_labels(outcomes: Table, late: Table) -> Table:
    longer = beside(outcomes, late.rename(late_spend="spend", late_fees="fees").drop("purchases", "dues"))
    subscriber = longer.kind == "subscription"
    bought = longer.purchases.fill_null(0)
    purchases = bought + when(subscriber, longer.dues.fill_null(0), 0)
    return longer.select(
        *KEY,
        churned=when(subscriber, longer.ended.fill_null(False), bought == 0),
        purchases=purchases.cast("int64"),
        spend=_money(longer.spend, longer.fees, subscriber),
        clv_spend=_money(longer.late_spend, longer.late_fees, subscriber),
        contacted=longer.contacts.fill_null(0) > 0,
    )


def _money(spend: Value, fees: Value, subscriber: Value) -> Value:
    return rounded(number(spend).fill_null(0.0) + when(subscriber, number(fees).fill_null(0.0), 0.0))


def _open_windows(snapshot: Snapshot, window: Window, name: str, grace_days: int = 0) -> Table:
    seen = [min(add_days(window.seen(cutoff), grace_days), window.known_before) for cutoff in snapshot.as_of]
    ends = [window.end(cutoff) for cutoff in snapshot.as_of]
    windows = snapshot.events.table_of(cutoff=snapshot.as_of, seen=seen, end=ends)
    known = take_snapshot(snapshot.events, sorted(set(seen)), snapshot.settings).table(name)
    rows = windows.join(known, [windows.seen == known.as_of])
    return rows.mutate(as_of=rows.cutoff)


def _find_outcomes(snapshot: Snapshot, window: Window) -> Table:
    orders = _open_windows(snapshot, window, "orders")
    bought = orders.filter(
        orders.qualifying & (orders.occurred_at >= orders.as_of) & (orders.occurred_at < orders.end)
    )
    sums = bought.group_by(KEY).agg(purchases=bought.day.nunique(), spend=bought.amount.sum())
    plans = _open_windows(snapshot, window, "subscriptions")
    stop = earlier_of(plans.end, plans.ended_at)
    due = later_of(count_dues(plans.occurred_at, stop) - count_dues(plans.occurred_at, plans.as_of), 0)
    dued = plans.mutate(due=due, fee=plans.monthly_fee * due)
    fees = dued.group_by(KEY).agg(dues=dued.due.sum(), fees=dued.fee.sum())
    either = stacked([sums.select(*KEY), fees.select(*KEY)]).distinct()
    return beside(beside(either, sums), fees)


def _find_endings(snapshot: Snapshot, window: Window) -> Table:
    grace_days = snapshot.settings.horizons.grace_days
    endings = find_endings(_open_windows(snapshot, window, "subscriptions", grace_days), grace_days)
    return endings.select(*KEY, ended=endings.ended_on.notnull())


def _find_contacts(snapshot: Snapshot, window: Window) -> Table:
    actions = _open_windows(snapshot, window, "actions")
    within = (actions.occurred_at >= actions.as_of) & (actions.occurred_at < actions.end)
    contacts = keep_contacts(actions.filter(within))
    return contacts.group_by(KEY).agg(contacts=contacts.count())
