"""Contributions add up, the numbers of a score obey one law, and the order of the input changes nothing."""

import csv
import tempfile
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contracts.errors import ContractError
from contracts.feature_frame import FeatureFrame
from contracts.randomness import generator
from contracts.scores import CURVE_DAYS
from contracts.workspace import Workspace
from serving.batch import score_everyone
from serving.store.rows import STORED
from testkit.claims.figure import Figure, Scale, none_of
from testkit.ledger import (
    build_champion_frame,
    count_differences,
    count_frame_differences,
    find_current,
    read_model,
    read_records,
    read_scores,
)
from testkit.tenth import AS_OF, NOW, find_trained, load_sample, share_champion
from testkit.workspaces import find_shop
from training.models.customer_model import CustomerModel, Prediction
from training.models.members import find_raw

Array = npt.NDArray[np.float64]
Checks = dict[str, npt.NDArray[np.bool_]]

SEED = 5
ROUNDING = 1e-6
CENT = 0.011
RAW, KIND = STORED.index("raw_score"), STORED.index("kind")


def measure(scale: Scale) -> list[Figure]:
    """Return the gap of the sum and the number of broken laws over all scores of the tenth sample."""
    figures = _measure_shop("CDNOW", find_trained(), AS_OF, scale.examples)
    if scale.thorough:
        shop = find_shop()
        figures += _measure_shop("simulated", shop.workspace, shop.as_of, scale.examples)
    return [*figures, *_order_of_input(scale.examples)]


def _measure_shop(shop: str, workspace: Workspace, as_of: datetime, examples: int) -> list[Figure]:
    model = read_model(workspace)
    frame = build_champion_frame(workspace, as_of)
    prediction = model.predict(frame)
    broken = _check_law(model, prediction) | _check_records(_read_shoppers(workspace))
    figures = [
        *_additivity(workspace, model, frame),
        Figure("customers whose laws are checked", len(frame), 100, "at least"),
        *(none_of(f"customers who break: {name}", int((~holds).sum())) for name, holds in broken.items()),
        *_order_of_rows(model, frame, prediction, examples),
    ]
    return [replace(figure, name=f"{shop}: {figure.name}") for figure in figures]


def _additivity(workspace: Workspace, model: CustomerModel, frame: FeatureFrame) -> list[Figure]:
    scores = model.predict(frame).scores
    whole = find_raw(model.churn, model.see(frame))
    parts = scores.contributions.sum(axis=1) + scores.offset + scores.base
    rows = read_scores(workspace, find_current(workspace).generation)
    stored = np.array([row[RAW] for row in rows if row[KIND] == "shop"], dtype=np.float64)
    return [
        Figure(
            "contributions + offset + base against LightGBM's own raw score",
            _gap(parts, whole),
            1e-9,
            "at most",
        ),
        Figure(
            "contributions + offset + base against the stored raw score", _gap(parts, stored), 1e-9, "at most"
        ),
        Figure(
            "largest contribution of any feature",
            float(np.abs(scores.contributions).max()),
            1e-3,
            "at least",
        ),
    ]


