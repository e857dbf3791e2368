"""Killing a command at a random moment, as a power cut would."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np


def kill_at_random(
    command: Sequence[str],
    rng: np.random.Generator,
    longest: float,
    shortest: float = 0.0,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> bool:
    """Kill -9 the command after a random time of up to ``longest`` seconds; True if it still ran.

    It starts in ``folder`` and ``environment``, by default those of this process.

    Raises:
        subprocess.CalledProcessError: the command failed by itself.
    """
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder, env=environment
    ) as process:
        try:
            _, told = process.communicate(timeout=float(rng.uniform(shortest, longest)))
        except subprocess.TimeoutExpired:
            process.kill()
            return True
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command), stderr=told)
    return False
