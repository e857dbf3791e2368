"""A Bento: the service with the champion of a workspace inside, built by BentoML's own command."""

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import BundleRefused, WorkspaceError
from contracts.settings import FILE_NAME, read_variable
from contracts.workspace import Workspace
from serving.champion import NO_CHAMPION
from training.bundle import CHAMPION, read_bundle, read_champion, read_key

PACKAGES = ("contracts", "features", "training", "serving", "cli")
REQUIREMENTS = Path(__file__).parent / "requirements.txt"
INSIDE = "workspace"
BUILD_SECONDS = 300


@dataclass(frozen=True)
class Bento:
    """A built Bento: its file, and the version of the model inside."""

    file: Path
    version: str


def build_bento(workspace: Workspace, file: Path) -> Bento:
    """Write a Bento with the verified champion into the new ``file``.

    The key of the bundles stays outside: whoever runs the Bento hands it over as a secret. So do scores and
    work, which live in a volume or in PostgreSQL.

    Raises:
        WorkspaceError: nothing has been promoted, ``file`` exists, or BentoML could not build.
        BundleRefused: the champion is damaged or not signed here.
    """
    found = read_champion(workspace)
    if found is None:
        raise WorkspaceError(NO_CHAMPION)
    if file.exists():
        raise WorkspaceError(f"{file.name} exists: choose another name.")
    version, folder = found
    read_bundle(folder, read_key(workspace))
    with tempfile.TemporaryDirectory(prefix="fedele-bento-") as place:
        source, home = Path(place) / "source", Path(place) / "home"
        stage_source(workspace, version, source)
        tag = f"fedele:model-{version}"
        environment = {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
        _call(["build", ".", "--version", tag.partition(":")[2], "--output", "tag"], source, environment)
        _call(["export", tag, str(file.resolve())], source, environment)
    return Bento(file, version)


def stage_source(workspace: Workspace, version: str, source: Path) -> None:
    """Lay out what goes into the Bento in the new folder ``source``."""
    home = Path(__file__).resolve().parents[1]
    for package in PACKAGES:
        shutil.copytree(home / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    inside = source / INSIDE
    shutil.copytree(workspace.models / version, inside / "models" / version)
    shutil.copyfile(workspace.root / FILE_NAME, inside / FILE_NAME)
    (inside / "models" / CHAMPION).write_text(f"{version}\n", encoding="utf-8")
    shutil.copyfile(REQUIREMENTS, source / "requirements.txt")
    names = [file.name for file in (inside / "models" / version).iterdir()]
    if not set(names) >= {"manifest.json", "manifest.sig"}:
        raise BundleRefused(f"Bundle {version} is not whole: promote it again.")
    # JSON is YAML; lock_packages off, since every line of the requirements has its hash already.
    (source / "bentofile.yaml").write_text(
        json.dumps(
            {
                "service": "serving.service:Fedele",
                "include": [*(f"{package}/" for package in PACKAGES), f"{INSIDE}/"],
                "python": {"requirements_txt": "./requirements.txt", "lock_packages": False},
                "envs": [
                    {"name": "BENTOML_DO_NOT_TRACK", "value": "True"},
                    {"name": "FEDELE_WORKSPACES", "value": INSIDE},
                    {"name": "OMP_NUM_THREADS", "value": "1"},
                ],
            },
            indent=1,
        ),
        encoding="utf-8",
    )


def _call(arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
    inherited = {name: value for name in ("PATH", "HOME") if (value := read_variable(name)) is not None}
    child = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bentoml", *arguments],
        cwd=folder,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_SECONDS,
    )
    if child.returncode:
        last = (child.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise WorkspaceError(f"BentoML could not {arguments[0]} ({last[:200]}): mend that and try again.")
