"""``fedele features``: the feature frame as a file."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import Json, show


def features(
    as_of: Annotated[
        str | None, typer.Option(help="Date (midnight in the workspace's zone) or instant.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Parquet file; by default under frames/.")] = None,
    as_json: Json = False,
) -> None:
    """Build and store the feature frame: one row per scored customer."""
    from cli.output import open_here, working
    from contracts.stopwatch import measure_seconds
    from contracts.time import read_clock, to_text
    from training.frames import store_frame

    workspace = open_here()
    instant = workspace.as_of(as_of, read_clock())
    with measure_seconds() as seconds, working("Building features"):
        stored = store_frame(workspace, instant, out)
    families = ", ".join(f"{family} {count}" for family, count in stored.families.items())
    result = {
        "as_of": to_text(instant),
        "file": str(stored.file),
        "customers": stored.customers,
        "features": sum(stored.families.values()),
        "families": stored.families,
        "feature_hash": stored.feature_hash,
        "seconds": seconds(),
    }
    show(
        result,
        as_json,
        [
            f"{stored.customers} customers, {result['features']} features ({families}).",
            f"Feature list {stored.feature_hash}, written to {stored.file}.",
        ],
    )
