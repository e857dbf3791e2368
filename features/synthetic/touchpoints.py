"""Interactions and tickets of a simulated company: what happened around its orders, and between them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contracts.periods import DAYS_PER_WEEK
from contracts.randomness import generator
from features.synthetic.orders import COUNTERPART, MOMENT, Ordered
from features.synthetic.parameters import CompanyParameters
from features.synthetic.people import Floats, People

HOURS = 1 / 24.0
VISITS = {
    "web": ("website.visit", "website"),
    "app": ("app.open", "app"),
    "store": ("store.visit", "store"),
    "phone": ("phone.call", "phone"),
}


@dataclass(frozen=True)
class Kind:
    """One kind of touchpoint: its name, channel, owner and stage."""

    touchpoint: str
    channel: str
    owner: str
    stage: str


ON_TIME = Kind("delivery.on_time", "courier", "partner", "buy")
LATE = Kind("delivery.late", "courier", "partner", "problem")
HELP = Kind("staff.help", "store", "brand", "use")
FAILED = Kind("payment.failed", "web", "partner", "problem")
MENTION = Kind("social.mention", "social", "social", "use")
REFERRAL = Kind("referral.sent", "mail", "customer", "use")


def interaction_table(
    people: People, ordered: Ordered, parameters: CompanyParameters, seed: int
) -> pd.DataFrame:
    """Return interactions with days in ``occurred_at``: visits, deliveries, payments, help, mentions."""
    random = generator(seed, "interactions")
    n = len(ordered)
    rare = random.random((3, n))
    fed_up = 0.02 + 0.04 * (ordered.mood < -1)
    parts = [
        _visits_of_orders(ordered, parameters, random),
        _visits_between(people, ordered, parameters, random),
        _rows(ordered, ~ordered.late, ON_TIME, random.uniform(1.0, 4.0, n)),
        _rows(ordered, ordered.late, LATE, random.uniform(6.0, 14.0, n)),
        _rows(ordered, ordered.kindness, HELP, random.uniform(0.0, 3.0, n)),
        _rows(ordered, rare[0] < 0.02, FAILED, np.full(n, 0.01)),
        _rows(ordered, rare[1] < fed_up, MENTION, random.uniform(1.0, 20.0, n)),
        _rows(ordered, rare[2] < 0.02, REFERRAL, random.uniform(1.0, 20.0, n)),
        *_planted_rows(ordered, parameters, seed),
    ]
    table = pd.concat(parts, ignore_index=True)
    table = table[table["occurred_at"] < parameters.days]
    table = table.sort_values(["occurred_at", "who", "touchpoint"], kind="stable", ignore_index=True)
    table.insert(0, "customer_id", people.ids[table.pop("who")])
    table.insert(0, "interaction_id", [f"i{number:08d}" for number in range(1, len(table) + 1)])
    return table


def _planted_rows(ordered: Ordered, parameters: CompanyParameters, seed: int) -> Iterator[pd.DataFrame]:
    """Yield the rows of planted moments and of their counterparts, both within an hour of the order."""
    random = generator(seed, "planted touchpoints")
    for column, each in enumerate(parameters.moments.planted):
        after = random.uniform(0.0, HOURS, len(ordered))
        for outcome, name in ((MOMENT, each.moment), (COUNTERPART, each.counterpart)):
            kind = Kind(name, "store", "brand", "buy")
            yield _rows(ordered, ordered.planted[:, column] == outcome, kind, after)


def _rows(ordered: Ordered, mask: NDArray[np.bool_], kind: Kind, after: Floats) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "who": ordered.customer[mask],
            "occurred_at": (ordered.day + after)[mask],
            "touchpoint": kind.touchpoint,
            "channel": kind.channel,
            "owner": kind.owner,
            "stage": kind.stage,
            "duration_s": np.nan,
        }
    )


def _visits_of_orders(
    ordered: Ordered, parameters: CompanyParameters, random: np.random.Generator
) -> pd.DataFrame:
    counts = random.poisson(parameters.moments.visits_per_order, len(ordered))
    who = np.repeat(ordered.customer, counts)
    day = np.repeat(ordered.day, counts) - random.exponential(3.0, who.size)
    return _visits(who, day, parameters, random)


def _visits_between(
    people: People, ordered: Ordered, parameters: CompanyParameters, random: np.random.Generator
) -> pd.DataFrame:
    until = np.minimum(ordered.alive_until, parameters.days)
    span = np.where(people.orders_ever, np.maximum(until - people.first_order, 0.0), 0.0)
    expected = parameters.moments.visits_per_order * people.rate / DAYS_PER_WEEK * span
    who = np.repeat(np.arange(len(people)), random.poisson(0.5 * expected))
    return _visits(who, people.first_order[who] + random.random(who.size) * span[who], parameters, random)


def _visits(
    who: NDArray[np.int64], day: Floats, parameters: CompanyParameters, random: np.random.Generator
) -> pd.DataFrame:
    shares = [share for _, share in parameters.channels.mix]
    kinds = [VISITS.get(name, (f"{name}.visit", name)) for name, _ in parameters.channels.mix]
    pick = random.choice(len(kinds), who.size, p=shares)
    stages = np.array(["discover", "compare", "buy"], dtype=object)
    return pd.DataFrame(
        {
            "who": who,
            "occurred_at": np.maximum(day, 0.0),
            "touchpoint": np.array([touchpoint for touchpoint, _ in kinds], dtype=object)[pick],
            "channel": np.array([channel for _, channel in kinds], dtype=object)[pick],
            "owner": "brand",
            "stage": stages[random.choice(3, who.size, p=[0.5, 0.3, 0.2])],
            "duration_s": np.round(random.gamma(1.5, 120.0, who.size), 1),
        }
    )


def ticket_table(people: People, ordered: Ordered, parameters: CompanyParameters, seed: int) -> pd.DataFrame:
    """Return tickets with days in the instants; a state still to come at the end is missing."""
    random = generator(seed, "tickets")
    at = np.flatnonzero(ordered.ticket)
    late, slow, n = ordered.late[at], ordered.slow[at], at.size
    opened = ordered.day[at] + np.where(late, random.uniform(6.0, 15.0, n), random.uniform(0.5, 12.0, n))
    response = opened + HOURS * np.where(slow, 48 + random.gamma(2.0, 24.0, n), random.gamma(2.0, 4.0, n))
    solved = response + random.gamma(1.5, np.where(slow, 4.0, 1.0))
    solved = np.where(random.random(n) < 0.08 + 0.1 * slow, np.nan, solved)
    reasons = np.array(["product", "billing", "returns", "account"], dtype=object)[random.integers(0, 4, n)]
    table = pd.DataFrame(
        {
            "customer_id": people.ids[ordered.customer[at]],
            "occurred_at": opened,
            "priority": np.array(["low", "normal", "high"], dtype=object)[
                random.choice(3, n, p=[0.3, 0.5, 0.2])
            ],
            "reason": np.where(late, "delivery", reasons),
            "channel": np.array(["phone", "mail", "chat"], dtype=object)[random.integers(0, 3, n)],
            "first_response_at": np.where(response < parameters.days, response, np.nan),
            "resolved_at": np.where(solved < parameters.days, solved, np.nan),
            "reopened_count": random.poisson(0.08 + 0.5 * slow),
        }
    )
    table = table[table["occurred_at"] < parameters.days].sort_values("occurred_at", kind="stable")
    table = table.reset_index(drop=True)
    table.insert(0, "ticket_id", [f"t{number:07d}" for number in range(1, len(table) + 1)])
    return table
