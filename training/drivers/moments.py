"""Moments of truth: what came after a moment, against who had the same opportunity and met its counterpart.

An event study on matched occasions. Each moment is matched with counterparts of the same calendar month and
standing (first order or not) that are nearest in what was on record before; then one weighted regression of
spend on the moment and those facts takes off what matching left. Errors are summed by customer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from contracts.randomness import generator
from training.drivers.facts import Facts
from training.drivers.groups import LEAST
from training.drivers.kinds import tell
from training.drivers.ledger import Array, Codes
from training.drivers.matching import match
from training.drivers.opportunities import Opportunities, find_opportunities
from training.drivers.past import describe_past, standardise
from training.drivers.regression import Estimate, correct, estimate_first

STEP_DAYS = 30.0
STEPS_BEFORE = 6
LEVEL = 0.05
FIRST = -1
"""The column of the past that says whether nothing had been paid before."""


@dataclass(frozen=True)
class Step:
    """Spend of ``STEP_DAYS`` from ``day`` on, of moments less counterparts, per occasion."""

    day: float
    difference: Estimate


@dataclass(frozen=True)
class Study:
    """One comparison: ``events`` on record, ``studied`` of them with a match, ``compared`` counterparts.

    ``effect`` is money per event within the horizon, None where there are too few; ``usual`` what matched
    counterparts spent. ``p`` is its two-sided p-value, ``p_holm`` that after Holm's correction over all
    moments of its run.
    """

    moment: str
    counterpart: str
    feels: str
    events: int
    studied: int
    compared: int
    customers: int
    effect: Estimate | None = None
    leaving: Estimate | None = None
    usual: float = 0.0
    imbalance: float = math.nan
    steps: tuple[Step, ...] = ()
    p_holm: float = 1.0

    @property
    def p(self) -> float:
        """Two-sided p-value of no effect, 1 where there is no figure."""
        return 1.0 if self.effect is None else self.effect.p

    @property
    def total(self) -> Estimate | None:
        """The money of all studied events together."""
        return None if self.effect is None else self.effect.times(self.studied)

    @property
    def found(self) -> bool:
        """Whether there is an effect after Holm's correction at 5 %."""
        return self.p_holm < LEVEL

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "moment": self.moment,
            "counterpart": self.counterpart,
            "feels": self.feels,
            "events": self.events,
            "studied": self.studied,
            "compared": self.compared,
            "customers": self.customers,
            "usual_money": round(self.usual, 6),
            "money": tell(self.effect),
            "money_in_all": tell(self.total),
            "leaving": tell(self.leaving),
            "p_holm": round(self.p_holm, 6) if self.effect is not None else None,
            "found": self.found,
            "imbalance": None if math.isnan(self.imbalance) else round(self.imbalance, 6),
            "steps": [{"day": each.day, **each.difference.to_dict()} for each in self.steps],
        }


@dataclass(frozen=True)
class Moments:
    """Every moment with a counterpart, by money in all, the largest first; and the same run on false moments.

    ``placebo`` has the false moments in the same order: as many days before as the horizon is long, when
    nothing had happened yet.
    """

    studies: tuple[Study, ...]
    placebo: tuple[Study, ...]

    @property
    def placebo_found(self) -> tuple[str, ...]:
        """False moments for which an effect was found: their comparison is not to be trusted."""
        return tuple(each.moment for each in self.placebo if each.found)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "moments": [each.to_dict() for each in self.studies],
            "placebo": [each.to_dict() for each in self.placebo],
            "placebo_found": list(self.placebo_found),
        }


def find_moments(facts: Facts) -> Moments:
    """Return the study of every pair on record, and its placebo run."""
    occasions = find_opportunities(facts)
    studies = correct_studies([study(facts, each) for each in occasions])
    placebo = correct_studies(
        [study(facts, each.earlier(facts.horizon_days), placebo=True) for each in occasions]
    )
    ranked = sorted(range(len(studies)), key=lambda place: (-_weight(studies[place]), studies[place].moment))
    return Moments(tuple(studies[place] for place in ranked), tuple(placebo[place] for place in ranked))


def _weight(study: Study) -> float:
    return -1.0 if study.total is None else abs(study.total.value)


