"""The files of this repository as a checkout holds them: what is built, cached or installed is left out."""

import ast
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("contracts", "features", "training", "serving", "cli")
LEFT_OUT = frozenset(
    {
        ".git",
        ".venv",
        ".hypothesis",
        ".import_linter_cache",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        "__pycache__",
        "build",
        "demo-workspace",
        "dist",
        "htmlcov",
        "mlruns",
    }
)


def find_files(folder: Path = ROOT) -> Iterator[Path]:
    """Yield every file below ``folder`` that belongs to the project, in a fixed order."""
    for name, folders, files in os.walk(folder):
        folders[:] = sorted(
            each for each in folders if each not in LEFT_OUT and not each.endswith(".egg-info")
        )
        yield from (Path(name) / file for file in sorted(files))


@cache
def find_modules() -> tuple[str, ...]:
    """Return the modules of the five packages as paths from the root, migrations left out."""
    files = (file for package in PACKAGES for file in find_files(ROOT / package))
    names = (file.relative_to(ROOT).as_posix() for file in files if file.suffix == ".py")
    return tuple(name for name in names if "/migrations/" not in name)


@cache
def find_test_modules() -> tuple[str, ...]:
    """Return the Python files under ``tests`` as paths from the root."""
    return tuple(
        file.relative_to(ROOT).as_posix() for file in find_files(ROOT / "tests") if file.suffix == ".py"
    )


def import_name(path: str) -> str:
    """Return the name a module is imported by.

    >>> import_name("contracts/time.py"), import_name("training/models/__init__.py")
    ('contracts.time', 'training.models')
    """
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def parse(path: str) -> ast.Module:
    """Return the syntax tree of the file at ``path`` from the root."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=path)


def find_imports(path: str) -> Iterator[str]:
    """Yield each module the file at ``path`` imports, lazily or not, by its dotted name."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
