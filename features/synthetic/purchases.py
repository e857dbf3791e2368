"""The orders table of a simulated company: amounts, margins, channels, refunds."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contracts.randomness import generator
from features.synthetic.orders import Ordered
from features.synthetic.parameters import Channels, CompanyParameters
from features.synthetic.people import Floats, People, expit, logit


def order_table(people: People, ordered: Ordered, parameters: CompanyParameters, seed: int) -> pd.DataFrame:
    """Return orders and refunds with days in ``occurred_at``; a refund's ``refund_of`` names its order."""
    random = generator(seed, "purchases")
    orders = place_orders(people, ordered.customer, ordered.day, parameters, random)
    orders.insert(0, "order_id", [f"o{number:08d}" for number in range(1, len(orders) + 1)])
    orders["refund_of"] = None
    refunds = orders[ordered.refund].copy()
    refunds["occurred_at"] += random.uniform(4.0, 25.0, len(refunds))
    share = np.where(random.random(len(refunds)) < 0.7, 1.0, 0.5)
    refunds["amount"] = -np.maximum(np.round(refunds["amount"] * share, 2), 0.01)
    refunds["refund_of"] = refunds["order_id"]
    refunds["order_id"] = "r" + refunds["order_id"].str.slice(1)
    return pd.concat([orders, refunds[refunds["occurred_at"] < parameters.days]], ignore_index=True)


def place_orders(
    people: People,
    customer: NDArray[np.int64],
    day: Floats,
    parameters: CompanyParameters,
    random: np.random.Generator,
) -> pd.DataFrame:
    """Return one order per (customer, day): amount by the customer's spend rate, channel by habit."""
    n, spending = len(customer), parameters.spending
    names = np.array([name for name, _ in parameters.channels.mix], dtype=object)
    elsewhere = people.omnichannel[customer] & (random.random(n) < _spread(customer, parameters.channels))
    other = random.integers(0, len(names), n)
    margin = np.full(n, np.nan)
    if spending.margin is not None:
        margin = np.round(random.beta(20 * spending.margin, 20 * (1 - spending.margin), n), 3)
    amount = random.gamma(spending.p, 1.0, n) / people.spend_rate[customer]
    if spending.tail is not None:
        # Of mean 1, so that a heavy tail changes what single orders are worth and not all of them.
        amount = amount * (1 + random.pareto(spending.tail, n)) * (spending.tail - 1) / spending.tail
    return pd.DataFrame(
        {
            "customer_id": people.ids[customer],
            "occurred_at": day,
            "amount": np.maximum(np.round(amount, 2), 0.01),
            "currency": parameters.currency,
            "margin": margin,
            "channel": names[np.where(elsewhere, other, people.favourite[customer])],
        }
    )


def _spread(customer: NDArray[np.int64], channels: Channels) -> Floats:
    """Return the chance that each order leaves the favourite channel; a customer's orders come in time."""
    if channels.by_orders == 0:
        return np.full(len(customer), channels.spread)
    number = pd.Series(customer).groupby(customer).cumcount().to_numpy() + 1.0
    return expit(logit(np.full(len(customer), channels.spread)) + channels.by_orders * np.log(number))
