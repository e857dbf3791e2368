"""Who buys in several channels, and what they spend afterwards: raw, and beside customers alike on record.

Good customers use more channels because they order more. So only customers of at least two orders are
compared, weighted to where both kinds overlap (Li, Morgan and Zaslavsky, 2018), and a regression on the same
facts takes off the rest: right where either the weights or the regression is.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from training.drivers.facts import Facts
from training.drivers.groups import LEAST
from training.drivers.kinds import tell
from training.drivers.ledger import Array, Codes, Rows
from training.drivers.past import describe_past, expand_past, standardise
from training.drivers.regression import Estimate, estimate_first
from training.drivers.robustness import find_robustness, partial_share

COUNTS = (2, 3, 4, 5, 6, 8, 11, 16, 25)
"""Where the groups of customers by number of orders begin."""
MOST_CHANNELS = 4
PENALTY = 10.0
RECORDED = {"orders": (0,), "recency": (1,), "age": (2,), "value": (3, 4, 5)}
"""Which columns of the past hold each recorded fact."""


@dataclass(frozen=True)
class Omnichannel:
    """The comparison at one past instant; money within the horizon after it.

    ``raw`` compares everyone, ``raw_repeat`` those of two orders or more, ``adjusted`` those alike;
    ``robustness`` is the share that a hidden taste would have to explain of both to erase the adjusted
    difference, ``robustness_of_interval`` to bring nought into its interval. ``yardstick`` are the same
    shares for each recorded fact: of buying in several channels, of spend.
    """

    day: float
    several: int
    single: int
    by_channels: tuple[tuple[int, int, float], ...]
    raw: Estimate | None
    raw_repeat: Estimate | None
    adjusted: Estimate | None
    robustness: float
    robustness_of_interval: float
    yardstick: dict[str, tuple[float, float]]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "several": self.several,
            "single": self.single,
            "by_channels": [
                {"channels": count, "customers": customers, "money": round(money, 6)}
                for count, customers, money in self.by_channels
            ],
            "raw": tell(self.raw),
            "raw_repeat": tell(self.raw_repeat),
            "adjusted": tell(self.adjusted),
            "robustness": round(self.robustness, 6),
            "robustness_of_interval": round(self.robustness_of_interval, 6),
            "yardstick": {
                name: {"channels": round(channels, 6), "spend": round(spend, 6)}
                for name, (channels, spend) in self.yardstick.items()
            },
        }


def find_omnichannel(facts: Facts) -> Omnichannel | None:
    """Return the comparison at the last instant whose window is over; None where orders name no channel."""
    orders = facts.orders[(facts.orders["at"] < facts.ripe_until) & facts.orders["channel"].notna()]
    if orders.empty:
        return None
    customers = orders.groupby("who")
    counts, channels = customers.size(), customers["channel"].nunique().to_numpy()
    who = counts.index.to_numpy()
    at = np.full(who.size, facts.ripe_until)
    spend, repeat, several = facts.spend_after(who, at), counts.to_numpy() >= 2, channels >= 2
    adjusted, values, yardstick = _adjust(facts, who[repeat], several[repeat], spend[repeat])
    return Omnichannel(
        facts.ripe_until,
        int(several.sum()),
        int((repeat & ~several).sum()),
        _tabulate(channels, spend),
        _compare(several, spend, who),
        _compare(several[repeat], spend[repeat], who[repeat]),
        adjusted,
        *values,
        yardstick,
    )


def _tabulate(channels: Codes, spend: Array) -> tuple[tuple[int, int, float], ...]:
    capped = np.minimum(channels, MOST_CHANNELS)
    return tuple(
        (int(count), int((capped == count).sum()), float(spend[capped == count].mean()))
        for count in np.unique(capped)
    )


def _enough(several: Rows) -> bool:
    return bool(min(several.sum(), (~several).sum()) >= LEAST)


def _compare(several: Rows, spend: Array, who: Codes) -> Estimate | None:
    if not _enough(several):
        return None
    everyone = np.ones(who.size)
    return estimate_first(np.column_stack([several, everyone]), spend, everyone, who)


def _adjust(
    facts: Facts, who: Codes, several: Rows, spend: Array
) -> tuple[Estimate | None, tuple[float, float], dict[str, tuple[float, float]]]:
    if not _enough(several):
        return None, (0.0, 0.0), {}
    at = np.full(who.size, facts.ripe_until)
    groups = _group_orders(facts, who, at)
    known = np.column_stack([expand_past(facts, who, at)[:, :-2], groups])
    weights = _overlap(known, several)
    columns = np.column_stack([several.astype(np.float64), np.ones(who.size), known])
    return (
        estimate_first(columns, spend, weights, who),
        find_robustness(columns, spend, weights),
        _measure_facts(facts, (who, at), several, spend, weights),
    )


def _group_orders(facts: Facts, who: Codes, at: Array) -> Array:
    """Return an indicator per group of customers by number of orders, the first left out."""
    group = np.digitize(facts.visits.count_before(who, at), COUNTS)
    present = np.unique(group)[1:]
    return np.equal(group[:, None], present).astype(np.float64)


def _overlap(known: Array, several: Rows) -> Array:
    """Return for each customer the probability of being of the other kind, (n,), of mean 1."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=PENALTY, max_iter=2000).fit(standardise(known), several)
    chance = model.predict_proba(standardise(known))[:, 1]
    weights = np.where(several, 1.0 - chance, chance)
    return np.asarray(weights / weights.mean())


def _measure_facts(
    facts: Facts, rows: tuple[Codes, Array], several: Rows, spend: Array, weights: Array
) -> dict[str, tuple[float, float]]:
    """Return how much of what is left each recorded fact explains: of several channels, and of spend."""
    past = standardise(describe_past(facts, *rows))
    one, used = np.ones((len(past), 1)), several.astype(np.float64)
    shares = {}
    for name, own in RECORDED.items():
        others = [place for places in RECORDED.values() for place in places if place not in own]
        whole, without = (np.hstack([one, past[:, sorted(places)]]) for places in ([*others, *own], others))
        shares[name] = (
            partial_share(whole, without, used, np.ones(len(past))),
            partial_share(np.column_stack([whole, used]), np.column_stack([without, used]), spend, weights),
        )
    return shares
