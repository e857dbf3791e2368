"""The CDNOW tenth sample in a workspace: ingested, trained and scored as of 1997-10-01, once per process."""

import csv
import shutil
import tempfile
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from contracts.settings import SourceSection
from contracts.workspace import Workspace, create_workspace, open_workspace
from features.ingest.load import ingest_files
from serving.batch import score_everyone
from testkit.cdnow import read_cdnow_sample
from training.train import train

AS_OF = datetime(1997, 10, 1, tzinfo=UTC)
NOW = datetime(1998, 8, 1, tzinfo=UTC)
HORIZON_DAYS = 273
FIRST_HOLDOUT_DAY, END_OF_HOLDOUT = date(1997, 10, 1), date(1998, 7, 1)
OPTIONS = SourceSection(currency="USD", timezone="UTC")


def write_sample(file: Path) -> Path:
    """Write the published sample as a CSV of orders without order ids."""
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(("customer_id", "occurred_at", "amount"))
        rows.writerows((customer, day.isoformat(), dollars) for customer, day, dollars in read_cdnow_sample())
    return file


_KEPT: list["tempfile.TemporaryDirectory[str]"] = []


@cache
def find_trained() -> Workspace:
    """Return a trained and scored workspace, which lives as long as the process: copy it to change it."""
    folder = tempfile.TemporaryDirectory(prefix="fedele-tenth-")
    _KEPT.append(folder)
    workspace = load_sample(Path(folder.name) / "shop")
    train(workspace, AS_OF, NOW, "testkit")
    score_everyone(workspace, AS_OF, NOW)
    return workspace


def load_sample(folder: Path, file: Path | None = None) -> Workspace:
    """Return a new workspace with the horizons of the holdout and the sample (or ``file``) ingested."""
    made = create_workspace(folder, currency="USD", name="CDNOW")
    settings = folder / "fedele.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        text.replace("horizon_days = 90 ", f"horizon_days = {HORIZON_DAYS} ").replace(
            "clv_horizon_days = 365", f"clv_horizon_days = {HORIZON_DAYS}"
        ),
        encoding="utf-8",
    )
    workspace = open_workspace(made.root)
    ingest_files(
        workspace, "orders", [file or write_sample(folder / "sample.csv")], OPTIONS, source="cdnow", now=NOW
    )
    return workspace


def copy_trained(folder: Path) -> Workspace:
    """Return a copy of the trained workspace in the new ``folder``."""
    shutil.copytree(find_trained().root, folder)
    return open_workspace(folder)


def share_champion(workspace: Workspace) -> None:
    """Give another workspace the champion of the trained one, and the key it is signed with."""
    shutil.copytree(find_trained().models, workspace.models)
    shutil.copy2(find_trained().bundle_key, workspace.bundle_key)


def find_buyers() -> set[str]:
    """Return who bought something in the holdout of 273 days."""
    return {
        customer
        for customer, day, dollars in read_cdnow_sample()
        if FIRST_HOLDOUT_DAY <= day < END_OF_HOLDOUT and dollars > 0
    }
