"""Starts the service: a BentoML server in a child process, with a configuration that keeps to itself."""

import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from contracts.errors import SettingsError
from contracts.settings import read_variable, set_variable_default
from contracts.workspace import open_workspace

WORKSPACES = "FEDELE_WORKSPACES"
WORKERS = "FEDELE_SERVE__WORKERS"
HOST = "FEDELE_SERVE__HOST"
SEPARATOR = "\n"
GRACE_SECONDS = 20
_ERROR_STREAM = 2
_QUIET = {"BENTOML_DO_NOT_TRACK": "True", "DO_NOT_TRACK": "true", "OMP_NUM_THREADS": "1"}


def build_command(host: str, port: int) -> list[str]:
    """Return the command that serves on ``host`` and ``port``; the workspaces come by ``set_environment``."""
    home = Path(__file__).resolve().parents[1]
    return [
        *(sys.executable, "-m", "bentoml", "serve", "serving.service:Fedele"),
        *("--working-dir", str(home), "--host", host, "--port", str(port)),
        *("--timeout-graceful-shutdown", str(GRACE_SECONDS), "--timeout-keep-alive", "5"),
    ]


def set_environment(folders: Sequence[Path], workers: int, probes_on: str | None = None) -> None:
    """Tell the server, through the environment of this process, what to serve.

    ``probes_on`` is the address where workers answer probes, where they have a port of their own.

    Raises:
        SettingsError: the environment already says something else.
    """
    wanted = {
        WORKSPACES: SEPARATOR.join(str(folder.resolve()) for folder in folders),
        WORKERS: str(workers),
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
        "BENTOML_HOME": str(folders[0].resolve() / ".bentoml"),
    }
    if probes_on is not None:
        wanted[HOST] = probes_on
    for name, value in (wanted | _QUIET).items():
        set_variable_default(name, value)
    for name in (WORKSPACES, WORKERS, HOST):
        if name in wanted and read_variable(name) != wanted[name]:
            raise SettingsError(f"{name} is set to something else: unset it, or serve what it names.")


def start_server(folders: Sequence[Path], host: str, port: int, workers: int = 1) -> int:
    """Serve the workspaces until a signal ends it; return the server's exit status.

    Raises:
        WorkspaceError: a folder is no workspace; nothing was started.
        SettingsError: its settings, or the environment, contradict what was asked; the probes' port is taken.
    """
    opened = [open_workspace(folder) for folder in folders]
    probe_port = opened[0].settings.serve.probe_port
    if probe_port is not None:
        _check_free(host, probe_port)
    set_environment(folders, workers, None if probe_port is None else host)
    # A session of its own: Ctrl-C reaches this process alone, which passes it on once. It speaks on the
    # error stream, since the output stream belongs to the command's one JSON object.
    server = subprocess.Popen(build_command(host, port), start_new_session=True, stdout=_ERROR_STREAM)

    def pass_on(number: int, frame: FrameType | None) -> None:
        del frame
        server.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return server.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def find_family(host: str) -> socket.AddressFamily:
    """Return the family of the address to listen on.

    Examples:
        >>> [find_family(each).name for each in ("127.0.0.1", "localhost", "::1")]
        ['AF_INET', 'AF_INET', 'AF_INET6']
    """
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _check_free(host: str, port: int) -> None:
    try:
        socket.create_server((host, port), family=find_family(host)).close()
    except OSError as error:
        raise SettingsError(
            f"Nothing can listen on {host}:{port} ({error.strerror}): name another [serve] probe_port."
        ) from error
