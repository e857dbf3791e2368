"""``fedele train --frame`` and ``fedele score --frame``: models of anyone's table."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from cli.output import say, show


@dataclass(frozen=True)
class Reading:
    """Which table to learn from, and how it is parted."""

    frame: Path
    label: str | None
    customer_id: str | None
    positive: str | None
    folds: int
    repeats: int | None
    seed: int
    allow: tuple[str, ...]


def refuse_options(given: Mapping[str, Any], why: str) -> None:
    """End with bad usage where an option was given that has no meaning here."""
    for name, value in given.items():
        if value:
            raise typer.BadParameter(why, param_hint=name)


def train_on_table(asked: Reading, as_json: bool) -> None:
    """Judge the table, fit, keep the bundle, tell MLflow, and print what came of it."""
    from cli.evaluate import describe
    from cli.output import open_here
    from contracts.stopwatch import measure_seconds
    from contracts.time import read_clock
    from features.store.lock import hold_lock
    from training.evaluation import plan_for
    from training.table import read_table
    from training.table_training import Task, train_table

    if asked.label is None:
        raise typer.BadParameter("--frame needs --label, the column that says who left", param_hint="--label")
    workspace = open_here()
    now = read_clock()
    with hold_lock(workspace.lock, "fedele train"), measure_seconds() as seconds:
        table = read_table(asked.frame, asked.label, asked.customer_id, asked.positive)
        plan = plan_for(len(table), asked.folds, asked.repeats, asked.seed)
        task = Task(asked.label, asked.customer_id, plan, asked.allow)
        outcome = train_table(workspace, table, task, now, say)
    result = outcome.to_dict(seconds())
    show(result, as_json, [*_head(result), *describe(result), *result["remarks"], _next(result)])


def score_new_table(
    frame: Path, version: str, out: Path, customer_id: str | None, lang: str
) -> dict[str, Any]:
    """Score a table with a model of tables, write the file, and return the result of the command."""
    from cli.output import counting, open_here
    from contracts.scores import LANGUAGES
    from contracts.stopwatch import measure_seconds
    from training.table_bundle import load_table_model
    from training.table_scores import count_unseen, read_new_table, save_scores, score_table

    workspace = open_here()
    with measure_seconds() as seconds, counting("Scored rows") as progress:
        model, manifest = load_table_model(workspace, version)
        table = read_new_table(frame, model.features, customer_id, manifest["customer_id"])
        chosen = next(each for each in LANGUAGES if each == lang)
        scores = score_table(model, table, chosen, progress)
        save_scores(out, scores)
    unseen = count_unseen(model, table.frame)
    return {
        "model_version": version.strip(),
        "kind": "table",
        "label": manifest["label"],
        "scored": len(table.ids),
        "ignored_columns": table.ignored,
        "unseen_levels": unseen,
        "out": str(out),
        "remarks": list(table.remarks),
        "seconds": seconds(),
    }


def describe_scores(result: Mapping[str, Any]) -> list[str]:
    """Return the result of scoring a table as lines for people."""
    first = (
        f"{result['scored']} rows scored with version {result['model_version']}; "
        f"{result['ignored_columns']} columns were not needed."
    )
    unseen = [
        f"Column {name!r}: {count} cells hold a value the model does not know; they count as other."
        for name, count in result["unseen_levels"].items()
    ]
    return [first, *unseen, *result["remarks"], f"Written to {result['out']}."]


def _head(result: Mapping[str, Any]) -> list[str]:
    gate, constant, gain = result["gate"], result["constant_log_loss"], result["gain"]
    against = (
        f"Log loss {constant - gain:.4f}; the base rate for everyone has {constant:.4f}, {gain:.4f} more "
        f"(standard error {result['gain_se']:.4f})."
    )
    return [
        f"Model {result['model_version']} of {result['columns']} columns; it scores tables.",
        "Gate: passed." if gate["passed"] else "Gate: not passed. " + " ".join(gate["reasons"]),
        against,
    ]


def _next(result: Mapping[str, Any]) -> str:
    if not result["gate"]["passed"]:
        return "It scores nobody. Next: mend the table and train again."
    return f"Next: fedele score --frame NEW --model {result['model_version']} --out scores.csv"
