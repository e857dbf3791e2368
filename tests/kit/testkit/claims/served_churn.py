"""Served churn on the real holdout of CDNOW, and a future that cannot reach any feature or score."""

import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contracts.workspace import Workspace, open_workspace
from serving.batch import score_everyone
from testkit.cdnow import HOLDOUT_WEEKS, cdnow_summary
from testkit.claims.figure import Figure, Scale, none_of
from testkit.later_facts import add_later_facts
from testkit.ledger import (
    build_champion_frame,
    count_differences,
    count_frame_differences,
    find_current,
    read_generations,
    read_records,
)
from testkit.tenth import AS_OF, find_buyers, find_trained
from testkit.workspaces import find_shop
from training import metrics
from training.models.beta_geo import BetaGeo

Array = npt.NDArray[np.float64]


def measure(scale: Scale) -> list[Figure]:
    """Return accuracy of the scores as stored, and what changed when facts at or after ``as_of`` came in."""
    figures = [*_accuracy(), *_published(), *_future("CDNOW", find_trained(), AS_OF, scale.examples)]
    if scale.thorough:
        shop = find_shop()
        figures += _past("CDNOW", find_trained(), AS_OF)
        figures += _future("simulated", shop.workspace, shop.as_of, scale.examples)
        figures += _past("simulated", shop.workspace, shop.as_of)
    return figures


def _accuracy() -> list[Figure]:
    records, buyers = read_records(find_trained(), "en"), find_buyers()
    churned = np.array([record["customer_id"] not in buyers for record in records], dtype=np.float64)
    served = np.array([record["churn_probability"] for record in records])
    dropped = np.array(
        [1.0 - (1.0 if record["p_alive"] is None else record["p_alive"]) for record in records]
    )
    return [
        Figure("customers scored, of 2,357 of whom 8 never bought", len(records), 2349, "equals"),
        Figure("AUC of the served churn probability", metrics.auc(churned, served), 0.755, "at least"),
        Figure(
            "Brier score of the served churn probability", metrics.brier(churned, served), 0.165, "at most"
        ),
        # 0.316 where BG/NBD serves: the published summary below. Pareto/NBD ranks no better, and not alike.
        Figure("AUC of 1 - p_alive as served (null is 1)", metrics.auc(churned, dropped), 0.35, "at most"),
    ]


def _published() -> list[Figure]:
    summary = cdnow_summary()
    history = (summary.frequency, summary.recency, summary.age)
    at = BetaGeo().fit(*history).parameters_
    churned: Array = (summary.holdout_purchases == 0).astype(np.float64)
    dropped = metrics.auc(churned, 1.0 - at.p_alive(*history))
    silent = metrics.auc(churned, at.p_no_purchase(HOLDOUT_WEEKS, *history))
    return [
        Figure("AUC of 1 - p_alive on the published summary", dropped, 0.316, "equals", 5e-4),
        Figure("AUC of BG/NBD's own P(no purchase) there, for comparison", silent, 0.757, "equals", 5e-4),
    ]


def _future(name: str, trained: Workspace, as_of: datetime, examples: int) -> list[Figure]:
    parts = [_change(trained, as_of, as_of, seed) for seed in range(examples)]
    added, cells, rows = (sum(column) for column in zip(*parts, strict=True))
    return [
        Figure(
            f"{name}: facts at or after as_of added to all seven tables", added, 300 * examples, "at least"
        ),
        none_of(f"{name}: features that changed", cells),
        none_of(f"{name}: rows of stored scores that changed, canonical bytes and all", rows),
    ]


def _past(name: str, trained: Workspace, as_of: datetime) -> list[Figure]:
    """Return what the same facts change when they come a second earlier: the instrument is not blind."""
    _, cells, rows = _change(trained, as_of, as_of - timedelta(seconds=1), 0)
    return [
        Figure(f"{name}: features that the same facts change one second earlier", cells, 1, "at least"),
        Figure(f"{name}: rows of scores that they change then", rows, 1, "at least"),
    ]


def _change(trained: Workspace, as_of: datetime, known_from: datetime, seed: int) -> tuple[int, int, int]:
    """Return how many facts were added to a copy, and how many features and rows of scores changed by it."""
    before, generations = build_champion_frame(trained, as_of), read_generations(trained)
    customers = before.index["customer_id"].tolist()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(trained.root, Path(folder) / "shop")
        workspace = open_workspace(Path(folder) / "shop")
        added = sum(report.loaded for report in add_later_facts(workspace, customers, known_from, seed))
        cells = count_frame_differences(before, build_champion_frame(workspace, as_of))
        score_everyone(workspace, as_of, find_current(workspace).scored_at)
        after = read_generations(workspace)
    rows = sum(
        count_differences(generations.get(name, []), after.get(name, [])) for name in {*generations, *after}
    )
    return added, cells, rows
