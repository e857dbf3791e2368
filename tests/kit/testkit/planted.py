"""Leaks planted on purpose: in tables, and in the events of a simulated shop."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from contracts.randomness import generator
from contracts.settings import Settings
from features.engine import Engine, Events
from features.synthetic import Company, CompanyParameters, simulate_company
from features.synthetic.parameters import Buying, Campaigns, Contract, Moments
from testkit.companies import naive
from training.dataset import TrainingSet, build_training_set
from training.leak_guard import find_proven_families, guard_events
from training.leaks import LeakReport

Floats = npt.NDArray[np.float64]
WINDOW = timedelta(days=90)
KEPT = ("customers", "orders", "tickets")


@cache
def find_quiet_shop(customers: int, seed: int) -> Company:
    """Return a shop of frequent buyers with a help desk that is rarely asked; few leave in 90 days.

    Of its tables it has kept customers, orders and tickets.
    """
    company = simulate_company(
        CompanyParameters(
            customers=customers,
            days=400,
            buying=Buying(r=4.0, alpha=12.0, a=0.2, b=10.0),
            moments=Moments(ticket_rate=0.004, ticket_if_late=0.01),
            contract=Contract(share=0.0),
            campaigns=Campaigns(count=0),
        ),
        seed,
    )
    return replace(company, tables={name: company.tables[name] for name in KEPT})


def add_late_tickets(company: Company, delayed: bool) -> dict[str, pd.DataFrame]:
    """Return the tables with a ticket for each lost customer, written 90 days after the last order.

    It is dated the day after that order; ``delayed`` also says when it was written, else nothing does.
    """
    orders = company.tables["orders"]
    last = orders[orders["amount"] > 0].groupby("customer_id")["occurred_at"].max()
    lost = last[last < company.parameters.ends_at - WINDOW]
    late = pd.DataFrame(
        {
            "ticket_id": [f"late-{place}" for place in range(len(lost))],
            "customer_id": lost.index,
            "occurred_at": (lost + timedelta(days=1)).to_numpy(),
            "priority": "normal",
            "reason": "account",
            "channel": "phone",
        }
    )
    late["occurred_at"] = late["occurred_at"].astype(orders["occurred_at"].dtype)
    late["recorded_at"] = late["occurred_at"] + (WINDOW if delayed else timedelta())
    tickets = company.tables["tickets"]
    honest = tickets.assign(recorded_at=tickets["occurred_at"])
    return {**company.tables, "tickets": pd.concat([honest, late], ignore_index=True)}


def open_events(tables: dict[str, pd.DataFrame], loaded_at: datetime, backfilled: bool = True) -> Events:
    """Return the tables as one load at ``loaded_at`` left them: back-filled, or with real times."""
    load = pd.Timestamp(loaded_at).tz_localize(None)
    frames = {
        name: naive(table).assign(backfilled=backfilled, loaded_at=load)
        for name, table in tables.items()
        if len(table)
    }
    return Engine(threads=1).open_frames(frames)


def judge_events(
    events: Events, as_of: datetime, allowed: tuple[str, ...] = ()
) -> tuple[TrainingSet, LeakReport]:
    """Return the training set of a run at ``as_of``, and what the leak guard says of it."""
    found = build_training_set(events, Settings(), as_of)
    assert found.past is not None
    in_play = (found.past.index["segment"] != "lapsed").to_numpy()
    proven = find_proven_families(events, as_of)
    return found, guard_events(found.past, found.labels["churned"].to_numpy(), in_play, proven, allowed)


def add_survey(columns: pd.DataFrame, churned: Floats, seed: int) -> pd.DataFrame:
    """Return the columns with the answers of a survey sent to four in ten of those who had left."""
    draw = generator(seed, "survey")
    asked = (churned > 0) & (draw.random(len(churned)) < 0.4)
    return columns.assign(farewell_score=np.where(asked, draw.integers(0, 11, len(churned)), np.nan))


def add_late_count(columns: pd.DataFrame, churned: Floats, seed: int) -> pd.DataFrame:
    """Return the columns with requests to close counted today: seven in ten wrote one while leaving."""
    late = (churned > 0) & (generator(seed, "late count").random(len(churned)) < 0.7)
    return columns.assign(closing_tickets=late.astype(float))


def add_disguise(columns: pd.DataFrame, churned: Floats, seed: int) -> pd.DataFrame:
    """Return the columns with the label under another name: an account type, two in a hundred mistyped."""
    wrong = generator(seed, "disguise").random(len(churned)) < 0.02
    return columns.assign(account_type=pd.Series(np.where((churned > 0) ^ wrong, "B", "A"), dtype=object))
