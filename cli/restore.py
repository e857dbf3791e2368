"""``fedele restore``: a workspace from a backup."""

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
    as_json: Json = False,
) -> None:
    """Unpack a backup into a new folder; refused as a whole if one byte of it was altered."""
    from serving.backup import restore_backup

    workspace = restore_backup(file, folder, digest=digest)
    lines = [
        f"The workspace {workspace.settings.workspace.name} is in {folder}.",
        "Next: `fedele status` there, then point the service to it.",
    ]
    show({"folder": str(folder), "workspace": workspace.settings.workspace.name}, as_json, lines)
