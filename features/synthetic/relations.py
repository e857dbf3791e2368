"""Subscriptions and campaign contacts of a simulated company."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contracts.periods import DAYS_PER_MONTH
from contracts.randomness import generator
from features.synthetic.parameters import CompanyParameters
from features.synthetic.people import Floats, People
from features.synthetic.purchases import place_orders

OUTCOMES = ("reached", "no_answer", "not_interested")
ANSWER_DAYS = 45.0


def subscription_table(people: People, parameters: CompanyParameters, seed: int) -> pd.DataFrame:
    """Return subscriptions with days in the instants; a good mood level lowers the hazard of an end."""
    random = generator(seed, "subscriptions")
    contract = parameters.contract
    who = np.flatnonzero(people.orders_ever & (random.random(len(people)) < contract.share))
    begins = people.first_order[who] + random.exponential(60.0, who.size)
    hazard = contract.hazard * np.exp(-parameters.mood.dropout * people.base_mood[who]) / DAYS_PER_MONTH
    ends = begins + random.exponential(1.0, who.size) / np.maximum(hazard, 1e-9)
    plan = random.integers(0, len(contract.plans), who.size)
    table = pd.DataFrame(
        {
            "customer_id": people.ids[who],
            "occurred_at": begins,
            "ended_at": np.where(ends < parameters.days, ends, np.nan),
            "plan": np.array([name for name, _ in contract.plans], dtype=object)[plan],
            "monthly_fee": np.array([fee for _, fee in contract.plans])[plan],
            "currency": parameters.currency,
        }
    )
    table = table[table["occurred_at"] < parameters.days].reset_index(drop=True)
    table.insert(0, "subscription_id", [f"s{number:06d}" for number in range(1, len(table) + 1)])
    return table


def action_table(people: People, parameters: CompanyParameters, seed: int) -> pd.DataFrame:
    """Return the contacts of all campaigns with days in ``occurred_at``; the arm is drawn by lot."""
    random = generator(seed, "actions")
    campaigns, tables = parameters.campaigns, []
    for number in range(1, campaigns.count + 1):
        day = parameters.days * (number + 1) / (campaigns.count + 2)
        known = (people.first_order < day) & people.orders_ever
        who = np.flatnonzero(known & (random.random(len(people)) < campaigns.reach))
        treated = random.random(who.size) >= campaigns.holdout
        outcome = np.array(OUTCOMES, dtype=object)[random.integers(0, len(OUTCOMES), who.size)]
        tables.append(
            pd.DataFrame(
                {
                    "who": who,
                    "occurred_at": day + random.uniform(0.0, 5.0, who.size),
                    "campaign_id": f"campaign-{number}",
                    "kind": ("call", "mail", "offer")[number % 3],
                    "arm": np.where(treated, "treated", "holdout"),
                    "cost": np.where(treated, campaigns.cost, 0.0),
                    "outcome": np.where(treated, outcome, np.array(None, dtype=object)),
                }
            )
        )
    if not tables:
        return pd.DataFrame({"action_id": [], "who": np.zeros(0, dtype=np.int64)})
    table = pd.concat(tables, ignore_index=True)
    table = table[table["occurred_at"] < parameters.days].reset_index(drop=True)
    table.insert(0, "action_id", [f"a{number:06d}" for number in range(1, len(table) + 1)])
    return table


def answering_orders(
    people: People, actions: pd.DataFrame, parameters: CompanyParameters, seed: int
) -> pd.DataFrame:
    """Return the extra orders that treated contacts bring: the true effect of the campaigns."""
    random = generator(seed, "answering orders")
    chance = random.random(len(actions))
    treated: NDArray[np.bool_] = np.zeros(len(actions), dtype=bool)
    day: Floats = np.zeros(len(actions))
    if len(actions):
        treated = (actions["arm"] == "treated").to_numpy() & (chance < parameters.campaigns.effect)
        day = actions["occurred_at"].to_numpy() + random.uniform(0.5, ANSWER_DAYS, len(actions))
    taken = treated & (day < parameters.days)
    who = actions["who"].to_numpy(dtype=np.int64)[taken]
    orders = place_orders(people, who, day[taken], parameters, random)
    orders.insert(0, "order_id", [f"x{number:06d}" for number in range(1, len(orders) + 1)])
    return orders.assign(refund_of=None)
