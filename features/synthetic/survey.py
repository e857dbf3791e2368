"""One survey of everybody at a simulated company: the record, the mood and a lot decide who answers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contracts.randomness import generator
from contracts.voice import SURVEY_REQUESTS
from features.synthetic.answers import NEUTRAL_SCORE, SCORE_PER_MOOD
from features.synthetic.orders import Ordered
from features.synthetic.parameters import CompanyParameters
from features.synthetic.people import Floats, People, expit, logit, standardise

REMIND_AFTER_DAYS, ANSWER_DAYS = 4.0, 4.0
PASSIVE, PROMOTER = 7, 9
REMINDER = SURVEY_REQUESTS[1]


@dataclass(frozen=True)
class Surveyed:
    """What a survey leaves: rows of feedback and of actions, and what each customer would say at ``as_of``.

    Instants are days. ``answers`` (n,) has one entry per customer, 0 to 10, whether asked or not.
    """

    feedback: pd.DataFrame
    actions: pd.DataFrame
    answers: Floats


def hold_survey(people: People, ordered: Ordered, parameters: CompanyParameters, seed: int) -> Surveyed:
    """Return the survey held ``days_before`` the company's ``as_of``.

    What a customer would answer is settled by their mood and one draw of chance, the same at the survey and
    at ``as_of``; the odds of answering depend on the class of that answer by the odds ratios of the
    parameters.
    """
    random, survey = generator(seed, "survey"), parameters.survey
    n, as_of = len(people), float(parameters.days - parameters.future_days)
    chance = parameters.answers.noise * random.normal(0.0, 1.0, n)
    begins = as_of - survey.days_before
    score = _find_scores(people, ordered, begins, chance)
    reminded = random.random(n) < survey.reminded
    odds = _find_odds(people, ordered, parameters, begins)
    odds += np.log(survey.detractor_odds) * (score < PASSIVE)
    odds += np.log(survey.promoter_odds) * (score >= PROMOTER)
    odds += np.log(survey.reminder_odds) * reminded
    asked = people.orders_ever & (people.first_order < begins)
    answered = asked & (random.random(n) < expit(odds))
    # A reminder can only bring answers after it: who needs none would have answered before.
    late = reminded & (random.random(n) < 1 - 1 / survey.reminder_odds)
    day = begins + ANSWER_DAYS * random.random(n) + REMIND_AFTER_DAYS * late
    who, lots = np.flatnonzero(answered), np.flatnonzero(asked & (survey.reminded > 0))
    return Surveyed(
        _tell_answers(people, who, day[who], score[who]),
        _tell_lots(people, lots, reminded[lots], begins + REMIND_AFTER_DAYS),
        _find_scores(people, ordered, as_of, chance),
    )


def _find_scores(people: People, ordered: Ordered, day: float, chance: Floats) -> Floats:
    everyone = np.arange(len(people))
    mood = ordered.mood_at(everyone, np.full(len(people), day), people.base_mood)
    return np.clip(np.round(NEUTRAL_SCORE + SCORE_PER_MOOD * mood + chance), 0, 10)


def _find_odds(people: People, ordered: Ordered, parameters: CompanyParameters, day: float) -> Floats:
    """Return the log-odds of answering that follow from what is on record before ``day``."""
    survey, n = parameters.survey, len(people)
    before = ordered.day < day
    who = ordered.customer[before]
    orders = np.bincount(who, minlength=n)
    late = np.bincount(who[ordered.late[before]], minlength=n)
    last = people.first_order.copy()
    np.maximum.at(last, who, ordered.day[before])
    odds = logit(np.full(n, survey.response))
    odds += survey.by_orders * standardise(np.log1p(orders))
    odds += survey.by_gap * standardise(np.maximum(day - last, 0.0))
    odds += survey.by_late * (late > 0)
    odds += survey.by_channel * (people.favourite == 0)
    return odds


def _tell_answers(people: People, who: NDArray[np.int64], day: Floats, score: Floats) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "feedback_id": [f"s{number:07d}" for number in range(1, who.size + 1)],
            "customer_id": people.ids[who],
            "occurred_at": day,
            "kind": "nps_relational",
            "score": score,
            "scale_min": 0.0,
            "scale_max": 10.0,
        }
    )


def _tell_lots(
    people: People, who: NDArray[np.int64], reminded: NDArray[np.bool_], day: float
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "action_id": [f"s{number:07d}" for number in range(1, who.size + 1)],
            "customer_id": people.ids[who],
            "occurred_at": np.full(who.size, day),
            "campaign_id": "survey",
            "kind": REMINDER,
            "arm": np.where(reminded, "treated", "holdout"),
            "cost": 0.0,
        }
    )
