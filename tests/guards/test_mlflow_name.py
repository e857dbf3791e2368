"""Our folder mlflow/ shares its name with the library and must never hide it."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from testkit.tree import ROOT, find_files


def test_our_mlflow_folder_holds_no_python():
    assert [file.name for file in find_files(ROOT / "mlflow") if file.suffix in (".py", ".pyi", ".so")] == []


def test_no_module_at_the_root_is_called_mlflow():
    assert not (ROOT / "mlflow.py").exists()


def test_mlflow_is_the_library_for_the_tests():
    specification = importlib.util.find_spec("mlflow")
    assert specification is not None
    assert specification.origin is not None
    assert ROOT / "mlflow" not in Path(specification.origin).resolve().parents


def test_mlflow_is_the_library_when_python_starts_in_the_root():
    code = "import importlib.util as u; print(u.find_spec('mlflow').origin)"
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    child = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert child.stdout.strip() != "None"
    assert ROOT / "mlflow" not in Path(child.stdout.strip()).resolve().parents
