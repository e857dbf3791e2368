"""What commands print: one JSON object for programs or sentences for people; progress on stderr."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from contracts.workspace import Workspace

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; prose goes to stderr.")]


def show(result: Mapping[str, Any], as_json: bool, lines: Iterable[str]) -> None:
    """Print ``lines`` for people, or with ``as_json`` one JSON object, the lines on stderr."""
    stream = sys.stderr if as_json else sys.stdout
    for line in lines:
        print(line, file=stream)
    if as_json:
        print(json.dumps(result, ensure_ascii=False, allow_nan=False))


def open_here(folder: Path | None = None) -> "Workspace":
    """Return the workspace of the current folder, or of ``folder``."""
    from contracts.workspace import open_workspace

    return open_workspace(folder or Path())


def say(text: str) -> None:
    """Print a line of progress on stderr."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show on stderr that ``text`` is under way: a moving sign with the time on a terminal, else one line."""
    if not sys.stderr.isatty():
        say(f"{text} ...")
        yield
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=_console(), transient=True) as progress:
        progress.add_task(text, total=None)
        yield


@contextmanager
def counting(text: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that is told how many of how many are done: a bar on a terminal, else lines."""
    if not sys.stderr.isatty():
        yield lambda done, total: say(f"{text}: {done:,} of {total:,}")
        return
    from rich.progress import Progress

    with Progress(console=_console(), transient=True) as progress:
        task = progress.add_task(text, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _console() -> "Console":
    from rich.console import Console

    return Console(stderr=True)
