"""``fedele train``: a model from the facts so far, or from a ready table; judged, recorded and gated."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.output import Json, show


def train(
    as_of: Annotated[str | None, typer.Option(help="Use nothing at or after this date or instant.")] = None,
    horizon_days: Annotated[int | None, typer.Option(help="Churn: no order in this many days.")] = None,
    clv_horizon_days: Annotated[int | None, typer.Option(help="Value over this many days.")] = None,
    who: Annotated[str, typer.Option(help="Who trains; kept in the promotion log.")] = "fedele train",
    frame: Annotated[
        Path | None, typer.Option(help="Learn from this CSV or Parquet file instead, one row per customer.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="With --frame: the column that says who left.")] = None,
    customer_id: Annotated[
        str | None, typer.Option("--id", help="With --frame: the column that names the customer.")
    ] = None,
    positive: Annotated[
        str | None, typer.Option(help="With --frame: the label's value for those who left.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(help="With --frame: a suspicious column you vouch for; may be repeated."),
    ] = None,
    folds: Annotated[int, typer.Option(min=2, help="With --frame: parts of the table.")] = 5,
    repeats: Annotated[
        int | None, typer.Option(min=1, help="With --frame: by default 3, from 20,000 rows on 1.")
    ] = None,
    seed: Annotated[int, typer.Option(help="With --frame: equal seeds give equal figures.")] = 0,
    as_json: Json = False,
) -> None:
    """Judge, fit, write a bundle, record it in MLflow; with facts as source promote it if the gate passes."""
    from contracts.settings import set_variable_default

    set_variable_default("OMP_NUM_THREADS", "2")
    from cli.table import Reading, refuse_options, train_on_table

    of_table = {"--label": label, "--id": customer_id, "--positive": positive, "--allow": allow}
    if frame is not None:
        of_facts = {
            "--as-of": as_of,
            "--horizon-days": horizon_days,
            "--clv-horizon-days": clv_horizon_days,
        }
        refuse_options(of_facts, "a table has no time: leave it out, or leave --frame out")
        vouched = tuple(allow or ())
        asked = Reading(frame, label, customer_id, positive, folds, repeats, seed, vouched)
        train_on_table(asked, as_json)
        return
    refuse_options(of_table, "is for tables: give --frame too")
    from cli.output import open_here, working
    from contracts.stopwatch import measure_seconds
    from contracts.time import read_clock
    from features.store.lock import hold_lock
    from serving.ledger.promotions import take_over_promotions
    from serving.outcomes import hand_over
    from training.train import train as train_model

    workspace = open_here().with_horizons(horizon_days, clv_horizon_days)
    now = read_clock()
    hand_over(workspace, now)
    task = "Training: features of past cutoffs, models, backtest"
    with hold_lock(workspace.lock, "fedele train"), measure_seconds() as seconds, working(task):
        outcome = train_model(workspace, workspace.as_of(as_of, now), now, who)
        take_over_promotions(workspace, now)
    result = outcome.to_dict(seconds())
    show(result, as_json, _lines(result))


def _lines(result: dict[str, Any]) -> list[str]:
    population, churn = result["population"], result["churn"]
    first = (
        f"Model {result['model_version']} as of {result['as_of'][:10]}: {population['scored']} customers, "
        f"{population['in_play']} in play, {result['features']} features, {len(result['cutoffs'])} cutoffs "
        f"of {result['window_days']} days."
    )
    lines = [first]
    if "auc" in churn:
        lines.append(
            f"Last matured cutoff, touched once: AUC {churn['auc']:.3f}, Brier {churn['brier']:.3f}, "
            f"log loss {churn['log_loss']:.3f} (base rate {churn['base_rate']:.1%})."
        )
    if result["subscription"] is not None:
        lines.append(_tell_subscribers(result["subscription"]))
    gate = result["gate"]
    lines.append("Gate: passed." if gate["passed"] else "Gate: not passed. " + " ".join(gate["reasons"]))
    lines.extend(result["remarks"])
    lines.append(
        "It is the champion now. Next: fedele score"
        if result["promoted"]
        else "The champion stays. Next: more data, or "
        f"fedele promote {result['model_version']} --force --reason WHY."
    )
    return lines


def _tell_subscribers(found: dict[str, Any]) -> str:
    churn = found["churn"]
    told = (
        f"Subscribers: {found['scored']} scored by {found['family']} with {found['trees']} trees, "
        f"{len(found['cutoffs'])} cutoffs."
    )
    if "log_loss" in churn:
        told += (
            f" Last one: log loss {churn['log_loss']:.3f}, one rate for all {found['naive']['log_loss']:.3f} "
            f"(base rate {churn['base_rate']:.1%})."
        )
    return told
