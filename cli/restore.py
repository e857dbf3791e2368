"""``fedele restore``: a workspace from a backup, without those erased since."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import Json, show


def restore(
    file: Annotated[Path, typer.Argument(help="What `fedele backup` wrote.")],
    folder: Annotated[Path, typer.Argument(help="A new folder for the workspace.")],
    tombstones: Annotated[
        Path | None,
        typer.Option(help="The workspace in use, or its folder `tombstones`: who was erased since."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a workspace from a backup; whoever was erased since is erased again."""
    from cli.output import working
    from contracts.time import read_clock
    from serving.backup import restore_backup

    with working("Restoring"):
        done = restore_backup(file, folder, tombstones, read_clock())
    result = {"folder": str(folder), "files": done.files, "bytes": done.bytes, "erased": done.erased}
    told = [f"{done.files:,} files, {done.bytes:,} bytes, each with the digest it had, in {folder}."]
    if done.erased:
        told.append(f"{done.erased:,} customers who were erased since are out again.")
    elif tombstones is None:
        told.append("Erased anybody since the backup? Restore again with --tombstones, or erase them again.")
    show(result, as_json, told)
