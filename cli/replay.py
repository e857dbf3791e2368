"""``fedele replay``: a past score once more, byte for byte."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import Json, show

if TYPE_CHECKING:
    from serving.ledger.replay import Replay


def replay(
    customer: Annotated[str, typer.Argument(help="The customer's id, as the source names them.")],
    generation: Annotated[
        str | None, typer.Option(help="The generation of the score; left out: the last one.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="The score that was shown at this date or instant instead.")
    ] = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="The last score computed on request (until --at), not the stored one."),
    ] = False,
    lang: Annotated[str, typer.Option(help="Language of the printed record: en or it.")] = "en",
    as_json: Json = False,
) -> None:
    """Compute a past score again from what was known then, and check it against the ledger."""
    from cli.output import open_here, working
    from contracts.scores import LANGUAGES
    from contracts.time import read_clock
    from serving.ledger.accesses import Access, AccessLog
    from serving.ledger.replay import describe, find_entry
    from serving.ledger.replay import replay as compute
    from serving.ledger.replay_live import replay_live

    if lang not in LANGUAGES:
        raise typer.BadParameter(f"{lang!r} is neither en nor it", param_hint="--lang")
    if generation is not None and at is not None:
        raise typer.BadParameter("names the score already: leave --at out", param_hint="--generation")
    if generation is not None and live:
        raise typer.BadParameter("a live score is of the moment: use --at", param_hint="--generation")
    workspace, now = open_here(), read_clock()
    instant = None if at is None else workspace.as_of(at, now)
    with working("Computing the score again"):
        if live:
            found = replay_live(workspace, customer, instant, now)
        else:
            entry = find_entry(workspace, generation, instant)
            found = compute(workspace, [customer], entry, now)[customer]
    # A live score was told in one language.
    record = (found.record_it if lang == "it" else found.record_en) or (live and _find_record(found)) or None
    reads = AccessLog(workspace)
    reads.note(Access(now, "command", "replay", (customer,)))
    reads.close()
    print(_tell(found), file=sys.stderr)
    show(describe(found), as_json, [] if record is None else [record.decode()])
    if found.status == "differs":
        raise typer.Exit(1)


def _find_record(found: "Replay") -> bytes | None:
    return found.record_en or found.record_it


def _tell(found: "Replay") -> str:
    name = found.entry.body["generation"]
    if found.status == "differs":
        parts = ", ".join(found.differing)
        return (
            f"Generation {name}: the score cannot be shown again as it was; what differs: {parts}. See "
            "docs/ledger.md for what each of them means."
        )
    said = {
        "reproduced": "the same bytes as then",
        "erased": "this customer was erased, and nothing of them is kept",
        "expired": "older than [retention] ledger_days, so nothing is kept of it",
        "not_scored": "no score of this customer is in it",
    }
    return f"Generation {name}: {said[found.status]}."