def _read_shoppers(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the records of who buys by orders; subscribers have laws of their own."""
    return [record for record in read_records(workspace, "en") if record["kind"] == "shop"]


def _gap(one: Array, other: Array) -> float:
    return float(np.abs(one - other).max())


def _check_law(model: CustomerModel, prediction: Prediction) -> Checks:
    """Return which customers obey each law, before anything is rounded."""
    joint, p = prediction.joint, prediction.churn_probability
    curve = model.curve(prediction, CURVE_DAYS)
    end = model.curve(prediction, (model.terms.clv_horizon_days,))
    at_risk = joint.value_if_stays - joint.clv_mean
    return {
        "E[N] >= 1 - p": joint.expected_purchases >= 1 - p,
        "p10 <= p50 <= p90": (joint.p10 <= joint.p50) & (joint.p50 <= joint.p90),
        "p50 = 0 exactly when P(no spend) >= 0.5": (joint.p50 == 0) == (joint.p_no_spend >= 0.5),
        "P(no spend) <= p": joint.p_no_spend <= p,
        "value at risk = value if stays - CLV": np.isclose(
            joint.value_at_risk, at_risk, rtol=1e-9, atol=1e-9
        ),
        "value if stays >= value if leaves >= 0": joint.value_if_stays
        >= np.maximum(joint.value_if_leaves, 0),
        "the range of p holds p": (prediction.low <= p) & (p <= prediction.high),
        "the curve's probability never rises": _never_falls(-curve.churn_probability),
        "the curve's purchases never fall": _never_falls(curve.expected_purchases),
        "the curve's value never falls": _never_falls(curve.clv_mean),
        "the curve ends at the CLV": np.isclose(end.clv_mean[:, 0], joint.clv_mean, rtol=1e-9),
    }


def _never_falls(columns: Array) -> npt.NDArray[np.bool_]:
    steps = np.diff(columns, axis=1)
    return np.asarray((steps >= -1e-9 * np.abs(columns[:, 1:])).all(axis=1))


def _check_records(records: list[dict[str, Any]]) -> Checks:
    """Return which stored records obey the laws as far as their rounding can show."""
    flat = pd.json_normalize(records)
    p, mean = flat["churn_probability"], flat["clv.mean"]
    mixed = (1 - p) * flat["value_if_stays"] + p * flat["value_if_leaves"]
    slack = CENT + ROUNDING * flat["value_if_stays"]
    return {
        "stored E[N] >= 1 - p": (flat["expected_purchases"] >= 1 - p - 2 * ROUNDING).to_numpy(),
        "stored CLV = (1 - p) stays + p leaves": ((mean - mixed).abs() <= slack).to_numpy(),
        "stored contact value = (1 - p) value at risk": (
            (flat["contact_value"] - (1 - p) * flat["value_at_risk"]).abs() <= slack
        ).to_numpy(),
    }


def _order_of_rows(
    model: CustomerModel, frame: FeatureFrame, prediction: Prediction, examples: int
) -> list[Figure]:
    moved, refused = 0, 0
    for seed in range(examples):
        draw = generator(SEED, "frame", seed)
        order = draw.permutation(len(frame))
        shuffled = FeatureFrame(frame.index.iloc[order], frame.values.iloc[order], frame.features)
        answer = model.predict(shuffled)
        moved += sum(int((after != before[order]).sum()) for before, after in _pairs(prediction, answer))
        names = draw.permutation(np.array(frame.features.names))
        refused += _is_refused(frame, list(names))
    return [
        none_of("numbers that change with the order of the frame's rows", moved),
        Figure("frames with shuffled columns that are refused by name", refused, examples, "equals"),
    ]


def _pairs(one: Prediction, other: Prediction) -> Iterator[tuple[Array, Array]]:
    yield one.scores.contributions, other.scores.contributions
    for name in ("raw", "churn_probability", "low", "high"):
        yield getattr(one, name), getattr(other, name)
    for field in fields(one.joint):
        yield getattr(one.joint, field.name), getattr(other.joint, field.name)


def _is_refused(frame: FeatureFrame, names: list[str]) -> bool:
    try:
        FeatureFrame(frame.index, frame.values[names], frame.features)
    except ContractError:
        return True
    return False


def _order_of_input(examples: int) -> list[Figure]:
    """Ingest the same file with rows and columns shuffled, and score it with the same model."""
    trained = find_trained()
    frame = build_champion_frame(trained, AS_OF)
    stored = read_scores(trained, find_current(trained).generation)
    cells = rows = 0
    for seed in range(examples):
        with tempfile.TemporaryDirectory() as folder:
            file = _shuffle(trained.root / "sample.csv", Path(folder) / "shuffled.csv", seed)
            workspace = load_sample(Path(folder) / "shop", file)
            share_champion(workspace)
            cells += count_frame_differences(frame, build_champion_frame(workspace, AS_OF))
            name = score_everyone(workspace, AS_OF, NOW).generation
            rows += count_differences(stored, read_scores(workspace, name))
    return [
        none_of("features that change with the order of the file's rows and columns", cells),
        none_of("stored scores that change with it, canonical bytes included", rows),
    ]


def _shuffle(file: Path, shuffled: Path, seed: int) -> Path:
    with file.open(encoding="utf-8", newline="") as source:
        header, *rows = csv.reader(source)
    draw = generator(SEED, "file", seed)
    columns, order = draw.permutation(len(header)).tolist(), draw.permutation(len(rows)).tolist()
    with shuffled.open("w", encoding="utf-8", newline="") as out:
        written = csv.writer(out)
        written.writerow([header[column] for column in columns])
        written.writerows([rows[row][column] for column in columns] for row in order)
    return shuffled
