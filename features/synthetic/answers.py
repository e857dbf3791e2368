"""Feedback of a simulated company: who is asked, who answers, what they say."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contracts.randomness import generator
from features.synthetic.comments import draw_comments, find_topics
from features.synthetic.orders import Ordered
from features.synthetic.parameters import CompanyParameters
from features.synthetic.people import Floats, People, expit

RIVAL = "Altrove"
SCALES = {"csat": (1, 5), "ces": (1, 7), "review": (1, 5)}
ASKED_EVERY_DAYS = 180.0
NEUTRAL_SCORE, SCORE_PER_MOOD = 7.4, 1.7


def satisfaction_of(mood: Floats) -> Floats:
    """Return the answer from 0 to 10 that a mood gives before chance moves it."""
    return np.clip(np.round(NEUTRAL_SCORE + SCORE_PER_MOOD * mood), 0, 10)


def feedback_table(
    people: People, ordered: Ordered, parameters: CompanyParameters, seed: int
) -> pd.DataFrame:
    """Return feedback of all kinds with days in ``occurred_at``."""
    random = generator(seed, "feedback")
    asked = pd.concat(
        [
            _after_orders(ordered, "nps_transactional", random, share=0.6),
            _after_orders(ordered, "review", random, share=0.15),
            _after_orders(ordered, "verbatim", random, share=0.06),
            _after_tickets(ordered, "csat", random, share=0.6),
            _after_tickets(ordered, "ces", random, share=0.4),
            _after_tickets(ordered, "call", random, share=0.2),
            *_surveys(people, ordered, parameters, random),
        ],
        ignore_index=True,
    )
    who = asked["who"].to_numpy()
    chance = expit(people.response_logit[who] + parameters.answers.by_mood * asked["mood"].to_numpy())
    answered = (random.random(len(asked)) < chance) & ~people.silent[who]
    kept = asked[answered & (asked["occurred_at"] < parameters.days).to_numpy()]
    kept = kept.sort_values(["occurred_at", "who", "kind"], kind="stable", ignore_index=True)
    return _say(people, kept, parameters, random)


def _after_orders(ordered: Ordered, kind: str, random: np.random.Generator, share: float) -> pd.DataFrame:
    at = np.flatnonzero(random.random(len(ordered)) < share)
    return _asked(ordered, at, ordered.day[at] + random.uniform(4.0, 20.0, at.size), kind, "order.placed")


def _after_tickets(ordered: Ordered, kind: str, random: np.random.Generator, share: float) -> pd.DataFrame:
    at = np.flatnonzero(ordered.ticket & (random.random(len(ordered)) < share))
    return _asked(ordered, at, ordered.day[at] + random.uniform(15.0, 25.0, at.size), kind, "support.ticket")


def _asked(ordered: Ordered, at: NDArray[np.int64], day: Floats, kind: str, touchpoint: str) -> pd.DataFrame:
    topic = np.full(at.size, None, dtype=object)
    topic[ordered.kindness[at]] = "staff"
    topic[ordered.refund[at]] = "returns"
    topic[ordered.late[at]] = "delivery"
    topic[ordered.slow[at]] = "support"
    return pd.DataFrame(
        {
            "who": ordered.customer[at],
            "occurred_at": day,
            "kind": kind,
            "touchpoint": touchpoint,
            "mood": ordered.mood[at],
            "topic": topic,
        }
    )


def _surveys(
    people: People, ordered: Ordered, parameters: CompanyParameters, random: np.random.Generator
) -> list[pd.DataFrame]:
    tables = []
    for kind, share in (("nps_relational", 1.0), ("nps_competitive", 0.4)):
        for day in np.arange(ASKED_EVERY_DAYS, parameters.days, ASKED_EVERY_DAYS):
            reached = (people.first_order < day) & people.orders_ever & (random.random(len(people)) < share)
            who = np.flatnonzero(reached & (parameters.answers.response > 0))
            at = day + random.uniform(0.0, 10.0, who.size)
            table = pd.DataFrame({"who": who, "occurred_at": at, "kind": kind})
            table["mood"] = ordered.mood_at(who, at, people.base_mood[who])
            tables.append(table.assign(touchpoint=None, topic=None))
    return tables


def _say(
    people: People, asked: pd.DataFrame, parameters: CompanyParameters, random: np.random.Generator
) -> pd.DataFrame:
    n, kind, mood = len(asked), asked["kind"].to_numpy(dtype=object), asked["mood"].to_numpy()
    felt = NEUTRAL_SCORE + SCORE_PER_MOOD * mood + parameters.answers.noise * random.normal(0.0, 1.0, n)
    felt = np.where(kind == "nps_competitive", NEUTRAL_SCORE - 0.6 * mood + random.normal(0.0, 1.4, n), felt)
    low = np.array([SCALES.get(name, (0, 10))[0] for name in kind], dtype=np.float64)
    high = np.array([SCALES.get(name, (0, 10))[1] for name in kind], dtype=np.float64)
    score = np.clip(np.round(low + np.clip(felt, 0, 10) / 10 * (high - low)), low, high)
    words_only = np.isin(kind, ["verbatim", "call"])
    language = people.language[asked["who"].to_numpy()]
    writes = words_only | ((random.random(n) < parameters.answers.text) & (kind != "nps_competitive"))
    topics = np.array(find_topics(), dtype=object)
    drawn = topics[random.integers(0, len(topics), n)]
    topic = np.where(asked["topic"].isna().to_numpy(dtype=bool), drawn, asked["topic"].to_numpy(dtype=object))
    texts = draw_comments(topic, felt >= NEUTRAL_SCORE - 0.4, language, random)
    return pd.DataFrame(
        {
            "feedback_id": [f"f{number:07d}" for number in range(1, n + 1)],
            "customer_id": people.ids[asked["who"].to_numpy()],
            "occurred_at": asked["occurred_at"].to_numpy(),
            "kind": kind,
            "score": np.where(words_only, np.nan, score),
            "scale_min": np.where(words_only, np.nan, low),
            "scale_max": np.where(words_only, np.nan, high),
            "brand": _only(kind == "nps_competitive", RIVAL),
            "touchpoint": asked["touchpoint"].to_numpy(dtype=object),
            "text": _only(writes, texts),
            "language": _only(writes, language),
        }
    )


def _only(mask: NDArray[np.bool_], values: NDArray[np.object_] | str) -> NDArray[np.object_]:
    return np.where(mask, values, np.array(None, dtype=object)).astype(object)
