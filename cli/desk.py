"""``fedele desk``: the way in to the desk."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import Json, open_here, show

if TYPE_CHECKING:
    from contracts.workspace import Workspace
    from serving.desk.entry import EntryLink

desk = typer.Typer(no_args_is_help=True)


@desk.callback()
def desk_commands() -> None:
    """The desk: sign-in links for people."""


@desk.command()
def link(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port the service listens on, if not the usual one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print a fresh sign-in link: it works once, for 15 minutes, on this machine."""
    from contracts.time import to_text

    made = _create(open_here(), port)
    lines = [
        made.address,
        "It works once, for 15 minutes, in a browser on this machine while `fedele serve` runs.",
    ]
    show({"link": made.address, "expires_at": to_text(made.expires_at)}, as_json, lines)


def make_link(workspace: "Workspace") -> str:
    """Return a fresh sign-in link of a workspace."""
    return _create(workspace).address


def _create(workspace: "Workspace", port: int | None = None) -> "EntryLink":
    from contracts.time import read_clock
    from serving.desk.entry import create_link

    return create_link(workspace, read_clock(), port)
