"""Orders by the BG/NBD clock, one round per order number: all customers who are still alive order at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.periods import DAYS_PER_WEEK
from contracts.randomness import generator
from features.synthetic.parameters import CompanyParameters, Moments, Season
from features.synthetic.people import Floats, People, expit, logit

DAYS_PER_CYCLE = 365.25


@dataclass(frozen=True)
class Ordered:
    """One entry per order, by (customer, time): who, when (days), what went with it, the mood afterwards.

    ``alive_until`` has one entry per customer: the day of the order after which they left, or on which their
    lifetime ended; infinity if they stayed.
    """

    customer: NDArray[np.int64]
    day: Floats
    late: NDArray[np.bool_]
    ticket: NDArray[np.bool_]
    slow: NDArray[np.bool_]
    refund: NDArray[np.bool_]
    kindness: NDArray[np.bool_]
    mood: Floats
    alive_until: Floats

    def __len__(self) -> int:
        return len(self.customer)

    def mood_at(self, customer: NDArray[np.int64], day: Floats, otherwise: Floats) -> Floats:
        """Return the mood after each customer's last order before ``day``, else ``otherwise``."""
        scale = 1e6
        place = np.searchsorted(self.customer * scale + self.day, customer * scale + day, side="left") - 1
        known = (place >= 0) & (self.customer[np.maximum(place, 0)] == customer)
        return np.asarray(np.where(known, self.mood[np.maximum(place, 0)], otherwise))


class SeasonalClock:
    """Turns days into season-weighted days and back: purchases are evenly spread on the weighted clock."""

    def __init__(self, season: Season, first_day_of_year: int, days: int) -> None:
        self._days = np.arange(0.0, days + 2.0)
        turn = 2 * np.pi / DAYS_PER_CYCLE
        phase = turn * (first_day_of_year - season.peak_day)
        swing = (np.sin(turn * self._days + phase) - np.sin(phase)) / turn
        self._weighted = self._days + season.strength * swing

    def to_weighted(self, days: Floats) -> Floats:
        """Return the weighted time of each day."""
        return np.asarray(np.interp(days, self._days, self._weighted))

    def to_days(self, weighted: Floats) -> Floats:
        """Return the day of each weighted time; infinity beyond the simulated time."""
        return np.asarray(np.interp(weighted, self._weighted, self._days, right=np.inf))


def draw_orders(people: People, parameters: CompanyParameters, seed: int) -> Ordered:
    """Return every order before the company's end, with moods moved by what happened around each."""
    random = generator(seed, "orders")
    clock = SeasonalClock(parameters.season, parameters.start.timetuple().tm_yday, parameters.days)
    mood = people.base_mood.copy()
    end = people.first_order + people.lifetime
    alive_until = np.where(people.orders_ever & (end < parameters.days), end, np.inf)
    may_leave = parameters.buying.dropout == "geometric"
    who = np.flatnonzero(people.orders_ever)
    day = people.first_order[who]
    rounds: list[tuple[NDArray[np.generic], ...]] = []
    repeat = False
    while who.size:
        happened = _draw_moments(parameters.moments, random, who.size)
        mood[who] = _next_mood(parameters, random, mood[who], people.base_mood[who], happened)
        rounds.append((who, day, *happened, mood[who]))
        leaves = np.zeros(who.size, dtype=bool)
        if repeat and may_leave:
            chance = expit(logit(people.dropout[who]) - parameters.mood.dropout * mood[who])
            leaves = random.random(who.size) < chance
            alive_until[who[leaves]] = day[leaves]
        who, day = who[~leaves], day[~leaves]
        per_day = people.rate[who] * np.exp(parameters.mood.rate * mood[who]) / DAYS_PER_WEEK
        gaps = random.exponential(1.0, who.size) / np.maximum(per_day, 1e-12)
        day = clock.to_days(clock.to_weighted(day) + gaps)
        inside = (day < parameters.days) & (day < end[who])
        who, day, repeat = who[inside], day[inside], True
    return _sort_orders(rounds, alive_until)


def _draw_moments(moments: Moments, random: np.random.Generator, n: int) -> tuple[NDArray[np.bool_], ...]:
    late = random.random(n) < moments.late_rate
    ticket = random.random(n) < moments.ticket_rate + moments.ticket_if_late * late
    slow = ticket & (random.random(n) < moments.slow_rate)
    refund = random.random(n) < moments.refund_rate * (1 + 2 * late)
    kindness = random.random(n) < moments.kindness_rate
    return late, ticket, slow, refund, kindness


def _next_mood(
    parameters: CompanyParameters,
    random: np.random.Generator,
    mood: Floats,
    level: Floats,
    happened: tuple[NDArray[np.bool_], ...],
) -> Floats:
    moments = parameters.moments
    late, _, slow, refund, kindness = happened
    keep = parameters.mood.persistence
    moved: Floats = (
        keep * mood
        + (1 - keep) * level
        + moments.late_mood * late
        + moments.slow_mood * slow
        + moments.refund_mood * refund
        + moments.kindness_mood * kindness
        + parameters.mood.noise * random.normal(0.0, 1.0, mood.size)
    )
    return moved


def _sort_orders(rounds: list[tuple[NDArray[np.generic], ...]], alive_until: Floats) -> Ordered:
    if not rounds:
        none, never = np.zeros(0), np.zeros(0, dtype=bool)
        return Ordered(
            np.zeros(0, dtype=np.int64), none, never, never, never, never, never, none, alive_until
        )
    columns = [np.concatenate(parts) for parts in zip(*rounds, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    customer, day, late, ticket, slow, refund, kindness, mood = (column[order] for column in columns)
    return Ordered(customer, day, late, ticket, slow, refund, kindness, mood, alive_until)
