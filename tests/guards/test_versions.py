"""Versions below these floors carry known holes or do not work; the lock and the project stay above."""

import importlib.metadata
import re
import sqlite3
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from testkit.tree import ROOT

FLOORS = {
    "aiohttp": "3.14.0",  # request smuggling in the pure-Python parser, several denials of service
    "bentoml": "1.4.39",  # remote code execution; below it resolvers also walk back to 0.9
    "cryptography": "46.0.7",  # CVE-2026-39892
    "duckdb": "1.4",  # CVE-2024-22682 below 0.10; long-term support from 1.4
    "h11": "0.16.0",  # CVE-2025-43859
    "ibis-framework": "12",  # earlier ones do not know these DuckDB versions
    "jinja2": "3.1.6",  # sandbox escapes
    "lifetimes": "0.11.3",  # the archived last release
    "lightgbm": "4.6.0",  # CVE-2024-43598
    "mlflow": "3.17.2",  # traversal in the file store, request forgery, default password
    "mlflow-skinny": "3.17.2",
    "numba": "0.61",  # earlier ones do not install on these Pythons
    "pyarrow": "23.0.1",  # CVE-2026-25087, CVE-2023-47248
    "python-multipart": "0.0.26",  # CVE-2026-40347, CVE-2024-53981
    "starlette": "1.0.1",  # CVE-2026-48710, CVE-2025-62727
}
CEILINGS = {"sqlglot": "30.18"}  # Ibis 12 emits DROP VIEW without a name from here on
PINNED = re.compile(r"^(?P<name>[a-z0-9._-]+)==(?P<version>[^ ;\\]+)", re.MULTILINE)


@pytest.fixture(scope="module")
def locked():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    versions = {}
    for match in PINNED.finditer(text):
        versions.setdefault(match["name"], []).append(Version(match["version"]))
    return versions


@pytest.fixture(scope="module")
def required():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    texts = [*project["dependencies"], *(text for extra in extras for text in extra)]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_the_installed_version_is_not_below_its_floor(name, floor):
    assert Version(importlib.metadata.version(name)) >= Version(floor)


@pytest.mark.parametrize(("name", "ceiling"), CEILINGS.items())
def test_the_installed_version_is_below_its_ceiling(name, ceiling):
    assert Version(importlib.metadata.version(name)) < Version(ceiling)


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_every_locked_version_is_not_below_its_floor(locked, name, floor):
    assert min(locked[name]) >= Version(floor)


def test_the_lock_answers_every_requirement_of_the_project(locked, required):
    missing = [
        str(each) for each in required if not any(map(each.specifier.contains, locked.get(each.name, ())))
    ]
    assert missing == []


def test_the_lock_holds_what_builds_our_own_package(locked):
    assert {"setuptools", "wheel"} <= set(locked)


def test_every_requirement_of_the_lock_has_a_hash():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    assert [
        block.splitlines()[0] for block in blocks if PINNED.match(block) and "--hash=sha256:" not in block
    ] == []


def test_this_python_is_one_the_project_supports():
    assert (3, 11) <= sys.version_info[:2] < (3, 14)


def test_this_sqlite_is_new_enough_for_the_score_files():
    assert sqlite3.sqlite_version_info >= (3, 35, 0)
