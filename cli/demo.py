"""``fedele demo``: everything once, on the real CDNOW log with simulated feedback beside it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Json, counting, say, show, working

if TYPE_CHECKING:
    from contracts.workspace import Workspace

AS_OF = "1998-07-01"
NAME = "CDNOW (real orders, simulated feedback)"
VOICE_SEED = 1998
SHOWN = 5
SEARCHED = 200
"""How far down the list the demo looks for somebody whose feedback is a reason."""


def demo(
    workspace: Annotated[Path, typer.Option(help="Folder of the demo; made if absent.")] = Path(
        "demo-workspace"
    ),
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Serve the desk and the API at the end.")
    ] = True,
    as_json: Json = False,
) -> None:
    """From 69,659 real purchases to a ranked, explained list, in one command."""
    from contracts.settings import set_variable_default

    set_variable_default("OMP_NUM_THREADS", "2")
    from contracts.stopwatch import measure_seconds

    with measure_seconds() as seconds:
        opened = _open(workspace)
        result = _ingest(opened) | _attach(opened) | _train(opened) | _score(opened)
    result |= {"workspace": str(opened.root), "seconds": seconds()}
    listed = _read_list(opened)
    heard = next((place for place, record in enumerate(listed) if _speaks(record)), 0)
    result |= {"worth_a_contact": listed[:SHOWN], "heard": [listed[heard]] if heard >= SHOWN else []}
    lines = [
        f"Done in {result['seconds']:.0f} s. The five customers most worth a contact:",
        "",
        *_describe(result["worth_a_contact"]),
        *(["", "The first further down whose feedback is a reason:", ""] if result["heard"] else []),
        *_describe(result["heard"], heard + 1),
        "",
        _confess(result["feedback"]),
        "",
    ]
    if not serve:
        show(result, as_json, [*lines, f"Next: cd {workspace} && fedele serve"])
        return
    from cli.desk import make_link

    settings = opened.settings.serve
    lines.append(f"The desk, in English or Italian, opens with this link (15 minutes): {make_link(opened)}")
    lines.append(
        f"The API answers on http://{settings.host}:{settings.port}/v1: fedele keys create --scope score:read"
    )
    show(result, as_json, lines)
    sys.stdout.flush()  # the link shall be read before the server speaks, by a pipe too
    from serving.server import start_server

    raise typer.Exit(start_server([opened.root], settings.host, settings.port))


def _open(folder: Path) -> "Workspace":
    """Return the demo's workspace: a new one, or the one an earlier demo left."""
    from contracts.settings import FILE_NAME
    from contracts.workspace import create_workspace, open_workspace

    if (folder / FILE_NAME).is_file():
        say(f"Using the workspace in {folder}.")
        return open_workspace(folder)
    made = create_workspace(folder, currency="USD", name=NAME)
    file = folder / FILE_NAME
    text = file.read_text(encoding="utf-8").replace('# as_of = "2026-01-31"', f'as_of = "{AS_OF}"')
    # What a shorter log would have given takes a minute more, and is no part of the list.
    file.write_text(text.replace("histories = true ", "histories = false"), encoding="utf-8")
    return open_workspace(made.root)


def _ingest(workspace: "Workspace") -> dict[str, Any]:
    from cli.cdnow import save_cdnow
    from contracts.settings import SourceSection
    from contracts.time import read_clock
    from features.ingest.load import ingest_files

    log = workspace.root / "cdnow.csv"
    if not log.exists():
        save_cdnow(log)
    options = SourceSection(currency="USD", timezone="UTC")
    report = ingest_files(workspace, "orders", [log], options, source="cdnow", now=read_clock())[0]
    say(
        f"1/3 Orders: {report.read:,} read = {report.loaded:,} loaded + {report.duplicate:,} duplicate "
        f"+ {report.quarantined:,} quarantined."
    )
    return {"read": report.read, "loaded": report.loaded, "duplicate": report.duplicate}


