"""``fedele score``: everyone into a new generation, or a table of one's own into a file."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import Json, show


def score(
    as_of: Annotated[
        str | None, typer.Option(help="Date (midnight in the workspace's zone) or instant.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write the records to this .parquet or .csv file.")
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of the reasons in the file: en or it.")] = "en",
    hindsight: Annotated[
        bool, typer.Option("--hindsight", help="Allow a date before the model's own; scores are marked.")
    ] = False,
    frame: Annotated[
        Path | None, typer.Option(help="Score this CSV or Parquet file instead; needs --model and --out.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="With --frame: a version of `fedele train --frame`.")
    ] = None,
    customer_id: Annotated[
        str | None, typer.Option("--id", help="With --frame: the column that names the customer.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Score every customer into a new generation, seen all at once; or a table of your own, into a file."""
    from cli.output import counting, open_here
    from cli.table import describe_scores, refuse_options, score_new_table
    from contracts.scores import LANGUAGES
    from contracts.stopwatch import measure_seconds
    from contracts.time import read_clock, to_text
    from features.store.lock import hold_lock
    from serving.batch import export_generation, score_everyone
    from serving.export import check_export_name
    from serving.outcomes import hand_over
    from serving.privacy.objections import withdraw_objectors
    from serving.webhooks import deliver_now

    if lang not in LANGUAGES:
        raise typer.BadParameter(f"{lang!r} is neither en nor it", param_hint="--lang")
    if out is not None:
        check_export_name(out)
    if frame is not None:
        refuse_options({"--as-of": as_of, "--hindsight": hindsight}, "a table has no time: leave it out")
        if model is None or out is None:
            raise typer.BadParameter("needs --model VERSION and --out FILE beside it", param_hint="--frame")
        result = score_new_table(frame, model, out, customer_id, lang)
        show(result, as_json, describe_scores(result))
        return
    refuse_options({"--model": model, "--id": customer_id}, "is for tables: give --frame too")
    workspace = open_here()
    now = read_clock()
    hand_over(workspace, now)
    with hold_lock(workspace.lock, "fedele score"), measure_seconds() as seconds:
        instant = workspace.as_of(as_of, now)
        with counting("Scored customers") as progress:
            done = score_everyone(workspace, instant, now, hindsight=hindsight, progress=progress)
        withdraw_objectors(workspace, now)  # the new scores lack them already, those kept from before may not
        if out is not None:
            export_generation(workspace, done, out, lang)
    deliver_now(workspace, read_clock())
    missing = sum(done.not_scored.values())
    result = {
        "generation": done.generation,
        "as_of": to_text(done.as_of),
        "scored": done.scored,
        "not_scored": missing,
        "not_scored_reasons": dict(done.not_scored),
        "model_version": done.model_version,
        "seconds": seconds(),
    }
    reasons = ", ".join(f"{count} {reason}" for reason, count in done.not_scored.items())
    lines = [
        f"Generation {done.generation}: {done.scored} customers scored"
        + (f", {reasons}." if reasons else ".")
    ]
    if out is not None:
        lines.append(f"Written to {out}.")
    show(result, as_json, [*lines, "Next: fedele serve"])
