"""`fedele train --as-of D` gives the same bytes whatever the store holds beyond D, on one or two threads."""

import hashlib
import tempfile
from pathlib import Path

from contracts.time import to_text
from contracts.workspace import Workspace
from testkit.claims.figure import Figure, Scale, none_of
from testkit.commands import call_fedele
from testkit.grown import build_twins

SEED = 11
DAYS = 345

Digests = dict[str, str]


def measure(scale: Scale) -> list[Figure]:
    """Return how many files of how many bundles differ from those of the first training."""
    with tempfile.TemporaryDirectory() as folder:
        twins = build_twins(Path(folder), scale.customers, DAYS, SEED)
        as_of = to_text(twins.as_of)
        bundles = [
            train_in_process(getattr(twins, store), as_of, threads) for store, threads in scale.trainings
        ]
    first = bundles[0]
    differing = {name for each in bundles for name in {*each, *first} if each.get(name) != first.get(name)}
    return [
        Figure(
            "bundles trained, half of them where the store holds later facts", len(bundles), 2, "at least"
        ),
        Figure("files in each bundle", len(first), 7, "at least"),
        none_of("files whose SHA-256 differs in any bundle", len(differing)),
    ]


def train_in_process(workspace: Workspace, as_of: str, threads: int) -> Digests:
    """Return the SHA-256 of each file of the bundle that a command of its own trained."""
    told = call_fedele(
        workspace.root,
        *("train", "--as-of", as_of),
        environment={"FEDELE_TRAINING__ENGINE_THREADS": str(threads)},
    )
    folder = workspace.bundles / told["model_version"]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}
