"""``fedele promote``: a trained model becomes the champion."""

from typing import Annotated

import typer

from cli.output import Json, open_here, show

Reason = Annotated[str, typer.Option(help="Why; kept in the promotion log.")]
Who = Annotated[str, typer.Option(envvar="USER", show_envvar=False, help="Who decides; kept in the log.")]


def promote(
    version: Annotated[
        str | None, typer.Argument(help="Number of a trained model; the latest if left out.")
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Pass over a gate that said no; needs --reason, never helps a leak."),
    ] = False,
    reason: Reason = "",
    who: Who = "unknown",
    as_json: Json = False,
) -> None:
    """Make a trained model the champion, the one that serves."""
    from contracts.time import read_clock
    from features.store.lock import hold_lock
    from serving.ledger.promotions import take_over_promotions
    from training import promotion

    workspace = open_here()
    with hold_lock(workspace.lock, "fedele promote"):
        now = read_clock()
        done = promotion.promote(workspace, version, who=who, now=now, reason=reason, force=force)
        take_over_promotions(workspace, now)
    before = f", after version {done.previous}" if done.previous not in (None, done.version) else ""
    show(
        {**done.to_dict(), "warnings": list(done.warnings)},
        as_json,
        [
            f"Version {done.version} is the champion{before}.",
            *done.warnings,
            "Next: `fedele score` to score everyone with it.",
        ],
    )
