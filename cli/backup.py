"""``fedele backup``: the whole workspace in one file."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import Json, open_here, show


def backup(
    file: Annotated[Path, typer.Argument(help="File to write; it must not exist.")], as_json: Json = False
) -> None:
    """Copy the workspace into one file, while the service may go on."""
    from cli.output import working
    from contracts.time import read_clock
    from serving.backup import write_backup

    workspace = open_here()
    with working("Backing up"):
        done = write_backup(workspace, file, read_clock())
    lines = [f"{done.files} files, {done.size:,} bytes in {file}.", f"Digest: {done.digest}"]
    if workspace.store_url is not None:
        lines.append("Scores, keys and people are in PostgreSQL and not in this file: back it up as well.")
    lines.append("It holds customers' data and the key of the bundles: keep it where nobody else reads it.")
    result = {"file": str(file), "files": done.files, "bytes": done.size, "digest": done.digest}
    show(result, as_json, lines)
