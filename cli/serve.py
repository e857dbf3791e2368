"""``fedele serve``: the API and the desk."""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Json, show

if TYPE_CHECKING:
    from contracts.workspace import Workspace


def serve(
    workspace: Annotated[
        list[Path] | None, typer.Option(help="Folder of a workspace; may be given several times.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; by default this machine only.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that answer.")] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Made-up customers, one for each state; nothing of it is kept.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Serve scores to the CRM and the list to people, until Ctrl-C."""
    from contracts.workspace import open_workspace

    if not sandbox:
        folders = workspace or [Path()]
        opened = open_workspace(folders[0])
        raise typer.Exit(_serve(opened, folders, (host, port, workers), ({}, []), as_json=as_json))
    if workspace:
        raise typer.BadParameter("the sandbox is a workspace of its own", param_hint="--workspace")
    from contracts.time import read_clock
    from serving.sandbox import list_states, make_sandbox

    with tempfile.TemporaryDirectory(prefix="fedele-sandbox-") as folder:
        opened, key = make_sandbox(Path(folder) / "sandbox", read_clock())
        states = list_states()
        lines = [f"{customer_id:32} {state}" for customer_id, state in states.items()]
        told = ({"key": key, "customers": states}, [*lines, f"The key to them: {key}"])
        raise typer.Exit(_serve(opened, [opened.root], (host, port, workers), told, as_json=as_json))


def _serve(
    opened: "Workspace",
    folders: list[Path],
    wanted: tuple[str | None, int | None, int | None],
    told: tuple[dict[str, Any], list[str]],
    *,
    as_json: bool,
) -> int:
    """Say where it answers, and what ``told`` adds; then serve and return the server's exit status."""
    from serving.server import start_server

    settings, (host, port, workers), (more, above) = opened.settings.serve, wanted, told
    chosen_host, chosen_port = host or settings.host, port or settings.port
    url = f"http://{chosen_host}:{chosen_port}"
    lines = [*above, f"Serving on {url}: the desk at {url}/desk, the API at {url}/v1. Ctrl-C ends it."]
    if chosen_host not in ("127.0.0.1", "localhost", "::1"):
        lines.append("Other machines can reach this: put a proxy with TLS in front.")
    names = [str(folder.resolve()) for folder in folders]
    show({"url": url, "workspaces": names} | more, as_json, lines)
    sys.stdout.flush()  # before the server starts to speak
    return start_server(folders, chosen_host, chosen_port, workers or settings.workers)
