"""When subscribers leave: the first end that no other subscription outlasts or follows within the grace days.

Somebody who ends, stays away for longer than ``[horizons] grace_days`` and comes back has left and come back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd

from contracts.time import add_days
from features.contacts import keep_contacts
from features.engine import (
    KEY,
    Table,
    beside,
    days_between,
    earlier_of,
    first_present,
    following,
    later_of,
    number,
    read_frame,
    rounded,
    shift_days,
    stacked,
    upto,
)
from features.fees import count_dues
from features.snapshot import Snapshot, take_snapshot

NEVER = 1e9
"""Days until an end that has not come."""
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Watch:
    """How long each cutoff's subscribers are watched, and what is known of it.

    ``ends`` is where each cutoff's watch ends, exclusive; ``seen`` the instant its facts are taken as of,
    which leaves time for a late record and for a new subscription within the grace days.
    """

    cutoffs: tuple[datetime, ...]
    ends: tuple[datetime, ...]
    seen: tuple[datetime, ...]

    @classmethod
    def plan(
        cls, cutoffs: Sequence[datetime], most_days: int, settle_days: int, known_before: datetime
    ) -> "Watch":
        """Return a watch of whole days, at most ``most_days``, whose ends ``settle_days`` later are known."""
        last = add_days(known_before, -settle_days)
        days = [max(min(most_days, (last - cutoff) // DAY), 0) for cutoff in cutoffs]
        ends = [add_days(cutoff, length) for cutoff, length in zip(cutoffs, days, strict=True)]
        return cls(
            tuple(cutoffs), tuple(ends), tuple(min(add_days(end, settle_days), known_before) for end in ends)
        )


def read_endings(snapshot: Snapshot, watch: Watch, fee_days: int) -> pd.DataFrame:
    """Return what became of each subscriber of the snapshot's cutoffs while watched.

    Columns: as_of, customer_id, ended_on (days from the cutoff to the end, missing while it lasts),
    contacted_on (days to the first contact, holdouts and survey requests left out), dues and fees (count
    and money that fell due in the first ``fee_days``). Customers nothing is known of are absent. Sorted.
    """
    plans = open_watch(snapshot, watch, "subscriptions")
    endings = find_endings(plans, snapshot.settings.horizons.grace_days)
    contacts = _find_contacts(open_watch(snapshot, watch, "actions"))
    fees = _count_fees(plans, fee_days)
    everyone = stacked([part.select(*KEY) for part in (endings, contacts, fees)]).distinct()
    found = beside(beside(beside(everyone, endings), contacts), fees)
    frame: pd.DataFrame = read_frame(found.order_by(KEY)).to_pandas()
    return frame.assign(as_of=frame.as_of.dt.tz_localize(UTC))


def open_watch(snapshot: Snapshot, watch: Watch, name: str) -> Table:
    """Return the rows of a table as known when each watch was over, with ``as_of`` and its ``end``."""
    watches = snapshot.events.table_of(cutoff=watch.cutoffs, end=watch.ends, seen=watch.seen)
    known = take_snapshot(snapshot.events, sorted(set(watch.seen)), snapshot.settings).table(name)
    rows = watches.join(known, [watches.seen == known.as_of])
    return rows.mutate(as_of=rows.cutoff)


def find_endings(plans: Table, grace_days: int) -> Table:
    """Return as_of, customer_id and ended_on of who leaves within the watch: days >= 0 from the cutoff.

    An end recorded late may lie before the cutoff: the customer, taken for a subscriber then, has left on day
    0.
    """
    chained = _chain(plans)
    back = (chained.next_start <= chained.covered + grace_days) | (chained.next_start < 0)
    watched = days_between(chained.as_of, chained.end)
    ends = chained.filter(~back.fill_null(False) & (chained.covered < watched))
    return ends.group_by(KEY).agg(ended_on=rounded(later_of(ends.covered.min(), 0.0)))


def _find_contacts(actions: Table) -> Table:
    within = (actions.occurred_at >= actions.as_of) & (actions.occurred_at < actions.end)
    contacts = keep_contacts(actions.filter(within))
    return contacts.group_by(KEY).agg(
        contacted_on=rounded(days_between(contacts.as_of, contacts.occurred_at).min())
    )


def _count_fees(plans: Table, fee_days: int) -> Table:
    end = earlier_of(plans.end, shift_days(plans.as_of, fee_days))
    stop = earlier_of(end, plans.ended_at)
    due = later_of(count_dues(plans.occurred_at, stop) - count_dues(plans.occurred_at, plans.as_of), 0)
    dued = plans.mutate(due=due, fee=plans.monthly_fee * due)
    return dued.group_by(KEY).agg(dues=number(dued.due.sum()), fees=rounded(dued.fee.sum()))


def read_exposure(snapshot: Snapshot) -> tuple[float, float]:
    """Return how many subscribers have left before the snapshot's only ``as_of``, and the days they all ran.

    The log itself as one long watch, for a company too young to have a cutoff. Days of subscriptions that run
    side by side count for each.
    """
    chained = _chain(snapshot.subscriptions)
    back = chained.next_start <= chained.covered + snapshot.settings.horizons.grace_days
    sums = chained.agg(
        left=chained.count(where=~back.fill_null(False) & (chained.covered < 0)),
        days=(earlier_of(chained.stop, 0.0) - chained.start).sum(),
    )
    row = read_frame(sums.select(left=number(sums.left), days=rounded(sums.days))).to_pylist()[0]
    return float(row["left"] or 0.0), float(row["days"] or 0.0)


def _chain(plans: Table) -> Table:
    """Return start and stop in days from ``as_of``, how far the rows up to each reach, and the next start."""
    timed = plans.mutate(
        start=days_between(plans.as_of, plans.occurred_at),
        stop=first_present(days_between(plans.as_of, plans.ended_at), NEVER),
    )
    by, within = [timed.start, timed.stop], [timed[name] for name in KEY]
    return timed.mutate(
        covered=timed.stop.max().over(upto(by, within)),
        next_start=timed.start.min().over(following(by, within)),
    )
