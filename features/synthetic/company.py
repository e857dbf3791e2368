"""A simulated company: seven tables of facts and the truth behind them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from contracts.events import TABLES, Kind, Name
from contracts.randomness import generator
from features.synthetic.answers import feedback_table, satisfaction_of
from features.synthetic.orders import Ordered, draw_orders
from features.synthetic.parameters import CompanyParameters
from features.synthetic.people import People, customer_table, draw_people
from features.synthetic.purchases import order_table
from features.synthetic.relations import action_table, answering_orders, subscription_table
from features.synthetic.survey import hold_survey
from features.synthetic.touchpoints import interaction_table, ticket_table

MICROSECONDS_PER_DAY = 86_400_000_000
MEAN_DELAY_DAYS = {
    "customers": 0.01,
    "orders": 0.05,
    "subscriptions": 0.05,
    "interactions": 0.3,
    "tickets": 0.02,
    "feedback": 1.0,
    "actions": 0.5,
}
_EMPTY: dict[Kind, str] = {
    "string": "object",
    "instant": "datetime64[us, UTC]",
    "money": "float64",
    "number": "float64",
    "integer": "int64",
    "flag": "bool",
}


@dataclass(frozen=True)
class Company:
    """A simulated company.

    ``tables`` holds all seven tables in the columns of the contract (then attributes, then ``recorded_at``
    where asked for), instants in UTC. ``truth`` has one row per customer: ``rate`` (a week), ``dropout``
    (probability after a repeat order, which says nothing where leaving is ``exponential``), ``mean_spend``,
    ``alive_until`` (missing while alive), ``mood`` and ``satisfaction`` (0 to 10) at the end,
    ``omnichannel``, ``silent``, ``language``, ``orders`` (those of the buying clock, campaign orders left
    out); where a survey is held also ``answer`` (0 to 10), what each would say if all answered at ``as_of``.
    """

    parameters: CompanyParameters
    tables: dict[str, pd.DataFrame]
    truth: pd.DataFrame


def simulate_company(parameters: CompanyParameters, seed: int) -> Company:
    """Return the company that ``parameters`` and ``seed`` determine, bit for bit.

    Examples:
        >>> company = simulate_company(CompanyParameters(customers=50, days=120), seed=1)
        >>> sorted(company.tables)
        ['actions', 'customers', 'feedback', 'interactions', 'orders', 'subscriptions', 'tickets']
        >>> len(company.truth)
        50
    """
    people = draw_people(parameters, seed)
    ordered = draw_orders(people, parameters, seed)
    raw = {
        "customers": customer_table(people, parameters, seed),
        "orders": order_table(people, ordered, parameters, seed),
    }
    if not parameters.plain:
        actions = action_table(people, parameters, seed)
        extra = answering_orders(people, actions, parameters, seed)
        raw["orders"] = pd.concat([raw["orders"], extra], ignore_index=True)
        raw |= {
            "actions": actions.assign(customer_id=people.ids[actions["who"]]).drop(columns="who"),
            "subscriptions": subscription_table(people, parameters, seed),
            "interactions": interaction_table(people, ordered, parameters, seed),
            "tickets": ticket_table(people, ordered, parameters, seed),
            "feedback": feedback_table(people, ordered, parameters, seed),
        }
    truth = _truth(people, ordered, parameters)
    if parameters.survey.held:
        survey = hold_survey(people, ordered, parameters, seed)
        for name, rows in (("feedback", survey.feedback), ("actions", survey.actions)):
            raw[name] = pd.concat([raw[name], rows], ignore_index=True) if name in raw else rows
        truth = truth.assign(answer=survey.answers)
    tables = {name: _finish(name, raw.get(name), parameters, seed) for name in TABLES}
    return Company(parameters, tables, truth)


def write_company(company: Company, folder: Path) -> dict[str, Path]:
    """Write one CSV per table that has rows, as ``fedele ingest`` reads it, and return the files by table.

    Instants are UTC with Z to the second, flags ``true`` and ``false``, missing values empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for name, table in company.tables.items():
        if table.empty:
            continue
        written[name] = folder / f"{name}.csv"
        _as_text(table).to_csv(written[name], index=False, lineterminator="\n", encoding="utf-8")
    return written


def _finish(name: str, table: pd.DataFrame | None, parameters: CompanyParameters, seed: int) -> pd.DataFrame:
    contract = TABLES[name]
    if table is None or table.empty:
        empty = {column.name: pd.Series([], dtype=_EMPTY[column.kind]) for column in contract.columns}
        return pd.DataFrame(empty)
    further = [column for column in table.columns if column not in contract.names]
    days = table[Name.OCCURRED_AT].to_numpy(dtype=np.float64)
    table = table.reindex(columns=[*contract.names, *further]).copy()
    for column in contract.columns:
        if column.kind == "instant":
            table[column.name] = _to_instants(table[column.name], parameters)
    if parameters.delays:
        delay = generator(seed, "delays", name).exponential(MEAN_DELAY_DAYS[name], len(table))
        table[Name.RECORDED_AT] = _to_instants(pd.Series(days + delay), parameters)
    order = [Name.OCCURRED_AT, contract.key]
    return table.sort_values(order, kind="stable", ignore_index=True)


def _to_instants(days: "pd.Series[float]", parameters: CompanyParameters) -> "pd.Series[pd.Timestamp]":
    """Return instants to the second; delayed records never come before what they record."""
    values = days.to_numpy(dtype=np.float64)
    seconds = np.floor(np.nan_to_num(values) * MICROSECONDS_PER_DAY / 1e6).astype("timedelta64[s]")
    begin = np.datetime64(parameters.begins_at.replace(tzinfo=None), "us")
    instants = np.where(np.isnan(values), np.datetime64("NaT", "us"), begin + seconds)
    return pd.Series(instants, dtype="datetime64[us]").dt.tz_localize("UTC")


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    text = table.copy()
    for name, kind in table.dtypes.items():
        if isinstance(kind, pd.DatetimeTZDtype):
            text[name] = table[name].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        elif kind == np.dtype(bool):
            text[name] = table[name].map({True: "true", False: "false"})
    return text


def _truth(people: People, ordered: Ordered, parameters: CompanyParameters) -> pd.DataFrame:
    everyone = np.arange(len(people))
    mood = ordered.mood_at(everyone, np.full(len(people), float(parameters.days)), people.base_mood)
    gone = pd.Series(np.where(np.isinf(ordered.alive_until), np.nan, ordered.alive_until))
    return pd.DataFrame(
        {
            "customer_id": people.ids,
            "rate": people.rate,
            "dropout": people.dropout,
            "mean_spend": parameters.spending.p / people.spend_rate,
            "alive_until": _to_instants(gone, parameters),
            "mood": mood,
            "satisfaction": satisfaction_of(mood),
            "omnichannel": people.omnichannel,
            "silent": people.silent,
            "language": people.language,
            "orders": np.bincount(ordered.customer, minlength=len(people)),
        }
    )
