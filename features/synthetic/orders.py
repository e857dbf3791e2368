"""Orders by the BG/NBD clock, one round per order number: all customers who are still alive order at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.periods import DAYS_PER_WEEK
from contracts.randomness import generator
from features.synthetic.parameters import CompanyParameters, Moments, Season
from features.synthetic.people import Floats, People, expit, logit

DAYS_PER_CYCLE = 365.25
NO_OCCASION, COUNTERPART, MOMENT = 0, 1, 2


@dataclass(frozen=True)
class Ordered:
    """One entry per order, by (customer, time): who, when (days), what went with it, the mood afterwards.

    ``alive_until`` has one entry per customer: the day of the order after which they left, or on which their
    lifetime ended; infinity if they stayed. ``planted`` has a column per planted moment: ``NO_OCCASION``,
    ``COUNTERPART`` or ``MOMENT``.
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
    planted: NDArray[np.int8]

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


@dataclass(frozen=True)
class Clockwork:
    """What comes after an order: whether the customer leaves, and the day of the next."""

    people: People
    parameters: CompanyParameters
    clock: SeasonalClock

    @classmethod
    def of(cls, people: People, parameters: CompanyParameters) -> "Clockwork":
        """Return that of a company."""
        first_day = parameters.start.timetuple().tm_yday
        return cls(people, parameters, SeasonalClock(parameters.season, first_day, parameters.days))

    def chance_to_leave(self, who: NDArray[np.int64], mood: Floats) -> Floats:
        """Return the probability that each of ``who`` leaves after a repeat order, (n,)."""
        return expit(logit(self.people.dropout[who]) - self.parameters.mood.dropout * mood)

    def next_day(self, who: NDArray[np.int64], day: Floats, mood: Floats, wait: Floats) -> Floats:
        """Return the day of the next order, (n,); ``wait`` is exponential of mean 1, infinity beyond time."""
        per_day = self.people.rate[who] * np.exp(self.parameters.mood.rate * mood) / DAYS_PER_WEEK
        return self.clock.to_days(self.clock.to_weighted(day) + wait / np.maximum(per_day, 1e-12))


def draw_orders(people: People, parameters: CompanyParameters, seed: int) -> Ordered:
    """Return every order before the company's end, with moods moved by what happened around each."""
    random, further = generator(seed, "orders"), generator(seed, "planted moments")
    clockwork = Clockwork.of(people, parameters)
    mood = people.base_mood.copy()
    end = people.first_order + people.lifetime
    alive_until = np.where(people.orders_ever & (end < parameters.days), end, np.inf)
    may_leave = parameters.buying.dropout == "geometric"
    who = np.flatnonzero(people.orders_ever)
    day = people.first_order[who]
    rounds: list[tuple[NDArray[np.generic], ...]] = []
    repeat = False
    while who.size:
        happened = draw_moments(parameters.moments, random, who.size)
        planted = draw_planted(parameters.moments, further, who.size)
        level = people.base_mood[who]
        mood[who] = next_mood(parameters, random, mood[who], level, happened)
        mood[who] += weigh_planted(parameters.moments, planted)
        rounds.append((who, day, *happened, mood[who], planted))
        leaves = np.zeros(who.size, dtype=bool)
        if repeat and may_leave:
            leaves = random.random(who.size) < clockwork.chance_to_leave(who, mood[who])
            alive_until[who[leaves]] = day[leaves]
        who, day = who[~leaves], day[~leaves]
        day = clockwork.next_day(who, day, mood[who], random.exponential(1.0, who.size))
        inside = (day < parameters.days) & (day < end[who])
        who, day, repeat = who[inside], day[inside], True
    return _sort_orders(rounds, alive_until, len(parameters.moments.planted))


def draw_planted(moments: Moments, random: np.random.Generator, n: int) -> NDArray[np.int8]:
    """Return what came of each planted moment at ``n`` orders, (n, planted moments)."""
    found = np.full((n, len(moments.planted)), NO_OCCASION, dtype=np.int8)
    for column, each in enumerate(moments.planted):
        offered, met = random.random(n) < each.exposure, random.random(n) < each.rate
        found[offered, column] = np.where(met[offered], MOMENT, COUNTERPART)
    return found


def weigh_planted(moments: Moments, planted: NDArray[np.int8]) -> Floats:
    """Return by how much planted moments move the mood, (n,)."""
    moods = np.array([each.mood for each in moments.planted], dtype=np.float64)
    return np.asarray((planted == MOMENT) @ moods, dtype=np.float64)


def draw_moments(moments: Moments, random: np.random.Generator, n: int) -> tuple[NDArray[np.bool_], ...]:
    """Return who of ``n`` orders meets late, ticket, slow, refund and kindness, (n,) each."""
    late = random.random(n) < moments.late_rate
    ticket = random.random(n) < moments.ticket_rate + moments.ticket_if_late * late
    slow = ticket & (random.random(n) < moments.slow_rate)
    refund = random.random(n) < moments.refund_rate * (1 + 2 * late)
    kindness = random.random(n) < moments.kindness_rate
    return late, ticket, slow, refund, kindness


def next_mood(
    parameters: CompanyParameters,
    random: np.random.Generator,
    mood: Floats,
    level: Floats,
    happened: tuple[NDArray[np.bool_], ...],
) -> Floats:
    """Return the mood after an order, (n,): what is kept of the last one, and what happened."""
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


def _sort_orders(rounds: list[tuple[NDArray[np.generic], ...]], alive_until: Floats, moments: int) -> Ordered:
    if not rounds:
        none, never = np.zeros(0), np.zeros(0, dtype=bool)
        nobody, nothing = np.zeros(0, dtype=np.int64), np.zeros((0, moments), dtype=np.int8)
        return Ordered(nobody, none, never, never, never, never, never, none, alive_until, nothing)
    columns = [np.concatenate(parts) for parts in zip(*rounds, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    customer, day, late, ticket, slow, refund, kindness, mood, planted = (column[order] for column in columns)
    return Ordered(customer, day, late, ticket, slow, refund, kindness, mood, alive_until, planted)
