"""A simulated company divided at its ``as_of``: what models may see, and what came of its customers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from contracts.periods import DAYS_PER_WEEK
from contracts.settings import Settings
from features.engine import Events
from features.frame import build_frame
from features.labels import build_labels
from features.snapshot import take_snapshot
from features.synthetic import Company
from testkit.workspaces import open_orders
from training.models.columns import build_history
from training.models.history import History

Array = npt.NDArray[np.float64]
DAY = pd.Timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Hindsight:
    """Customers of a company without refunds who ordered before ``as_of``, one element each, by id; weeks.

    ``by_day`` merges orders by day as the features do: ages end on the last day observed whole. ``by_second``
    keeps every order and ages end at ``as_of``. ``spend`` is that of ``days`` after ``as_of``. ``gone`` is
    when a customer left for good, infinity where never.
    """

    by_day: History
    by_second: History
    spend: Array
    gone: Array


def look_back(company: Company, days: int) -> Hindsight:
    """Return the past of a company of orders alone, and the truth about the ``days`` after ``as_of``."""
    as_of, orders = pd.Timestamp(company.parameters.as_of), company.tables["orders"]
    past = orders[orders["occurred_at"] < as_of]
    days_of, seconds = past["occurred_at"].dt.floor("D"), past["occurred_at"]
    ids = pd.Index(np.unique(past["customer_id"]))
    after = orders[(orders["occurred_at"] >= as_of) & (orders["occurred_at"] < as_of + days * DAY)]
    spend = after.groupby("customer_id")["amount"].sum().reindex(ids, fill_value=0.0)
    left = company.truth.set_index("customer_id")["alive_until"].reindex(ids)
    return Hindsight(
        summarise_orders(past, days_of, as_of - DAY),
        summarise_orders(past, seconds, as_of),
        spend.to_numpy(dtype=np.float64),
        _weeks(left - as_of).fillna(np.inf).to_numpy(),
    )


def without_waits(history: History) -> History:
    """Return a history by day less the half day after each repeat purchase in which no other could be seen.

    Who buys again on the same day is not seen to: a purchase day is followed by a wait of half a day on
    average, of which the continuous models know nothing.
    """
    waits = history.frequency / (2 * DAYS_PER_WEEK)
    return History(history.frequency, history.recency - waits, history.age - waits, history.monetary_value)


def read_history(company: Company) -> History:
    """Return the past as Fedele's own features have it, by customer id."""
    frame = build_frame(take_snapshot(open_orders(company), company.parameters.as_of, Settings()))
    return build_history(frame, "week")


def find_labels(company: Company, events: Events, days: int, clv_days: int) -> pd.DataFrame:
    """Return ``churned`` (0 or 1, in ``days``) and ``clv_spend`` (in ``clv_days``) of the scored, by id."""
    parameters = company.parameters
    labels = build_labels(
        take_snapshot(events, parameters.as_of, Settings()),
        horizon_days=days,
        clv_horizon_days=clv_days,
        lag_days=0,
        known_before=parameters.ends_at,
    )
    return labels.set_index("customer_id")[["churned", "clv_spend"]].astype(np.float64)


def summarise_orders(past: pd.DataFrame, instants: "pd.Series[pd.Timestamp]", end: pd.Timestamp) -> History:
    """Return the history of each customer, by id, in weeks; orders of equal ``instants`` are one purchase."""
    spent = past["amount"].groupby([past["customer_id"], instants]).sum()
    rows = pd.DataFrame({"at": spent.index.get_level_values(1), "amount": spent.to_numpy()})
    customers = rows.groupby(spent.index.get_level_values(0))
    first, last, count = customers["at"].min(), customers["at"].max(), customers["at"].count()
    repeats = customers["amount"].sum() - customers["amount"].first()
    frequency = count.to_numpy(dtype=np.float64) - 1
    mean = np.where(frequency > 0, repeats.to_numpy() / np.maximum(frequency, 1), np.nan)
    return History(frequency, _weeks(last - first).to_numpy(), _weeks(end - first).to_numpy(), mean)


def _weeks(times: "pd.Series[pd.Timedelta]") -> "pd.Series[float]":
    return times / (DAYS_PER_WEEK * DAY)
