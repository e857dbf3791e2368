"""``fedele train``: a model from the facts so far, backtested, recorded and gated."""

from typing import Annotated, Any

import typer

from cli.output import Json, show


def train(
    as_of: Annotated[str | None, typer.Option(help="Use nothing at or after this date or instant.")] = None,
    horizon_days: Annotated[int | None, typer.Option(help="Churn: no order in this many days.")] = None,
    clv_horizon_days: Annotated[int | None, typer.Option(help="Value over this many days.")] = None,
    who: Annotated[str, typer.Option(help="Who trains; kept in the promotion log.")] = "fedele train",
    as_json: Json = False,
) -> None:
    """Backtest on past cutoffs, fit, write a bundle, record it in MLflow, promote it if the gate passes."""
    from contracts.settings import set_variable_default

    set_variable_default("OMP_NUM_THREADS", "2")
    from cli.output import open_here, working
    from contracts.stopwatch import measure_seconds
    from contracts.time import read_clock
    from features.store.lock import hold_lock
    from training.train import train as train_model

    workspace = open_here().with_horizons(horizon_days, clv_horizon_days)
    now = read_clock()
    task = "Training: features of past cutoffs, models, backtest"
    with hold_lock(workspace.lock, "fedele train"), measure_seconds() as seconds, working(task):
        outcome = train_model(workspace, workspace.as_of(as_of, now), now, who)
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
