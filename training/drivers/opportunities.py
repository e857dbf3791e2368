"""The occasions on which a moment could have happened: who met it, and who met its counterpart."""

from dataclasses import dataclass, replace

from training.drivers.counterparts import Pair, load_counterparts
from training.drivers.facts import Facts
from training.drivers.ledger import Array, Codes, Ledger, Rows


@dataclass(frozen=True, eq=False)
class Opportunities:
    """One entry per occasion: who, ``at`` (what both arms are lined up at), ``start`` of spend, ``met``.

    ``events`` counts all moments on record, also those that no occasion could be found for.
    """

    pair: Pair
    who: Codes
    at: Array
    start: Array
    met: Rows
    events: int

    def __len__(self) -> int:
        return len(self.who)

    def rows(self, chosen: Rows) -> "Opportunities":
        """Return the chosen occasions."""
        return replace(
            self, who=self.who[chosen], at=self.at[chosen], start=self.start[chosen], met=self.met[chosen]
        )

    def earlier(self, days: float) -> "Opportunities":
        """Return the same occasions with a false moment ``days`` before what they are lined up at."""
        return replace(self, at=self.at - days, start=self.at - days)


def find_opportunities(facts: Facts) -> tuple[Opportunities, ...]:
    """Return the occasions of every pair of which both sides are on record."""
    names = sorted(set(facts.touches["touchpoint"].dropna()))
    found = [
        _follow_orders(facts, pair) if pair.anchor == "order" else _take_touches(facts, pair)
        for pair in load_counterparts().choose(names)
    ]
    return (*found, *([_take_tickets(facts)] if len(facts.tickets) else []))


def _take_touches(facts: Facts, pair: Pair) -> Opportunities:
    touches = facts.touches[facts.touches["touchpoint"].isin([pair.moment, pair.counterpart])]
    met = (touches["touchpoint"] == pair.moment).to_numpy()
    who, at = touches["who"].to_numpy(), touches["at"].to_numpy()
    return Opportunities(pair, who, at, at, met, int(met.sum()))


def _take_tickets(facts: Facts) -> Opportunities:
    """Return tickets old enough for a slow answer to be known as one."""
    counterparts = load_counterparts()
    known = facts.tickets["at"] + counterparts.slow_days <= facts.as_of
    tickets = facts.tickets[known]
    slow = ~(tickets["response_days"].to_numpy() <= counterparts.slow_days)
    who, at = tickets["who"].to_numpy(), tickets["at"].to_numpy()
    return Opportunities(counterparts.tickets, who, at, at, slow, int(slow.sum()))


def _follow_orders(facts: Facts, pair: Pair) -> Opportunities:
    """Return orders that stand alone for ``settled_days`` on both sides, with the one outcome after each.

    Nobody is asked whether the parcel had arrived: late or not, both arms are seen from the same age of the
    order on, and both have bought nothing since. Otherwise who orders again soon would be missing among the
    late ones, whose parcel comes after that order.
    """
    days, orders = pair.settled_days, facts.visits
    who, at = orders.customer, orders.at
    alone = (orders.count(who, at - days, at + days) == 1) & (at + days <= facts.as_of)
    who, at = who[alone], at[alone]
    moments, others = (
        _list_times(facts, name).count(who, at, at + days) for name in (pair.moment, pair.counterpart)
    )
    clear = (moments > 0) ^ (others > 0)
    events = int((facts.touches["touchpoint"] == pair.moment).sum())
    return Opportunities(pair, who[clear], at[clear], at[clear] + days, moments[clear] > 0, events)


def _list_times(facts: Facts, touchpoint: str) -> Ledger:
    rows = facts.touches[facts.touches["touchpoint"] == touchpoint]
    return Ledger(rows["who"].to_numpy(), rows["at"].to_numpy())
