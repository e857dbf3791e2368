"""The challenge: a new model may not be worse than the champion by more than a tie, on the same customers."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.time import to_text
from contracts.workspace import Workspace
from features.engine import Events
from features.frame import build_frame
from features.snapshot import take_snapshot
from training.bootstrap import Bootstrap, Difference, compare
from training.bundle import load_manifest, load_model, read_champion
from training.fitting import Training
from training.folds import Fold
from training.forecasts import SERVED
from training.gate import Gate
from training.losses import log_losses
from training.models.customer_model import CustomerModel

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Challenge:
    """The gate after the comparison, and what is said of it; an empty remark where there is no champion."""

    gate: Gate
    remark: str = ""


def challenge(workspace: Workspace, events: Events, training: Training) -> Challenge:
    """Return the gate of a training once it has faced the champion.

    A champion that learned nothing after the report cutoff predicts it now, customer by customer. One that
    was reported at this very cutoff is compared by the figure of its own report. Any other has seen what it
    would be asked, or answers for another window: it is not compared, and that is said.
    """
    champion = read_champion(workspace)
    if champion is None or not training.race.lane.folds:
        return Challenge(training.gate)
    version, folder = champion
    manifest, last = load_manifest(folder), training.race.lane.folds[-1]
    found = None
    if manifest["settings"]["horizon_days"] == last.window_days:
        found = _compare_now(folder, manifest, events, training) or _compare_reports(manifest, training)
    if found is None:
        return Challenge(
            training.gate,
            f"Champion {version} is not compared: it has seen the window after {to_text(last.cutoff)}, or "
            "answers for another horizon.",
        )
    gap = f"{found.mean:+.4f} (standard error {found.error:.4f})"
    if found.verdict == "worse":
        reason = f"The log loss is worse than that of champion {version} by {gap}."
        return Challenge(training.gate.refused(reason))
    return Challenge(training.gate, f"Log loss against champion {version}: {gap}, {found.verdict}.")


def _compare_now(
    folder: Path, manifest: dict[str, Any], events: Events, training: Training
) -> Difference | None:
    """Return the paired difference on the report cutoff; None where the champion learned from after it."""
    last = training.race.lane.folds[-1]
    if datetime.fromisoformat(manifest["trained_until"]) > last.cutoff:
        return None
    model = load_model(folder).shop
    if model is None:
        return None
    probability = _predict(model, events, training, last)
    rows = last.judged & np.isfinite(probability)
    if not rows.any():
        return None
    own = training.report.losses
    other = log_losses(last.churned, np.where(np.isfinite(probability), probability, 0.5))
    return compare(Bootstrap(last.customers), own, other, rows)


def _predict(model: CustomerModel, events: Events, training: Training, last: Fold) -> Array:
    """Return the champion's probabilities of the fold's customers, (n,), NaN for whom it does not know."""
    snapshot = take_snapshot(events, last.cutoff, training.settings)
    frame = build_frame(snapshot, model.features, model.reference.lapsed_after_days)
    frame = frame.rows(frame.index["kind"] == "shop")
    said = dict(zip(frame.index["customer_id"], model.predict(frame).churn_probability, strict=True))
    return np.array([said.get(name, np.nan) for name in last.customers.tolist()], dtype=np.float64)


def _compare_reports(manifest: dict[str, Any], training: Training) -> Difference | None:
    """Return the difference of the two reports, with the new one's own error; None for another cutoff."""
    cutoffs = manifest["cutoffs"]
    last = training.race.lane.folds[-1]
    served = manifest["metrics"].get("families", {}).get(SERVED, {}).get("churn", {})
    if not cutoffs or cutoffs[-1] != to_text(last.cutoff) or "log_loss" not in served:
        return None
    own = training.report.families[SERVED]["churn"]["log_loss"]
    error = training.report.details["errors"][SERVED]["log_loss"]
    return Difference(own - float(served["log_loss"]), error)
