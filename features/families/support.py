"""Tickets: how many, how slow, how often reopened, and what is still open.

A ticket is open until its ``resolved_at`` has passed; slow when its first answer took longer than 48 hours,
or is owed for longer than that; unresolved when it has been open for more than 7 days. Where a help desk
never records one of the two instants, the columns that need it are absent: every ticket would look open for
ever.
"""

from contracts.feature_frame import Feature
from features.engine import (
    KEY,
    Table,
    days_between,
    first_present,
    number,
    read_frame,
    rounded,
    share,
    shift_days,
    when,
)
from features.families.family import Family
from features.snapshot import Snapshot

WINDOWS = (30, 90, 365)
SLOW_DAYS = 2
UNRESOLVED_DAYS = 7
HOURS_PER_DAY = 24
NEVER = "never: 0 without tickets"
NO_TICKET = "no ticket on record"

COUNTS = (
    Feature("support.tickets", "tickets", NEVER),
    *(Feature(f"support.tickets_{days}d", "tickets", NEVER, actionable=True) for days in WINDOWS),
    Feature("support.reasons_365d", "reasons", NEVER),
    Feature("support.days_since_last_ticket", "days", NO_TICKET),
)
RESOLVED = (
    Feature("support.open_tickets", "tickets", NEVER, actionable=True),
    Feature("support.unresolved_tickets", "tickets", NEVER, actionable=True),
    Feature("support.open_longest_days", "days", "no open ticket", actionable=True),
    Feature("support.mean_resolution_days", "days", "no solved ticket"),
    Feature("support.last_resolution_days", "days", "no solved ticket"),
)
ANSWERED = (
    Feature("support.slow_tickets_365d", "tickets", NEVER, actionable=True),
    Feature("support.mean_response_hours", "hours", "no answered ticket", actionable=True),
)
REOPENED = (Feature("support.reopened_365d", "times", "not recorded for these tickets", actionable=True),)


def list_features(snapshot: Snapshot) -> tuple[Feature, ...]:
    """Return the counts, then the columns whose instants or numbers the help desk records at all."""
    tickets = snapshot.tickets
    known = read_frame(
        tickets.agg(
            rows=tickets.count(),
            resolved=tickets.resolved_at.count(),
            answered=tickets.first_response_at.count(),
            reopened=tickets.reopened_count.count(),
        )
    ).to_pylist()[0]
    parts = {"rows": COUNTS, "resolved": RESOLVED, "answered": ANSWERED, "reopened": REOPENED}
    return tuple(feature for part, features in parts.items() if known[part] for feature in features)


def build(snapshot: Snapshot) -> Table:
    """Return all the family's columns, one row per customer with a ticket."""
    tickets = snapshot.tickets
    tickets = tickets.mutate(
        age=days_between(tickets.occurred_at, tickets.as_of),
        waited=days_between(tickets.occurred_at, first_present(tickets.first_response_at, tickets.as_of)),
        response=days_between(tickets.occurred_at, tickets.first_response_at),
        resolution=days_between(tickets.occurred_at, tickets.resolved_at),
    )
    recent = {days: tickets.occurred_at >= shift_days(tickets.as_of, -days) for days in WINDOWS}
    in_year = recent[WINDOWS[-1]]
    is_open = tickets.resolved_at.isnull()
    last_solved = [tickets.resolved_at, tickets.source, tickets.row_key]
    sums = tickets.group_by(KEY).agg(
        **{f"tickets_{days}d": tickets.count(where=inside) for days, inside in recent.items()},
        tickets=tickets.count(),
        reasons_365d=tickets.reason.nunique(where=in_year),
        days_since_last_ticket=tickets.age.min(),
        open_tickets=tickets.count(where=is_open),
        unresolved_tickets=tickets.count(where=is_open & (tickets.age > UNRESOLVED_DAYS)),
        open_longest_days=tickets.age.max(where=is_open),
        solved=tickets.resolution.count(),
        resolution=tickets.resolution.sum(),
        last_resolution_days=tickets.resolution.last(
            where=tickets.resolution.notnull(), order_by=last_solved
        ),
        slow_tickets_365d=tickets.count(where=in_year & (tickets.waited > SLOW_DAYS)),
        answered=tickets.response.count(),
        response=tickets.response.sum(),
        reopened=tickets.reopened_count.sum(where=in_year),
    )
    inner = (*KEY, "solved", "resolution", "answered", "response", "reopened")
    return sums.select(
        *KEY,
        **{name: rounded(number(sums[name])) for name in sums.columns if name not in inner},
        reopened_365d=rounded(when(sums.tickets_365d > 0, sums.reopened, 0)),
        mean_resolution_days=rounded(share(sums.resolution, sums.solved)),
        mean_response_hours=rounded(share(sums.response * HOURS_PER_DAY, sums.answered)),
    )


FAMILY = Family(
    "support",
    ("tickets",),
    list_features,
    build,
    frozenset(
        {
            "tickets",
            *(f"tickets_{days}d" for days in WINDOWS),
            "reasons_365d",
            "open_tickets",
            "unresolved_tickets",
            "slow_tickets_365d",
            "reopened_365d",
        }
    ),
)
