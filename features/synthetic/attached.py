"""Simulated feedback attached to a real log of orders: it shows how Fedele works, never how good it is.

The orders are real, the answers are not. A hidden mood is drawn for each customer and moment so that it goes
with what the customer does next: it looks into the log, at whether an order follows within 180 days. That is
no oracle's trick but the point: a person knows their own plans, and a simulated one can know them from
nowhere else. Past the end of the log a future is drawn, at the rates at which customers like them came back
half a year earlier. So features of this feedback know more than those of a real company would, and every
figure that uses them says nothing about the accuracy of Fedele.

Only some customers ever answer; each answer is recorded when it is given.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contracts.events import TABLES, Name
from contracts.randomness import generator
from contracts.time import SECONDS_PER_DAY
from features.synthetic.answers import NEUTRAL_SCORE, RIVAL, SCALES, SCORE_PER_MOOD
from features.synthetic.comments import draw_comments
from features.synthetic.people import Floats, expit

ANSWERING, RELUCTANCE = 0.28, 0.4
AHEAD_DAYS = 180.0
STAYS, LEAVES, LEVEL, NOISE = 0.5, -0.7, 0.5, 0.9
AFTER_ORDERS = {"nps_transactional": 0.5, "review": 0.15, "verbatim": 0.1}
SURVEYS = {"nps_relational": 0.6, "nps_competitive": 0.25}
SURVEY_DAYS = 182.0
TEXT, ITALIAN = 0.6, 0.5
TOPICS = ("delivery", "price", "billing", "support", "returns", "communication", "competition")
TOPIC_SHARES = (0.3, 0.15, 0.1, 0.2, 0.1, 0.1, 0.05)
REPEATS, SILENCE_DAYS = (1, 2, 5), (30.0, 90.0, 180.0)
_KEY = 1e6

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Log:
    """Orders sorted by (customer, day): ``customer`` (n,) counts from 0, ``day`` (n,) before ``end``."""

    ids: NDArray[np.object_]
    customer: Integers
    day: Floats
    end: float

    def first_after(self, customer: Integers, day: Floats) -> Floats:
        """Return the day of each customer's first order at or after a day; infinity without one."""
        keys = self.customer * _KEY + self.day
        place = np.searchsorted(keys, customer * _KEY + day, side="left")
        inside = np.minimum(place, len(keys) - 1)
        found = (place < len(keys)) & (self.customer[inside] == customer)
        return np.asarray(np.where(found, self.day[inside], np.inf))

    def classes_at(self, day: float) -> Integers:
        """Return a class (c,) of each customer at a day: by orders and silence; -1 before the first order."""
        past = self.day < day
        orders = np.bincount(self.customer[past], minlength=len(self.ids))
        last = np.full(len(self.ids), -np.inf)
        np.maximum.at(last, self.customer[past], self.day[past])
        classes = np.digitize(orders - 1, REPEATS) * _KEY + np.digitize(day - last, SILENCE_DAYS)
        return np.where(orders > 0, classes, -1).astype(np.int64)


def attach_feedback(orders: pd.DataFrame, ends_at: datetime, seed: int) -> pd.DataFrame:
    """Return simulated feedback of the customers of ``orders``, before ``ends_at``, in contract columns.

    ``orders`` has customer_id and occurred_at (naive UTC or with zone, all before ``ends_at``); instants of
    the answer are in UTC, ``recorded_at`` equals ``occurred_at``. One log and seed give the same answers.
    """
    begin = np.datetime64(pd.to_datetime(orders[Name.OCCURRED_AT], utc=True).min().tz_localize(None), "s")
    log = _read_log(orders, ends_at, begin)
    random = generator(seed, "attached feedback")
    level = random.normal(0.0, LEVEL, len(log.ids))
    comes_back = _draw_future(log, random)
    asked = _ask(log, random)
    who, day = asked["who"].to_numpy(), asked["day"].to_numpy()
    next_day = log.first_after(who, day)
    beyond = (day + AHEAD_DAYS > log.end) & comes_back[who]
    stays = (next_day < day + AHEAD_DAYS) | beyond
    mood = level[who] + np.where(stays, STAYS, LEAVES) + NOISE * random.normal(0.0, 1.0, len(asked))
    return _write(log, asked, mood, begin, random)


