"""The customers of a simulated company: their hidden parameters and what is on file about them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contracts.periods import DAYS_PER_WEEK
from contracts.randomness import generator
from features.synthetic.parameters import Buying, CompanyParameters

Floats = NDArray[np.float64]
ABROAD = "CH"
ACQUISITION = {"search": 12.0, "social": 18.0, "referral": 4.0, "store": 2.0}
CATEGORIES = ("books", "music", "home", "garden")


@dataclass(frozen=True)
class People:
    """One entry per customer in every array; times are days since the company began.

    ``lifetime`` is counted from the first order: infinity where only an order can end the relationship.
    """

    ids: NDArray[np.object_]
    rate: Floats
    dropout: Floats
    spend_rate: Floats
    base_mood: Floats
    omnichannel: NDArray[np.bool_]
    favourite: NDArray[np.int64]
    first_order: Floats
    language: NDArray[np.object_]
    silent: NDArray[np.bool_]
    response_logit: Floats
    orders_ever: NDArray[np.bool_]
    lifetime: Floats

    def __len__(self) -> int:
        return len(self.ids)


def logit(p: Floats) -> Floats:
    """Return ln(p / (1 - p)), finite at 0 and 1."""
    clipped = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(clipped) - np.log1p(-clipped), dtype=np.float64)


def expit(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x))."""
    return np.asarray(1.0 / (1.0 + np.exp(-x)), dtype=np.float64)


def draw_people(parameters: CompanyParameters, seed: int) -> People:
    """Return the customers with their rate a week, dropout probability, spend rate, mood and habits."""
    random = generator(seed, "people")
    n, buying, channels = parameters.customers, parameters.buying, parameters.channels
    rate = random.gamma(buying.r, 1.0 / buying.alpha, n)
    standing = standardise(np.log(np.maximum(rate, 1e-9)))
    omnichannel = random.random(n) < expit(
        logit(np.full(n, channels.omnichannel)) + channels.selection * standing
    )
    answers = parameters.answers
    italian = random.random(n) < answers.italian
    return People(
        ids=np.array([f"c{number:07d}" for number in range(1, n + 1)], dtype=object),
        rate=rate * np.exp(channels.effect * omnichannel),
        dropout=random.beta(buying.a, buying.b, n),
        spend_rate=random.gamma(parameters.spending.q, 1.0 / parameters.spending.v, n),
        base_mood=random.normal(0.0, 1.0, n) * parameters.mood.spread,
        omnichannel=omnichannel if channels.omnichannel > 0 else np.zeros(n, dtype=bool),
        favourite=random.choice(len(channels.mix), n, p=[share for _, share in channels.mix]).astype(
            np.int64
        ),
        first_order=random.random(n) * parameters.days * parameters.acquisition_share,
        language=np.where(italian, "it", "en").astype(object),
        silent=random.random(n) < answers.silent,
        response_logit=logit(np.full(n, answers.response)) + answers.by_behaviour * standing,
        orders_ever=random.random(n) >= parameters.prospects,
        lifetime=_draw_lifetimes(buying, n, seed),
    )


def _draw_lifetimes(buying: Buying, n: int, seed: int) -> Floats:
    """Return days; a stream of its own, so that companies without lifetimes stay as they were."""
    if buying.dropout == "geometric":
        return np.full(n, np.inf)
    random = generator(seed, "lifetimes")
    rate = random.gamma(buying.s, 1.0 / buying.beta, n) / DAYS_PER_WEEK
    return np.asarray(random.exponential(1.0, n) / np.maximum(rate, 1e-12))


def standardise(values: Floats) -> Floats:
    """Return values with mean 0 and standard deviation 1; zeros where they do not vary."""
    deviation = float(values.std())
    return np.zeros_like(values) if deviation == 0 else (values - values.mean()) / deviation


def customer_table(people: People, parameters: CompanyParameters, seed: int) -> pd.DataFrame:
    """Return the customers table with days in ``occurred_at`` and five attributes of three types."""
    random = generator(seed, "customers")
    n = len(people)
    sources = np.array(list(ACQUISITION), dtype=object)[random.integers(0, len(ACQUISITION), n)]
    at_home = random.random(n) < 0.8
    homes = np.where(people.language == "it", "IT", "GB")
    tier = np.digitize(random.normal(0, 1, n) + standardise(np.log(1 / people.spend_rate)), (0.5, 1.8))
    table = pd.DataFrame(
        {
            "customer_id": people.ids,
            "occurred_at": np.maximum(people.first_order - random.exponential(2.0, n), 0.0),
            "acquisition_channel": sources,
            "acquisition_cost": np.round(
                [ACQUISITION[source] for source in sources] * random.uniform(0.5, 1.5, n), 2
            ),
            "country": np.where(at_home, homes, ABROAD),
            "language": people.language,
            "profiling_consent": random.random(n) >= 0.01,
        }
    )
    if parameters.plain:
        return table.assign(profiling_consent=True)
    return table.assign(
        newsletter=random.random(n) < expit(people.base_mood - 0.3),
        household_size=random.integers(1, 6, n),
        loyalty_tier=np.array(["bronze", "silver", "gold"], dtype=object)[tier],
        favourite_category=np.array(CATEGORIES, dtype=object)[random.integers(0, len(CATEGORIES), n)],
        distance_km=np.where(random.random(n) < 0.1, np.nan, np.round(random.gamma(1.5, 8.0, n), 1)),
    )
