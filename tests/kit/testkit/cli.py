"""The ``fedele`` command in this process: the same way in, out and back as the one people type."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from cli.main import main


@dataclass(frozen=True)
class Said:
    """What a command wrote and how it ended."""

    status: int
    out: str
    err: str


def build_caller(monkeypatch: pytest.MonkeyPatch, capfd: "pytest.CaptureFixture[str]") -> Callable[..., Said]:
    """Return a function that calls ``fedele`` with words and returns what it, or C below it, wrote."""

    def call(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["fedele", *words])
        capfd.readouterr()
        status = 0
        try:
            main()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        return Said(status, *capfd.readouterr())

    return call
