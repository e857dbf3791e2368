"""``fedele backup``: the workspace in one file."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import Json, show


def backup(
    file: Annotated[Path, typer.Argument(help="A new file outside the workspace, for example shop.tar.")],
    as_json: Json = False,
) -> None:
    """Write the whole workspace into one file, as of this moment."""
    from cli.output import open_here, working
    from contracts.time import read_clock
    from serving.backup import save_backup

    with working("Backing up"):
        done = save_backup(open_here(), file, read_clock())
    show(
        {"file": str(file), "files": done.files, "bytes": done.bytes},
        as_json,
        [
            f"{done.files:,} files, {done.bytes:,} bytes, written to {file}.",
            "It holds customers' data: keep it safe, and no longer than you may.",
        ],
    )
