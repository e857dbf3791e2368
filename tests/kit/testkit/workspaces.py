"""A simulated shop, ingested, trained and scored once per process. Copy its workspace, never change it."""

import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from contracts.settings import SourceSection
from contracts.workspace import Workspace, create_workspace, open_workspace
from features.engine import Engine, Events
from features.ingest.load import ingest_files
from features.synthetic import Company, CompanyParameters, simulate_company, write_company
from serving.batch import score_everyone
from serving.store.rows import GenerationInfo
from testkit.companies import naive
from training.fitting import Training
from training.folds import Fold
from training.train import Outcome, train

CUSTOMERS, DAYS, SEED = 500, 500, 3
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
COSTS = "\n[costs]\nper_ticket = 8.0\nper_interaction = 0.05\n"


@dataclass(frozen=True, eq=False)
class Shop:
    """A company and what Fedele made of it; ``files`` keeps the folder alive."""

    files: "tempfile.TemporaryDirectory[str]"
    company: Company
    workspace: Workspace
    outcome: Outcome
    generation: GenerationInfo

    @property
    def as_of(self) -> datetime:
        """The instant it was trained and scored as of."""
        return self.company.parameters.ends_at

    @property
    def training(self) -> Training:
        """What the training run found of who buys by orders."""
        return self.outcome.training

    def copy(self, folder: Path) -> Workspace:
        """Return a copy of the workspace in the new ``folder``."""
        shutil.copytree(self.workspace.root, folder)
        return open_workspace(folder)


@cache
def find_shop() -> Shop:
    """Return the shop: seven tables, costs to serve, four matured cutoffs of 90 days."""
    files = tempfile.TemporaryDirectory(prefix="fedele-shop-")
    company = simulate_company(CompanyParameters(customers=CUSTOMERS, days=DAYS), SEED)
    workspace = load_company(company, Path(files.name) / "shop", COSTS)
    as_of = company.parameters.ends_at
    outcome = train(workspace, as_of, NOW, "testkit")
    return Shop(files, company, workspace, outcome, score_everyone(workspace, as_of, NOW))


@cache
def find_folds() -> tuple[Fold, ...]:
    """Return the folds of the shop's training set under BG/NBD."""
    return find_shop().training.lanes[0].folds


@cache
def find_plain_company(customers: int = 300, days: int = 500, seed: int = 5) -> Company:
    """Return a company of the pure BG/NBD and Gamma-Gamma models."""
    return simulate_company(CompanyParameters.without_effects(customers=customers, days=days), seed)


def open_orders(company: Company, threads: int = 1) -> Events:
    """Return the orders of a company alone, in an engine of their own: the other tables hold nothing."""
    return Engine(threads=threads).open_frames({"orders": naive(company.tables["orders"])})


def load_company(company: Company, folder: Path, more_settings: str = "") -> Workspace:
    """Return a new workspace in ``folder`` with every table of the company ingested."""
    made = create_workspace(folder, currency=company.parameters.currency, name="shop")
    file = folder / "fedele.toml"
    text = file.read_text(encoding="utf-8").replace("\n[costs]\n", more_settings or "\n[costs]\n")
    # Shorter histories are tested by themselves: here they would cost a quarter of each training.
    file.write_text(text.replace("histories = true", "histories = false"), encoding="utf-8")
    workspace = open_workspace(made.root)
    for table, written in write_company(company, folder / "files").items():
        ingest_files(workspace, table, [written], SourceSection(), source="simulated", now=NOW)
    shutil.rmtree(folder / "files")
    return workspace
