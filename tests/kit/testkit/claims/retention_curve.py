"""Retention curves of 20,000 simulated subscribers against the truth, known of each one."""

from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from contracts.periods import DAYS_PER_MONTH
from contracts.settings import Settings
from features.synthetic import Company, CompanyParameters, simulate_company
from features.synthetic.parameters import Contract
from features.synthetic.people import draw_people
from testkit.claims.figure import Figure, Scale, none_of
from testkit.companies import open_company
from training.subscribers import SubscriberTraining, fit_subscribers

Array: TypeAlias = npt.NDArray[np.float64]

SEED = 1000
CUSTOMERS = {"small": 700, "full": 21_000}
WITHIN = {"small": 0.08, "full": 0.02}
MONTHS = range(1, 13)
MONTH_DAYS = 30.0


def measure(scale: Scale) -> list[Figure]:
    """Return how far the mean curve is from the truth, and which laws are broken."""
    contract = replace(Contract(), share=1.0)
    parameters = CompanyParameters(customers=CUSTOMERS[scale.name], contract=contract)
    company = simulate_company(parameters, SEED)
    training = fit_subscribers(open_company(company), Settings(), parameters.ends_at)
    assert training is not None, "Nobody subscribes."
    prediction = training.model.predict(training.data.present)
    months = MONTH_DAYS * np.array(MONTHS)
    truth = np.exp(-np.outer(_find_hazards(company, training), months)).mean(axis=0)
    runs = prediction.retention.survival(np.tile(months, (len(prediction.raw), 1)))
    ended = prediction.retention.ended(np.tile(np.arange(0.0, 731.0, 10.0), (len(prediction.raw), 1)))
    parts = prediction.base + prediction.time_part + prediction.contributions.sum(axis=1)
    gaps = np.abs(runs.mean(axis=0) - truth)
    within, wanted = WITHIN[scale.name], 0.95 * parameters.customers
    falls = int((np.diff(ended) < 0).any(axis=1).sum())
    return [
        Figure("subscribers simulated", len(company.tables["subscriptions"]), wanted, "at least"),
        Figure("subscribers at as_of, whose curves are judged", len(runs), 100, "at least"),
        *(
            Figure(f"share still running after {month} months, true", float(share), 0.0, "at least")
            for month, share in zip(MONTHS, truth, strict=True)
            if month in (1, 6, 12)
        ),
        Figure("largest gap to it in months 1 to 12, as a share", float(gaps.max()), within, "at most"),
        Figure("contributions + base against the raw score", _gap(parts, prediction.raw), 1e-9, "at most"),
        none_of("subscribers whose chance of having ended falls", falls),
    ]


def _gap(one: Array, other: Array) -> float:
    return float(np.abs(one - other).max())


def _find_hazards(company: Company, training: SubscriberTraining) -> Array:
    """Return the true hazard a day of each subscriber present: the simulator's own rule."""
    parameters = company.parameters
    people = draw_people(parameters, SEED)
    monthly = parameters.contract.hazard * np.exp(-parameters.mood.dropout * people.base_mood)
    by_id = dict(zip(people.ids, monthly / DAYS_PER_MONTH, strict=True))
    return np.array([by_id[name] for name in training.data.present.index["customer_id"]])
