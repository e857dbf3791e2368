"""``fedele serve``: the API and the desk."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.output import Json, show


def serve(
    workspace: Annotated[
        list[Path] | None, typer.Option(help="Folder of a workspace; may be given several times.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; by default this machine only.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that answer.")] = None,
    as_json: Json = False,
) -> None:
    """Serve scores to the CRM and the list to people, until Ctrl-C."""
    from contracts.workspace import open_workspace
    from serving.server import start_server

    folders = workspace or [Path()]
    settings = open_workspace(folders[0]).settings.serve
    chosen_host, chosen_port = host or settings.host, port or settings.port
    url = f"http://{chosen_host}:{chosen_port}"
    lines = [f"Serving on {url}: the desk at {url}/desk, the API at {url}/v1. Ctrl-C ends it."]
    if chosen_host not in ("127.0.0.1", "localhost", "::1"):
        lines.append("Other machines can reach this: put a proxy with TLS in front.")
    show({"url": url, "workspaces": [str(folder.resolve()) for folder in folders]}, as_json, lines)
    sys.stdout.flush()  # before the server starts to speak
    raise typer.Exit(start_server(folders, chosen_host, chosen_port, workers or settings.workers))
