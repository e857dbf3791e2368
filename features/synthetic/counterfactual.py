"""What a moment truly costs: customers who met it, played on twice, with the mood it left and without.

Both lives draw the same chances. What the moment brought along (a late order's tickets and refunds) is taken
back with it, so that the difference is the whole effect, mediated parts included. Spend of a life is the
number of orders in the window times the customer's own mean order value, less the expected refund of each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.randomness import generator
from features.synthetic.orders import (
    MOMENT,
    NO_OCCASION,
    Clockwork,
    Ordered,
    draw_moments,
    draw_orders,
    draw_planted,
    next_mood,
    weigh_planted,
)
from features.synthetic.parameters import CompanyParameters
from features.synthetic.people import Floats, draw_people

REFUNDED_SHARE = 0.7 + 0.3 * 0.5
MOST_MONTHS = 100_000
LATE, SLOW = "late", "slow"
TICKET_DAYS = {False: (0.5, 12.0), True: (6.0, 15.0)}


@dataclass(frozen=True)
class Window:
    """What is compared: spend in ``days`` days from ``after`` days past the order, or past its ticket.

    With ``alone`` only orders count that have no other within ``after`` days before or after them.
    """

    days: float
    after: float = 0.0
    alone: bool = False


@dataclass(frozen=True)
class TrueEffect:
    """The mean difference of spend per event, money, its standard error, and how many were played on."""

    mean: float
    error: float
    events: int


def find_effect(
    parameters: CompanyParameters, moment: str, window: Window, seed: int, *, replicates: int = 5
) -> TrueEffect:
    """Return what ``moment`` changes for those who met it: ``late``, ``slow``, or a planted touchpoint.

    Only events whose window ends before ``as_of`` are played on. As in the study a customer counts once a
    month, so that each event weighs one over the customer's occasions of its month. An effect is relative to
    the better outcome: the order on time, the quick ticket, the planted counterpart.
    """
    people = draw_people(parameters, seed)
    ordered = draw_orders(people, parameters, seed)
    random = generator(seed, "counterfactual", moment)
    starts = _find_start(ordered, moment, window, random)
    until = parameters.days - parameters.future_days
    at = np.flatnonzero(_met(ordered, parameters, moment) & (starts + window.days < until))
    if window.alone:
        at = at[_is_alone(ordered, window.after)[at]]
    at = np.tile(at, replicates)
    other = ordered.mood[at] - _take_back(ordered, parameters, moment, at, random)
    clockwork = Clockwork.of(people, parameters)
    weights = _weigh_months(ordered, parameters, moment)[at]
    lives = []
    for mood in (ordered.mood[at], other):
        spend, bought_before = _play_on(clockwork, ordered, at, mood, (starts[at], window.days), seed)
        kept = weights * ~bought_before if window.alone else weights
        lives.append((spend * kept, kept))
    means = [spend.sum() / kept.sum() for spend, kept in lives]
    gaps = sum(
        sign * (spend - mean * kept) / kept.sum()
        for sign, mean, (spend, kept) in zip((1, -1), means, lives, strict=True)
    )
    sums = np.bincount(ordered.customer[at], gaps)
    error = float(np.sqrt((sums**2).sum()))
    return TrueEffect(float(means[0] - means[1]), error, at.size // replicates)


def _column(parameters: CompanyParameters, moment: str) -> int:
    return [each.moment for each in parameters.moments.planted].index(moment)


def _met(ordered: Ordered, parameters: CompanyParameters, moment: str) -> NDArray[np.bool_]:
    if moment == LATE:
        return ordered.late
    if moment == SLOW:
        return ordered.slow
    return np.asarray(ordered.planted[:, _column(parameters, moment)] == MOMENT)


def _find_start(ordered: Ordered, moment: str, window: Window, random: np.random.Generator) -> Floats:
    """Return the day on which each order's window begins."""
    if moment != SLOW:
        return ordered.day + window.after
    waits = {late: random.uniform(*bounds, len(ordered)) for late, bounds in TICKET_DAYS.items()}
    return ordered.day + np.where(ordered.late, waits[True], waits[False]) + window.after


def _is_alone(ordered: Ordered, days: float) -> NDArray[np.bool_]:
    """Return whether no order came shortly before; what comes after is played on."""
    gaps = np.where(np.diff(ordered.customer) == 0, np.diff(ordered.day), np.inf)
    return np.asarray(np.concatenate([[np.inf], gaps]) > days)


def _weigh_months(ordered: Ordered, parameters: CompanyParameters, moment: str) -> Floats:
    """Return 1 / (the customer's occasions in the same calendar month) for each order."""
    month = np.datetime64(parameters.start) + ordered.day.astype(np.int64)
    occasion = np.ones(len(ordered), dtype=bool)
    if moment == SLOW:
        occasion = ordered.ticket
    elif moment != LATE:
        occasion = ordered.planted[:, _column(parameters, moment)] != NO_OCCASION
    key = ordered.customer * MOST_MONTHS + month.astype("datetime64[M]").astype(np.int64)
    _, place = np.unique(key, return_inverse=True)
    return np.asarray(1.0 / np.maximum(np.bincount(place, occasion)[place], 1.0))


def _take_back(
    ordered: Ordered,
    parameters: CompanyParameters,
    moment: str,
    at: NDArray[np.int64],
    random: np.random.Generator,
) -> Floats:
    """Return the mood that the moment, and what it brought along, left at each order ``at``."""
    moments = parameters.moments
    if moment == SLOW:
        return np.full(at.size, moments.slow_mood)
    if moment != LATE:
        return np.full(at.size, moments.planted[_column(parameters, moment)].mood)
    own_ticket = moments.ticket_rate / max(moments.ticket_rate + moments.ticket_if_late, 1e-12)
    no_ticket, no_refund = random.random(at.size) >= own_ticket, random.random(at.size) >= 1 / 3
    slow, refund = ordered.slow[at] & no_ticket, ordered.refund[at] & no_refund
    return moments.late_mood + moments.slow_mood * slow + moments.refund_mood * refund


def _play_on(
    clockwork: Clockwork,
    ordered: Ordered,
    at: NDArray[np.int64],
    mood: Floats,
    window: tuple[Floats, float],
    seed: int,
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return each life's spend in its window, and whether it ordered before the window began."""
    people, parameters = clockwork.people, clockwork.parameters
    random = generator(seed, "a life played on")
    start, days = window
    who, day, mood = ordered.customer[at], ordered.day[at].copy(), mood.copy()
    repeat = np.concatenate([[False], np.diff(ordered.customer) == 0])[at]
    alive, early = np.ones(at.size, dtype=bool), np.zeros(at.size, dtype=bool)
    orders = np.zeros(at.size)
    worth = parameters.spending.p / people.spend_rate[who]
    while alive.any():
        leaves = random.random(at.size) < clockwork.chance_to_leave(who, mood)
        alive &= ~(leaves & repeat) if parameters.buying.dropout == "geometric" else True
        day = clockwork.next_day(who, day, mood, random.exponential(1.0, at.size))
        alive &= (day < start + days) & (day < people.first_order[who] + people.lifetime[who])
        happened = draw_moments(parameters.moments, random, at.size)
        planted = draw_planted(parameters.moments, random, at.size)
        orders += (alive & (day >= start)) * (1.0 - REFUNDED_SHARE * happened[3])
        early |= alive & (day < start)
        mood = next_mood(parameters, random, mood, people.base_mood[who], happened)
        mood += weigh_planted(parameters.moments, planted)
        repeat = np.ones(at.size, dtype=bool)
    return orders * worth, early
