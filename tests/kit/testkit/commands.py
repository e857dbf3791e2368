"""The real ``fedele`` command in a process of its own, as people and schedulers start it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from testkit.tree import ROOT


def build_command(*arguments: str) -> list[str]:
    """Return the command line of ``fedele`` with these arguments, in the environment of this Python."""
    return [sys.executable, "-W", "ignore", "-m", "cli.main", *arguments]


def build_environment(home: Path, clock: str | None = None, **more: str) -> dict[str, str]:
    """Return a bare environment: one thread, a home of its own, a stopped clock where one is given."""
    stopped = {} if clock is None else {"FEDELE_CLOCK": clock}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "BENTOML_DO_NOT_TRACK": "True", "MPLBACKEND": "Agg"}
    path = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT)}
    return {**path, **quiet, "OMP_NUM_THREADS": "1", **stopped, **more}


def call_fedele(
    folder: Path, *arguments: str, clock: str | None = None, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return what ``fedele ... --json`` printed in the workspace ``folder``.

    Raises:
        RuntimeError: its exit status was not 0; the message ends with what it said.
    """
    child = subprocess.run(
        build_command(*arguments, "--json"),
        cwd=folder,
        env=build_environment(folder, clock, **(environment or {})),
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode:
        raise RuntimeError(f"fedele {arguments[0]} ended with {child.returncode}: {child.stderr[-2000:]}")
    printed: dict[str, Any] = json.loads(child.stdout)
    return printed
