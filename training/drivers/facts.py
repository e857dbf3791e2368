"""What was known at ``as_of``, as arrays: payments, touchpoints, tickets and answers of every customer.

Customers who refuse profiling are left out. Times are days since 1970.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd

from contracts.periods import FEE_DAYS
from contracts.settings import Settings
from contracts.time import SECONDS_PER_DAY, to_text
from features.engine import Events, Table, number, read_frame
from features.labels import find_maturity_lag
from features.nps import bands_of, to_ten
from features.snapshot import take_snapshot
from training.drivers.ledger import Array, Codes, Ledger, Rows

ORDERS = ("customer_id", "occurred_at", "amount", "gross", "channel")
TOUCHES = ("customer_id", "occurred_at", "touchpoint", "channel", "owner", "stage")
TICKETS = ("customer_id", "occurred_at", "first_response_at")
ANSWERS = (
    *("customer_id", "occurred_at", "kind", "score", "scale_min", "scale_max", "touchpoint", "text"),
    *("language", "sentiment", "topic"),
)
MONEY = ("amount", "gross", "monthly_fee")
FEES = ("customer_id", "occurred_at", "ended_at", "monthly_fee")


@dataclass(frozen=True, eq=False)
class Facts:
    """The facts of one instant.

    ``orders``, ``touches``, ``tickets`` and ``answers`` are frames with ``who`` (the customer's number) and
    ``at`` (days), sorted by both; ``answers`` also have ``ten`` (the score from 0 to 10) and ``band``
    (-1 detractor, 0 passive, 1 promoter; NaN without scale). ``as_of`` is in days too, ``ripe_until`` the
    last time whose window of ``horizon_days`` is over and on record.
    """

    instant: datetime
    as_of: float
    ripe_until: float
    horizon_days: int
    lag_days: int
    currency: str
    orders: pd.DataFrame
    payments: Ledger
    touches: pd.DataFrame
    tickets: pd.DataFrame
    answers: pd.DataFrame

    @cached_property
    def visits(self) -> Ledger:
        """The orders alone, fees left out."""
        return Ledger(self.orders["who"].to_numpy(), self.orders["at"].to_numpy())

    def spend_after(self, who: Codes, at: Array, days: float | None = None) -> Array:
        """Return what each customer paid, net, in the ``days`` (the horizon) after ``at``, (m,) money."""
        return self.payments.total("net", who, at, at + (self.horizon_days if days is None else days))

    def left_after(self, who: Codes, at: Array) -> Array:
        """Return 1 for who paid nothing within the horizon after ``at``, else 0, (m,)."""
        return np.asarray(self.payments.count(who, at, at + self.horizon_days) == 0, dtype=np.float64)

    def is_ripe(self, at: Array) -> Rows:
        """Return whether the window after each ``at`` is over and on record, (m,)."""
        return np.asarray(at <= self.ripe_until)

    def month(self, at: Array) -> Codes:
        """Return the calendar month (UTC) of each time, as months since 1970, (m,)."""
        return np.asarray(np.floor(at).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64))

    def to_text(self) -> str:
        """Return ``as_of`` as text."""
        return to_text(self.instant)


def read_facts(events: Events, settings: Settings, as_of: datetime) -> Facts:
    """Return what was known before ``as_of``; amounts are net of the refunds known by then."""
    snapshot = take_snapshot(events, as_of, settings)
    bought = snapshot.orders.filter(snapshot.orders.qualifying)
    tables = {
        "orders": _read(bought, ORDERS),
        "touches": _read(snapshot.interactions, TOUCHES),
        "tickets": _read(snapshot.tickets, TICKETS),
        "answers": _read(snapshot.feedback, ANSWERS),
        "fees": _read(snapshot.subscriptions, FEES),
    }
    refusals = set(_read(snapshot.refusals, ("customer_id",))["customer_id"])
    tables = {name: each[~each["customer_id"].isin(refusals)] for name, each in tables.items()}
    tables = _number_customers(tables)
    orders, until = tables["orders"], _to_days(pd.Series([pd.Timestamp(as_of)]))[0]
    fees = _list_fees(tables["fees"], until)
    net = np.concatenate([orders["amount"].to_numpy(np.float64), fees["amount"].to_numpy(np.float64)])
    gross = np.concatenate([orders["gross"].to_numpy(np.float64), fees["amount"].to_numpy(np.float64)])
    who = np.concatenate([orders["who"].to_numpy(), fees["who"].to_numpy()])
    at = np.concatenate([orders["at"].to_numpy(), fees["at"].to_numpy()])
    horizon, lag = settings.horizons.horizon_days, find_maturity_lag(events, as_of)
    return Facts(
        instant=as_of,
        as_of=until,
        ripe_until=until - horizon - lag,
        horizon_days=horizon,
        lag_days=lag,
        currency=settings.workspace.currency,
        orders=orders,
        payments=Ledger.of(who.astype(np.int64), at, net=net, gross=gross),
        touches=tables["touches"],
        tickets=_time_responses(tables["tickets"]),
        answers=_grade(tables["answers"]),
    )


def _read(table: Table, names: Sequence[str]) -> pd.DataFrame:
    columns = {name: number(table[name]) if name in MONEY else table[name] for name in names}
    return read_frame(table.select(**columns)).to_pandas()


def _number_customers(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the tables with ``who`` and ``at``, sorted by both and then by all else."""
    names = np.unique(
        np.concatenate([each["customer_id"].to_numpy(dtype=object) for each in tables.values()])
    )
    numbered = {}
    for name, each in tables.items():
        who = np.searchsorted(names, each["customer_id"].to_numpy(dtype=object))
        told = each.drop(columns=["customer_id", "occurred_at"])
        told = told.assign(who=who, at=_to_days(each["occurred_at"]))
        order = ["who", "at", *(column for column in told.columns if column not in ("who", "at"))]
        numbered[name] = told.sort_values(order, kind="stable", ignore_index=True)
    return numbered


def _to_days(instants: "pd.Series[pd.Timestamp]") -> Array:
    """Return days since 1970, NaN where missing."""
    begin = pd.Timestamp(0, tz="UTC") if getattr(instants.dt, "tz", None) is not None else pd.Timestamp(0)
    seconds = (instants - begin) / pd.Timedelta(seconds=1)
    return np.asarray(seconds.to_numpy(dtype=np.float64) / SECONDS_PER_DAY)


def _list_fees(plans: pd.DataFrame, as_of: float) -> pd.DataFrame:
    """Return a row per fee that fell due before ``as_of``: at the start, and every 30 days while it ran."""
    end = np.minimum(np.nan_to_num(_to_days(plans["ended_at"]), nan=np.inf), as_of)
    start = plans["at"].to_numpy(dtype=np.float64)
    dues = np.maximum(np.ceil((end - start) / FEE_DAYS), 0).astype(np.int64)
    row = np.repeat(np.arange(len(plans)), dues)
    number = np.arange(row.size) - np.repeat(np.cumsum(dues) - dues, dues)
    return pd.DataFrame(
        {
            "who": plans["who"].to_numpy()[row],
            "at": start[row] + FEE_DAYS * number,
            "amount": plans["monthly_fee"].to_numpy(dtype=np.float64)[row],
        }
    )


def _time_responses(tickets: pd.DataFrame) -> pd.DataFrame:
    """Return tickets with ``response_days``, NaN while unanswered."""
    answered = _to_days(tickets.pop("first_response_at"))
    return tickets.assign(response_days=answered - tickets["at"].to_numpy())


def _grade(answers: pd.DataFrame) -> pd.DataFrame:
    """Return answers with their scores from 0 to 10 and their bands."""
    score, low, high = (
        answers.pop(name).to_numpy(np.float64) for name in ("score", "scale_min", "scale_max")
    )
    ten = to_ten(score, low, high)
    return answers.assign(
        ten=ten, band=bands_of(ten), sentiment=answers["sentiment"].to_numpy(dtype=np.float64)
    )
