"""One simulated company in two stores: one ends at an instant, the other holds what came later as well."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
from deltalake import DeltaTable

from contracts.events import TABLES
from contracts.settings import SourceSection
from contracts.workspace import Workspace, create_workspace, open_workspace
from features.ingest.load import ingest_files
from features.synthetic import Company, CompanyParameters, simulate_company, write_company
from testkit.later_facts import add_later_facts
from training.bundle import make_key

OPTIONS = SourceSection(recorded_at="recorded_at")
SOURCE = "till"
DAYS_AFTER = 120
CORRECTED = 40
RATES = '\n[[rates]]\ncurrency = "USD"\ndate = "2020-01-01"\nrate = 0.9\n'
_LATE_RECORD = timedelta(days=20)


@dataclass(frozen=True)
class Twins:
    """Two workspaces with the same facts before ``as_of``; only ``grown`` has any at or after it."""

    as_of: datetime
    ended: Workspace
    grown: Workspace


def build_twins(folder: Path, customers: int, days: int, seed: int) -> Twins:
    """Return the stores of a company ``days`` after its start.

    The grown one knows how open tickets and subscriptions ended, holds corrections and refunds of earlier
    orders, late news, a new attribute of customers, orders in another currency, and its tables are compacted.
    """
    parameters = CompanyParameters(customers=customers, days=days + DAYS_AFTER, delays=True)
    company = simulate_company(parameters, seed)
    as_of = parameters.begins_at + timedelta(days=days)
    before = {name: _before(table, as_of) for name, table in company.tables.items()}
    masked = {name: _mask(name, table, as_of) for name, table in before.items()}
    ended = _load(folder / "ended", company, masked, as_of + timedelta(days=1))
    grown = _load(folder / "grown", company, before, as_of + timedelta(days=30))
    _grow(grown, company, as_of)
    add_later_facts(grown, before["orders"]["customer_id"].tolist(), as_of, seed)
    for table in TABLES:
        compact(grown, table)
    # One key, so that the signatures of equal bundles are equal too.
    make_key(ended)
    shutil.copy2(ended.bundle_key, grown.bundle_key)
    return Twins(as_of, ended, grown)


def compact(workspace: Workspace, table: str) -> None:
    """Rewrite the files of a Delta table as few."""
    DeltaTable(workspace.events / table).optimize.compact()


def _load(folder: Path, company: Company, tables: Mapping[str, pd.DataFrame], now: datetime) -> Workspace:
    workspace = create_workspace(folder, currency=company.parameters.currency, name="twin")
    part = replace(company, tables=dict(tables))
    for name, file in write_company(part, folder / "files").items():
        ingest_files(workspace, name, [file], OPTIONS, source=SOURCE, now=now)
    shutil.rmtree(folder / "files")
    return workspace


def _grow(workspace: Workspace, company: Company, as_of: datetime) -> None:
    """Load everything recorded at or after ``as_of``, corrections, an attribute and a currency."""
    settings = workspace.root / "fedele.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + RATES, encoding="utf-8")
    workspace = open_workspace(workspace.root)
    later = {name: _after(table, as_of) for name, table in company.tables.items()}
    orders = later["orders"]
    orders["currency"] = orders["currency"].where(orders.index % 2 == 0, "USD")
    before, known = _before(company.tables["orders"], as_of), as_of + _LATE_RECORD
    sold = before[(before["amount"] > 1) & before["refund_of"].isna()]
    fixed = sold.head(CORRECTED).assign(amount=lambda rows: rows["amount"] + 1, recorded_at=known)
    later["orders"] = pd.concat([orders, fixed, _refund(sold.tail(CORRECTED), known)], ignore_index=True)
    people = _before(company.tables["customers"], as_of).assign(recorded_at=known)
    tiers = ["gold" if row % 3 else "silver" for row in range(len(people))]
    later["customers"] = pd.concat([later["customers"], people.assign(tier=tiers)], ignore_index=True)
    part, now = replace(company, tables=later), company.parameters.ends_at + timedelta(days=60)
    for name, file in write_company(part, workspace.root / "files").items():
        ingest_files(workspace, name, [file], OPTIONS, source=SOURCE, now=now)
    shutil.rmtree(workspace.root / "files")


def _refund(sold: pd.DataFrame, known: datetime) -> pd.DataFrame:
    ids = sold["order_id"] + "-back"
    return sold.assign(order_id=ids, amount=-1.0, refund_of=sold["order_id"], recorded_at=known)


def _before(table: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    if "recorded_at" not in table:
        return table
    known = (table["occurred_at"] < as_of) & (table["recorded_at"] < as_of)
    return table[known].reset_index(drop=True)


def _after(table: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    if "recorded_at" not in table:
        return table
    known = (table["occurred_at"] < as_of) & (table["recorded_at"] < as_of)
    return table[~known].reset_index(drop=True)


def _mask(name: str, table: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Return the table as it stood at ``as_of``: what had not ended yet has no end."""
    dated = [column.name for column in TABLES[name].columns if column.state == "dated"]
    return table.assign(**{column: table[column].where(table[column] < as_of) for column in dated})
