"""People and continuous integration use the same commands."""

import os
import re
import subprocess

import pytest

from testkit.tree import ROOT

TARGETS = ("help", "setup", "demo", "test", "check", "fix", "bench", "prove", "lock", "clean")


@pytest.fixture(scope="module")
def makefile():
    return (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("target", TARGETS)
def test_every_promised_command_is_in_the_list_of_make(makefile, target):
    assert re.search(rf"^{target}:.*## \S", makefile, re.MULTILINE)


def test_continuous_integration_calls_check_and_test_and_nothing_else():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["make check", "make test"]


@pytest.mark.parametrize("script", ["run", "setup"])
def test_the_scripts_stop_at_the_first_failure_and_may_be_executed(script):
    file = ROOT / ".ci" / script
    assert "set -euo pipefail" in file.read_text(encoding="utf-8")
    assert os.access(file, os.X_OK)


def test_setup_names_the_next_step_where_no_python_is_new_enough(tmp_path):
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.defpath}"}
    child = subprocess.run(
        ["bash", str(ROOT / ".ci" / "setup")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert child.returncode == 1
    assert "install one, or name it with PYTHON=..., and try again" in child.stderr


def test_setup_refuses_a_chromium_that_cannot_be_run():
    environment = {**os.environ, "FEDELE_CHROMIUM": "no-such-browser"}
    child = subprocess.run(
        ["bash", str(ROOT / ".ci" / "setup")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert child.returncode == 1
    assert "FEDELE_CHROMIUM names no-such-browser, which cannot be run" in child.stderr
