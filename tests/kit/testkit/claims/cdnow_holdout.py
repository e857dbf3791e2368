"""Everything served on the published holdout of CDNOW: 2,349 customers, 273 days from 1997-10-01, as stored.

The figures of this holdout are published, so this is a regression test and no proof; nothing after 1997-10-01
guides a choice of the training it measures.
"""

from datetime import date
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.periods import to_units
from testkit.cdnow import read_cdnow_sample
from testkit.claims.figure import Figure, Scale
from testkit.ledger import read_records
from testkit.tenth import END_OF_HOLDOUT, FIRST_HOLDOUT_DAY, HORIZON_DAYS, find_trained
from training import metrics
from training.bootstrap import Bootstrap
from training.models.gamma_gamma import GammaGamma
from training.models.history import History
from training.models.pareto_nbd import ParetoNBD

Array = npt.NDArray[np.float64]

WEEKS = to_units(HORIZON_DAYS, "week")
LAST_DAY = date(1997, 9, 30)


def measure(scale: Scale) -> list[Figure]:
    """Return churn and money as stored against what happened; one scale only, it is quick."""
    del scale
    records = sorted(read_records(find_trained(), "en"), key=lambda record: record["customer_id"])
    names = [record["customer_id"] for record in records]
    spend = np.array([_spent_later().get(name, 0.0) for name in names])
    return [
        Figure("customers scored", len(names), 2349, "equals"),
        *_churn(records, (spend == 0).astype(np.float64)),
        *_money(records, names, spend),
    ]


def _churn(records: list[dict[str, Any]], churned: Array) -> list[Figure]:
    p = np.array([record["churn_probability"] for record in records])
    return [
        Figure("AUC of the served churn probability", metrics.auc(churned, p), 0.770, "at least"),
        Figure("Brier score of it", metrics.brier(churned, p), 0.161, "at most"),
        Figure("log loss of it", metrics.log_loss(churned, p), 0.505, "at most"),
    ]


def _money(records: list[dict[str, Any]], names: list[str], spend: Array) -> list[Figure]:
    mean, p10, p50, p90 = (
        np.array([record["clv"][name] for record in records]) for name in ("mean", "p10", "p50", "p90")
    )
    none = np.array([record["p_no_spend"] for record in records])
    gap, error = _compare_squares(names, spend, mean)
    held = metrics.coverage_80(spend, p10, p90, none)
    return [
        Figure("total of the mean, off by (share)", metrics.total_error(spend, mean), 0, "equals", 0.15),
        Figure("normalised Gini of the mean", metrics.normalised_gini(spend, mean), 0.660, "at least"),
        Figure("squared error above Pareto/NBD's, in paired standard errors", gap / error, 1, "at most"),
        Figure("MAE of p50 in dollars (zero for everyone: 30.1)", metrics.mae(spend, p50), 27.5, "at most"),
        Figure("coverage of the 80 % range (randomised PIT)", held, 0.80, "equals", 0.05),
    ]


def _compare_squares(names: list[str], spend: Array, mean: Array) -> tuple[float, float]:
    """Return how far the mean squared error lies above that of Pareto/NBD, and its paired standard error."""
    history = _summarise(names)
    purchases = ParetoNBD().fit(history.frequency, history.recency, history.age).parameters_
    money = GammaGamma().fit(history.frequency, history.monetary_value).parameters_
    expected = purchases.expected_purchases(WEEKS, history.frequency, history.recency, history.age)
    theirs = expected * money.expected_spend(history.frequency, np.nan_to_num(history.monetary_value))
    gaps = (spend - mean) ** 2 - (spend - theirs) ** 2
    return float(gaps.mean()), Bootstrap(np.array(names, dtype=object)).error(gaps)


def _summarise(names: list[str]) -> History:
    """Return what Pareto/NBD knows of the customers: days with a purchase above zero, before 1997-10-01."""
    rows = []
    for name in names:
        days = _bought_before()[name]
        first, *later = sorted(days)
        value = sum(days[day] for day in later) / len(later) if later else np.nan
        last = later[-1] if later else first
        rows.append((len(later), (last - first).days / 7, (LAST_DAY - first).days / 7, value))
    return History(*np.array(rows, dtype=np.float64).T.copy())


@cache
def _bought_before() -> dict[str, dict[date, float]]:
    found: dict[str, dict[date, float]] = {}
    for name, day, dollars in read_cdnow_sample():
        if day < FIRST_HOLDOUT_DAY and dollars > 0:
            days = found.setdefault(name, {})
            days[day] = days.get(day, 0.0) + dollars
    return found


@cache
def _spent_later() -> dict[str, float]:
    found: dict[str, float] = {}
    for name, day, dollars in read_cdnow_sample():
        if FIRST_HOLDOUT_DAY <= day < END_OF_HOLDOUT:
            found[name] = found.get(name, 0.0) + dollars
    return found
