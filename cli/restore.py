"""``fedele restore``: a workspace from a backup, without those erased since."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import Json, show


def restore(
    file: Annotated[Path, typer.Argument(help="What `fedele backup` wrote.")],
    folder: Annotated[Path, typer.Argument(help="New or empty folder for the workspace.")],
    digest: Annotated[
        str | None, typer.Option(help="As `fedele backup` printed it; refused if it differs.")
    ] = None,
    tombstones: Annotated[
        Path | None,
        typer.Option(help="The workspace in use, or its folder `tombstones`: who was erased since."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Unpack a backup into a new folder; refused as a whole if one byte of it was altered."""
    from cli.output import working
    from contracts.time import read_clock
    from serving.backup import restore_backup

    with working("Restoring"):
        done = restore_backup(file, folder, read_clock(), digest=digest, tombstones=tombstones)
    name = done.workspace.settings.workspace.name
    lines = [f"The workspace {name} is in {folder}: {done.files:,} files, each with the digest it had."]
    if done.erased:
        lines.append(f"{done.erased:,} customers who were erased since are out again.")
    elif tombstones is None:
        lines.append("Erased anybody since the backup? Restore again with --tombstones, or erase them again.")
    lines.append("Next: `fedele status` there, then point the service to it.")
    result = {"folder": str(folder), "workspace": name, "files": done.files, "bytes": done.size}
    show(result | {"erased": done.erased}, as_json, lines)
