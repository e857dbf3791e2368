"""The notebooks run from top to bottom without a warning, and what is stored is what the code says."""

import json

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

from testkit.tree import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SCRIPTS = sorted((ROOT / "notebooks").glob("*.py"))
SECONDS = 300
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read_sources(notebook):
    return [(cell.cell_type, cell.source.strip()) for cell in notebook.cells]


def read_outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def find_noise(notebook):
    """Return what a notebook should not have: errors, and anything on the error stream."""
    return [
        output
        for output in read_outputs(notebook)
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


def list_results(notebook):
    """Return the kinds of result each cell shows; what is printed may come in one piece or in several."""
    return [
        [output.output_type for output in cell.get("outputs", []) if output.output_type != "stream"]
        for cell in notebook.cells
    ]


def test_every_notebook_has_its_script_and_every_script_its_notebook():
    assert NOTEBOOKS
    assert [path.stem for path in NOTEBOOKS] == [path.stem for path in SCRIPTS]


@each_notebook
def test_the_notebook_and_its_script_hold_the_same_cells(path):
    stored = nbformat.read(path, as_version=4)
    assert read_sources(stored) == read_sources(jupytext.read(path.with_suffix(".py")))


@each_notebook
def test_the_notebook_is_stored_with_outputs_and_pictures_and_no_noise(path):
    stored = nbformat.read(path, as_version=4)
    pictures = [
        output for output in read_outputs(stored) if "image/png" in json.dumps(output.get("data", {}))[:40]
    ]
    assert len(pictures) >= 3
    assert find_noise(stored) == []
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


@each_notebook
def test_the_notebook_runs_without_noise_and_shows_what_is_stored(path, tmp_path, monkeypatch):
    # Jupyter writes its profile and the connection file below these.
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    stored = nbformat.read(path, as_version=4)
    fresh = nbformat.read(path, as_version=4)
    NotebookClient(
        fresh, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    assert find_noise(fresh) == []
    assert list_results(fresh) == list_results(stored)
