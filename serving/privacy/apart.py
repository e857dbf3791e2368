"""``python -m serving.privacy.apart FOLDER INSTANT``: forgetting in a process of its own; the id on stdin.

It rewrites files of any size and loads what a service has no use for, so it costs the service neither memory
nor time to answer others. What it says and does is what ``fedele forget`` says and does.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from contracts.errors import FedeleError, LockHeld, StoreError
from contracts.scores import dumps
from contracts.time import parse_as_of, to_text
from contracts.workspace import Workspace, open_workspace

COMMAND = (sys.executable, "-m", "serving.privacy.apart")


def forget_apart(
    workspace: Workspace, customer_id: str, now: datetime, command: Sequence[str] = COMMAND
) -> dict[str, Any]:
    """Erase a customer for good and return the proof, as ``Forgotten.to_dict`` gives it.

    It is never cut short: whoever does not wait for it finds the work done when asking again.

    Raises:
        LockHeld: another command is writing; nothing was erased.
        StoreError: it did not end well; asking again goes on where it ended.
    """
    child = subprocess.run(
        [*command, str(workspace.root), to_text(now)],
        input=json.dumps(customer_id),
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        check=False,
    )
    told = json.loads(child.stdout) if child.returncode == 0 and child.stdout else {}
    if told.get("code") == LockHeld.code:
        raise LockHeld(told["text"])
    if "proof" not in told:
        raise StoreError("An erasure was not finished: ask for it again; the log says why.")
    proof: dict[str, Any] = told["proof"]
    return proof


def main(folder: str, instant: str) -> None:
    """Forget whom the input names, as of the instant of whoever started this process; print the proof."""
    from serving.privacy.forget import forget

    try:
        found = forget(open_workspace(Path(folder)), json.load(sys.stdin), parse_as_of(instant))
        told: dict[str, Any] = {"proof": found.to_dict()}
    except FedeleError as error:
        told = {"code": error.code, "text": str(error)}
        sys.stderr.write(dumps({"error": "erasure"} | told).decode() + "\n")
    sys.stdout.write(dumps(told).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
