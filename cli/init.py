"""``fedele init``: a new workspace."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import Json, show


def init(
    directory: Annotated[Path, typer.Argument(help="Folder of the workspace; made if absent.")] = Path(),
    currency: Annotated[str, typer.Option(help="ISO 4217 code of the company's money.")] = "EUR",
    timezone: Annotated[str, typer.Option(help="Zone of the company's midnight, like Europe/Rome.")] = "UTC",
    as_json: Json = False,
) -> None:
    """Make a workspace with a commented fedele.toml."""
    from contracts.workspace import create_workspace

    workspace = create_workspace(directory, currency=currency, timezone=timezone)
    show(
        {"workspace": str(workspace.root), "settings": str(workspace.root / "fedele.toml")},
        as_json,
        [
            f"Made a workspace in {workspace.root}.",
            "Next: cd there, then `fedele ingest orders FILE.csv --dry-run` shows how orders would be read.",
        ],
    )
