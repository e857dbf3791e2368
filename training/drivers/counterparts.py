"""Which moment is compared with which better or plainer outcome: the table in ``counterparts.toml``."""

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

STAR = "*"
HOURS_PER_DAY = 24.0

Anchor = Literal["order", "touchpoint", "ticket"]


@dataclass(frozen=True)
class Pair:
    """A moment, its counterpart and what both are lined up at; ``settled_days`` is 0 unless that is an order.

    ``feels`` is ``pain`` or ``pleasure``: what the moment is meant as.
    """

    moment: str
    counterpart: str
    anchor: Anchor
    settled_days: float = 0.0
    feels: str = "pain"

    def bind(self, touchpoint: str) -> "Pair | None":
        """Return the pair that the moment ``touchpoint`` makes under this rule, None where it is none.

        Examples:
            >>> Pair("*.long", "*.short", "touchpoint").bind("queue.long").counterpart
            'queue.short'
            >>> Pair("*.long", "*.short", "touchpoint").bind("queue.short") is None
            True
        """
        if STAR not in self.moment:
            return self if self.moment == touchpoint else None
        head, tail = self.moment.split(STAR)
        fits = touchpoint.startswith(head) and touchpoint.endswith(tail)
        if not fits or len(touchpoint) <= len(head) + len(tail):
            return None
        same = touchpoint[len(head) : len(touchpoint) - len(tail)]
        other = self.counterpart.replace(STAR, same)
        return Pair(touchpoint, other, self.anchor, self.settled_days, self.feels)


@dataclass(frozen=True)
class Counterparts:
    """All rules, the most particular first, and the pair of tickets with the bound between them in days."""

    pairs: tuple[Pair, ...]
    tickets: Pair
    slow_days: float

    def choose(self, touchpoints: Collection[str]) -> tuple[Pair, ...]:
        """Return the pairs of which both sides occur among ``touchpoints``, each moment once, by name."""
        found: dict[str, Pair] = {}
        for rule in self.pairs:
            for touchpoint in touchpoints:
                pair = rule.bind(touchpoint)
                if pair is not None and pair.counterpart in touchpoints:
                    found.setdefault(pair.moment, pair)
        return tuple(found[name] for name in sorted(found))


@cache
def load_counterparts() -> Counterparts:
    """Return the table of the package.

    Examples:
        >>> [each.moment for each in load_counterparts().choose({"queue.long", "queue.short", "app.open"})]
        ['queue.long']
    """
    text = files("training.drivers").joinpath("counterparts.toml").read_text(encoding="utf-8")
    values: dict[str, Any] = tomllib.loads(text)
    tickets = values["tickets"]
    return Counterparts(
        tuple(Pair(**each) for each in values["pairs"]),
        Pair(tickets["moment"], tickets["counterpart"], "ticket"),
        tickets["slow_hours"] / HOURS_PER_DAY,
    )
