"""``fedele evaluate``: the referee on anyone's labelled table."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.output import Json, say, show


def evaluate(
    frame: Annotated[Path, typer.Option(help="CSV or Parquet file, one row per customer.")],
    label: Annotated[str, typer.Option(help="Column that says who left.")],
    customer_id: Annotated[
        str | None, typer.Option("--id", help="Column that names the customer; it predicts nothing.")
    ] = None,
    positive: Annotated[str | None, typer.Option(help="The label's value for those who left.")] = None,
    folds: Annotated[int, typer.Option(min=2, help="Parts of the table; each is predicted once.")] = 5,
    repeats: Annotated[
        int | None,
        typer.Option(min=1, help="How often the table is parted anew; by default 3, from 20,000 rows on 1."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal figures.")] = 0,
    allow: Annotated[
        list[str] | None, typer.Option(help="A suspicious column you vouch for; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge how well churn can be told from a ready table, and name columns that look leaked."""
    from contracts.settings import set_variable_default

    set_variable_default("OMP_NUM_THREADS", "2")
    from contracts.stopwatch import measure_seconds
    from training.evaluation import evaluate_table, plan_for
    from training.table import read_table

    with measure_seconds() as seconds:
        table = read_table(frame, label, customer_id, positive)
        plan = plan_for(len(table), folds, repeats, seed)
        outcome = evaluate_table(table, plan, tuple(allow or ()), say)
    result = outcome.to_dict(seconds())
    show(result, as_json, [*describe(result), *table.remarks, *outcome.leaks.remarks])


def describe(result: dict[str, Any]) -> list[str]:
    """Return the figures of an evaluation as lines for people."""
    lines = [
        f"{result['rows']} customers, {result['base_rate']:.1%} of them left.",
        (
            f"AUC {result['auc']:.4f} (SD over folds {result['auc_sd']:.4f}), "
            f"log loss {result['log_loss']:.4f}, "
            f"Brier {result['brier']:.4f}, lift at 10 % {result['lift_at_10']:.2f}, "
            f"EMPC {result['empc']:.2f} (SD over folds {result['empc_sd']:.2f})."
        ),
    ]
    if "auc_without_strongest" in result:
        lines.append(
            f"Without the strongest column the AUC is {result['auc_without_strongest']:.4f}, "
            f"without its twins too {result['auc_without_twins']:.4f}."
        )
    lines += [f"Suspicious: {each['text']}" for each in result["suspicious"]]
    if result["suspicious"]:
        lines.append("Next: leave these columns out, or vouch for one with --allow COLUMN.")
    return lines