def correct_studies(studies: Sequence[Study]) -> list[Study]:
    """Return the studies with p-values after Holm (1979), those without a figure left out of the count.

    Examples:
        >>> ten = [Study("a", "b", "pain", 0, 0, 0, 0, Estimate(z, 1.0)) for z in (3.0, 2.0)]
        >>> [round(each.p_holm, 4) for each in correct_studies(ten)]
        [0.0054, 0.0455]
    """
    ps = correct([each.effect.p for each in studies if each.effect is not None])
    corrected = iter(ps)
    return [each if each.effect is None else replace(each, p_holm=next(corrected)) for each in studies]


def study(facts: Facts, occasions: Opportunities, *, placebo: bool = False) -> Study:
    """Return what came after the moment, where enough occasions have a ripe window and a match.

    With ``placebo`` the occasions are those of false moments: who had paid nothing by then was not at risk.
    """
    ripe = _draw_one_a_month(facts, occasions.rows(facts.is_ripe(occasions.start)))
    if min(int(ripe.met.sum()), int((~ripe.met).sum())) < LEAST:
        return _tell(occasions, ripe)
    past = describe_past(facts, ripe.who, ripe.at)
    if placebo:
        at_risk = past[:, FIRST] == 0
        ripe, past = ripe.rows(at_risk), past[at_risk]
    matches = match(past, _stratify(facts, ripe, past), ripe.who, ripe.met)
    used = matches.used
    kept, weights, past = ripe.rows(used), matches.weights[used], past[used]
    found = _tell(occasions, kept)
    if min(found.studied, found.compared, found.customers) < LEAST:
        return found
    return _estimate(facts, kept, weights, past, replace(found, imbalance=matches.imbalance))


def _draw_one_a_month(facts: Facts, occasions: Opportunities) -> Opportunities:
    """Return one occasion per customer and calendar month, drawn by lot whatever came of it.

    Otherwise who orders often would meet many moments, and none of their own orders could stand beside them:
    the moments would be those of better customers than their counterparts.
    """
    lot = generator(0, "drivers", "one a month", occasions.pair.moment).random(len(occasions))
    order = np.lexsort((lot, facts.month(occasions.at), occasions.who))
    who, month = occasions.who[order], facts.month(occasions.at)[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(who) != 0) | (np.diff(month) != 0)
    return occasions.rows(np.isin(np.arange(len(order)), order[first]))


def _tell(occasions: Opportunities, kept: Opportunities) -> Study:
    pair, met = occasions.pair, kept.met
    customers = int(np.unique(kept.who[met]).size)
    studied, compared = int(met.sum()), int((~met).sum())
    return Study(pair.moment, pair.counterpart, pair.feels, occasions.events, studied, compared, customers)


def _stratify(facts: Facts, occasions: Opportunities, past: Array) -> Codes:
    return np.asarray(facts.month(occasions.at) * 2 + past[:, FIRST].astype(np.int64))


def _estimate(facts: Facts, kept: Opportunities, weights: Array, past: Array, found: Study) -> Study:
    columns = np.column_stack([kept.met, np.ones(len(kept)), _bend(past)])

    def differ(outcome: Array, design: Array) -> Estimate:
        return estimate_first(design, outcome, weights, kept.who)

    days = [-STEP_DAYS * step for step in range(STEPS_BEFORE, 0, -1)]
    later = np.arange(0.0, facts.horizon_days - STEP_DAYS + 1e-9, STEP_DAYS).tolist()
    # The payment of the instant itself is in neither the window before it nor the one after.
    before = [Step(day, differ(_spend_before(facts, kept, day), columns[:, :2])) for day in days]
    after = [
        Step(day, differ(facts.spend_after(kept.who, kept.start + day, STEP_DAYS), columns[:, :2]))
        for day in later
    ]
    spend = facts.spend_after(kept.who, kept.start)
    return replace(
        found,
        effect=differ(spend, columns),
        usual=float(np.average(spend[~kept.met], weights=weights[~kept.met])),
        leaving=differ(facts.left_after(kept.who, kept.start), columns),
        steps=(*before, *after),
    )


def _spend_before(facts: Facts, kept: Opportunities, day: float) -> Array:
    total = facts.payments.total_before
    until = np.minimum(kept.at + day + STEP_DAYS, kept.at)
    return total("net", kept.who, until) - total("net", kept.who, kept.at + day)


def _bend(past: Array) -> Array:
    """Return the past for the regression after matching: standardised, with squares and as plain numbers."""
    own = standardise(past)
    return np.column_stack([own, standardise(own[:, :FIRST] ** 2), standardise(np.expm1(past[:, :FIRST]))])