def _read_log(orders: pd.DataFrame, ends_at: datetime, begin: np.datetime64) -> Log:
    instants = pd.to_datetime(orders[Name.OCCURRED_AT], utc=True).dt.tz_localize(None)
    day = (instants.to_numpy(dtype="datetime64[s]") - begin).astype(np.float64) / SECONDS_PER_DAY
    ids, customer = np.unique(orders[Name.CUSTOMER_ID].to_numpy(dtype=object), return_inverse=True)
    order = np.lexsort((day, customer))
    end = (pd.Timestamp(ends_at).tz_convert("UTC").tz_localize(None) - pd.Timestamp(begin)).total_seconds()
    return Log(ids, customer[order].astype(np.int64), day[order], end / SECONDS_PER_DAY)


def _draw_future(log: Log, random: np.random.Generator) -> NDArray[np.bool_]:
    """Return who comes back after the log, at the rate of who was alike ``AHEAD_DAYS`` before its end."""
    then = log.end - AHEAD_DAYS
    before, now = log.classes_at(then), log.classes_at(log.end)
    everyone = np.arange(len(log.ids), dtype=np.int64)
    back = np.isfinite(log.first_after(everyone, np.full(len(everyone), then)))
    known = before >= 0
    rates = pd.Series(back[known]).groupby(before[known]).mean()
    chance = pd.Series(now).map(rates).fillna(float(back[known].mean()) if known.any() else 0.5)
    return np.asarray(random.random(len(everyone)) < chance.to_numpy())


def _ask(log: Log, random: np.random.Generator) -> pd.DataFrame:
    """Return who answers what and when: who, day, kind."""
    counts = np.bincount(log.customer, minlength=len(log.ids))
    eager = expit(np.log(ANSWERING / (1 - ANSWERING)) + RELUCTANCE * np.log(counts) - RELUCTANCE * 0.6)
    answers = random.random(len(log.ids)) < eager
    first = log.first_after(np.arange(len(log.ids), dtype=np.int64), np.zeros(len(log.ids)))
    parts = []
    for kind, share in AFTER_ORDERS.items():
        at = np.flatnonzero(answers[log.customer] & (random.random(len(log.day)) < share))
        day = log.day[at] + random.uniform(4.0, 20.0, at.size)
        parts.append(pd.DataFrame({"who": log.customer[at], "day": day, "kind": kind}))
    for kind, share in SURVEYS.items():
        for wave in np.arange(SURVEY_DAYS, log.end, SURVEY_DAYS):
            reached = np.flatnonzero(answers & (first < wave) & (random.random(len(first)) < share))
            day = wave + random.uniform(0.0, 10.0, reached.size)
            parts.append(pd.DataFrame({"who": reached, "day": day, "kind": kind}))
    asked = pd.concat(parts, ignore_index=True)
    asked = asked[asked["day"] < log.end]
    return asked.sort_values(["day", "who", "kind"], kind="stable", ignore_index=True)


def _write(
    log: Log, asked: pd.DataFrame, mood: Floats, begin: np.datetime64, random: np.random.Generator
) -> pd.DataFrame:
    n, kind, who = len(asked), asked["kind"].to_numpy(dtype=object), asked["who"].to_numpy()
    rival = kind == "nps_competitive"
    felt = NEUTRAL_SCORE + SCORE_PER_MOOD * np.where(rival, -0.4 * mood, mood)
    low, high = (np.array([SCALES.get(name, (0, 10))[end] for name in kind], dtype=float) for end in (0, 1))
    score = np.clip(np.round(low + np.clip(felt, 0, 10) / 10 * (high - low)), low, high)
    wordy = kind == "verbatim"
    writes = wordy | ((random.random(n) < TEXT) & ~rival)
    language = np.where(random.random(len(log.ids)) < ITALIAN, "it", "en").astype(object)[who]
    topic = random.choice(np.array(TOPICS, dtype=object), n, p=TOPIC_SHARES)
    texts = draw_comments(topic, felt >= NEUTRAL_SCORE - 0.4, language, random)
    seconds = np.floor(asked["day"].to_numpy() * SECONDS_PER_DAY).astype("timedelta64[s]")
    instants = pd.Series(begin + seconds).dt.tz_localize("UTC")
    nothing = np.array(None, dtype=object)
    table = pd.DataFrame(
        {
            "feedback_id": [f"s{number:06d}" for number in range(1, n + 1)],
            "customer_id": log.ids[who],
            "occurred_at": instants,
            "kind": kind,
            "score": np.where(wordy, np.nan, score),
            "scale_min": np.where(wordy, np.nan, low),
            "scale_max": np.where(wordy, np.nan, high),
            "brand": np.where(rival, RIVAL, nothing),
            "touchpoint": np.where(np.isin(kind, list(AFTER_ORDERS)), "order.placed", nothing),
            "text": np.where(writes, texts, nothing),
            "language": np.where(writes, language, nothing),
        }
    )
    return table[list(TABLES["feedback"].names)].assign(recorded_at=instants)
