"""The kind of an NPS answer matters, losing all feedback breaks no score, and late answers change nothing.

A simulated shop with all seven tables is ingested, trained and scored; then its feedback is exchanged.
*Swapped*: relational answers are called transactional and the other way round. *Removed*: no feedback at all.
*Leak*: for every customer an answer of 91 days before `as_of` that knows what came: 10 of 10 from who ordered
in the 90 days that followed, 0 from who did not, recorded at `as_of` or later. All go through the door of
`fedele ingest`.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from contracts.settings import SourceSection
from contracts.workspace import Workspace
from features.ingest.load import ingest_files
from serving.batch import score_everyone
from testkit.claims.figure import Figure, Scale, none_of, noted
from testkit.ledger import build_champion_frame, count_frame_differences, read_model, read_records
from testkit.workspaces import NOW, Shop, find_shop
from training.train import train

SWAP = {"nps_relational": "nps_transactional", "nps_transactional": "nps_relational"}
INSTANT = "%Y-%m-%dT%H:%M:%SZ"
VOLATILE = ("generation", "scored_at")
SAID_DAYS = 91

Records = Mapping[str, Mapping[str, Any]]


def measure(scale: Scale) -> list[Figure]:
    """Return what each exchange changed; the full scale trains again where the leak is planted."""
    shop = find_shop()
    before = _read(shop.workspace)
    with tempfile.TemporaryDirectory() as folder:
        return [
            *_swap(shop, before, Path(folder) / "swapped"),
            *_remove(shop, before, Path(folder) / "removed"),
            *_plant(shop, before, Path(folder), thorough=scale.thorough),
        ]


def _swap(shop: Shop, before: Records, folder: Path) -> list[Figure]:
    feedback = shop.company.tables["feedback"]
    kinds = feedback["kind"].map(lambda kind: SWAP.get(kind, kind))
    workspace = _without_feedback(shop, folder)
    _ingest(workspace, feedback.assign(kind=kinds, recorded_at=feedback["occurred_at"]), "swapped")
    frames = [build_champion_frame(each, shop.as_of) for each in (shop.workspace, workspace)]
    moved = (_risks(_score(workspace, shop)) - _risks(before)).abs()
    used = [name for name in read_model(shop.workspace).features.names if name.startswith("voice.")]
    return [
        Figure("voice features of the model", len(used), 20, "at least"),
        Figure("kinds swapped: features that changed", count_frame_differences(*frames), 100, "at least"),
        Figure("kinds swapped: churn probabilities that changed", int((moved > 0).sum()), 1, "at least"),
        noted("kinds swapped: largest change of a churn probability", float(moved.max())),
    ]


def _remove(shop: Shop, before: Records, folder: Path) -> list[Figure]:
    records = _score(_without_feedback(shop, folder), shop)
    risks = _risks(records)
    whole = sum("degraded" not in row["flags"] for row in records.values())
    mute = sum(not row["reasons"] for row in records.values())
    return [
        Figure("feedback removed: customers scored", len(records), len(before), "equals"),
        none_of("feedback removed: probabilities that are none", int((~risks.between(0, 1)).sum())),
        none_of("feedback removed: scores without the flag degraded", whole),
        none_of("feedback removed: scores without a reason", mute),
    ]


def _plant(shop: Shop, before: Records, folder: Path, *, thorough: bool) -> list[Figure]:
    late, early = (shop.copy(folder / name) for name in ("late", "early"))
    leak = _write_leak(shop, list(before))
    planted = _ingest(late, leak, "leak")
    _ingest(early, leak.assign(recorded_at=leak["occurred_at"]), "leak")
    figures = [
        Figure("leak: answers planted", planted, len(before), "equals"),
        none_of("leak: stored scores that changed", _count_changed(before, _score(late, shop))),
        Figure(
            "the same answers recorded when given: stored scores that changed",
            _count_changed(before, _score(early, shop)),
            1,
            "at least",
        ),
    ]
    if not thorough:
        return figures
    version = train(late, shop.as_of, NOW, "testkit").version
    honest, leaked = (_digest(late.bundles / each) for each in (shop.outcome.version, version))
    differing = {name for name in {*honest, *leaked} if honest.get(name) != leaked.get(name)}
    return [*figures, none_of("leak: files of a bundle trained with it that differ", len(differing))]


def _without_feedback(shop: Shop, folder: Path) -> Workspace:
    workspace = shop.copy(folder)
    shutil.rmtree(workspace.events / "feedback")
    return workspace


def _ingest(workspace: Workspace, feedback: pd.DataFrame, source: str) -> int:
    file = workspace.root / f"{source}.csv"
    feedback.to_csv(file, index=False, date_format=INSTANT)
    options = SourceSection(recorded_at="recorded_at")
    return ingest_files(workspace, "feedback", [file], options, source=source, now=NOW)[0].loaded


def _score(workspace: Workspace, shop: Shop) -> Records:
    score_everyone(workspace, shop.as_of, NOW)
    return _read(workspace)


def _read(workspace: Workspace) -> Records:
    return {row["customer_id"]: row for row in read_records(workspace, "en")}


def _risks(records: Records) -> "pd.Series[float]":
    return pd.Series({name: row["churn_probability"] for name, row in records.items()}, dtype=float)


def _count_changed(before: Records, after: Records) -> int:
    one, other = (
        {name: {key: row[key] for key in row if key not in VOLATILE} for name, row in records.items()}
        for records in (before, after)
    )
    return sum(one.get(name) != other.get(name) for name in {*one, *other})


def _write_leak(shop: Shop, customers: list[str]) -> pd.DataFrame:
    orders, said = shop.company.tables["orders"], pd.Timestamp(shop.as_of - timedelta(days=SAID_DAYS))
    buyers = orders.loc[orders["occurred_at"] > said + timedelta(days=1), "customer_id"]
    hours = pd.to_timedelta(np.arange(len(customers)) % 48, unit="h")
    return pd.DataFrame(
        {
            "feedback_id": [f"leak-{place}" for place in range(len(customers))],
            "customer_id": customers,
            "occurred_at": said,
            "recorded_at": pd.Timestamp(shop.as_of) + hours,
            "kind": "nps_relational",
            "score": np.where(pd.Series(customers).isin(buyers), 10, 0),
            "scale_min": 0,
            "scale_max": 10,
        }
    )


def _digest(bundle: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in bundle.iterdir()}