def _attach(workspace: "Workspace") -> dict[str, Any]:
    """Load simulated feedback of the log's customers."""
    import pandas as pd

    from contracts.settings import SourceSection
    from contracts.time import parse_as_of, read_clock
    from features.ingest.load import ingest_files
    from features.synthetic.attached import attach_feedback

    file = workspace.root / "simulated-feedback.csv"
    if not file.exists():
        orders = pd.read_csv(workspace.root / "cdnow.csv", dtype={"customer_id": str})
        said = attach_feedback(orders, parse_as_of(AS_OF, "UTC"), VOICE_SEED)
        said.to_csv(file, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    options = SourceSection(recorded_at="recorded_at")
    report = ingest_files(workspace, "feedback", [file], options, source="simulated", now=read_clock())[0]
    say(f"    {_confess(report.read)}")
    return {"feedback": report.read}


def _confess(count: int) -> str:
    return (
        f"Orders are real; the {count:,} answers and comments are simulated, so figures that use them show "
        "how Fedele works, not how good it is."
    )


def _train(workspace: "Workspace") -> dict[str, Any]:
    from contracts.stopwatch import measure_seconds
    from contracts.time import read_clock
    from features.store.lock import hold_lock
    from training.train import train

    now = read_clock()
    task = "2/3 Training at past cutoffs"
    with hold_lock(workspace.lock, "fedele demo"), measure_seconds() as seconds, working(task):
        outcome = train(workspace, workspace.as_of(None, now), now, "fedele demo")
    found = outcome.to_dict(seconds())
    churn = found["churn"]
    say(
        f"    Model {found['model_version']}, {len(found['cutoffs'])} cutoffs: on the last one, which no "
        f"choice saw, AUC {churn['auc']:.3f}, log loss {churn['log_loss']:.3f}; "
        f"gate {'passed' if found['gate']['passed'] else 'not passed'}."
    )
    return {"model_version": found["model_version"], "churn": churn, "gate": found["gate"]}


def _score(workspace: "Workspace") -> dict[str, Any]:
    from contracts.time import read_clock
    from features.store.lock import hold_lock
    from serving.batch import score_everyone

    now = read_clock()
    with hold_lock(workspace.lock, "fedele demo"), counting("3/3 Scored customers") as progress:
        done = score_everyone(workspace, workspace.as_of(None, now), now, progress=progress)
    missing = ", ".join(f"{count:,} {reason}" for reason, count in done.not_scored.items())
    say(
        f"3/3 Scores as of {done.as_of:%Y-%m-%d}: {done.scored:,} customers scored, "
        f"{missing or 'none left out'}."
    )
    return {"generation": done.generation, "scored": done.scored, "not_scored": dict(done.not_scored)}


def _read_list(workspace: "Workspace") -> list[dict[str, Any]]:
    import json

    from serving.store.generations import open_store
    from serving.store.rows import Selection

    store = open_store(workspace)
    try:
        rows = store.page(Selection(), workspace.settings.workspace.language, SEARCHED)
    finally:
        store.close()
    records = [row.record(workspace.settings.workspace.language) for row in rows]
    return [json.loads(record) for record in records if record]


def _speaks(record: dict[str, Any]) -> bool:
    return any(reason["family"] == "voice" for reason in record["reasons"])


def _describe(records: list[dict[str, Any]], first: int = 1) -> list[str]:
    from contracts.numbers import money

    lines = []
    for place, record in enumerate(records, start=first):
        clv, more = (
            money(amount, record["currency"], "en")
            for amount in (record["clv"]["mean"], record["value_at_risk"])
        )
        lines.append(
            f"{place}. Customer {record['customer_id']}: {record['churn_probability']:.0%} risk of no order "
            f"in {record['horizon_days']} days. Expected to bring {clv} in "
            f"{record['clv_horizon_days']} days, {more} more if sure to stay."
        )
        lines.extend(
            f"   {reason['direction']} the estimate: {reason['text']}" for reason in record["reasons"][:3]
        )
    return lines
