"""``fedele compare``: the figures of two models side by side."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import Json, open_here, show

if TYPE_CHECKING:
    from training.comparison import Comparison, Line


SHORT = ("log_loss", "auc", "base_rate", "tweedie_deviance", "total_error", "coverage_80")
"""What people are shown of each segment; ``--json`` has everything."""


def compare(
    a: Annotated[str, typer.Argument(help="Number of a model.")],
    b: Annotated[str, typer.Argument(help="Number of the model beside it.")],
    as_json: Json = False,
) -> None:
    """Show the figures of two models side by side, the better one marked, and what may not be concluded."""
    from training.comparison import compare as compare_documents
    from training.documents import load_document

    workspace = open_here()
    found = compare_documents(load_document(workspace, a), load_document(workspace, b))
    show(found.to_dict(), as_json, _lines(found))


def _lines(found: "Comparison") -> Iterator[str]:
    yield from found.notes
    yield ""
    rows = [("", f"version {found.a}", f"version {found.b}", "difference", "better")]
    own, other = ("passed" if passed else "not passed" for passed in found.gates)
    rows.append(("gate", own, other, "", ""))
    rows += [_row(found, line) for line in found.lines if line.segment is None or line.metric in SHORT]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for name, *others in rows:
        numbers = (text.rjust(width) for text, width in zip(others[:-1], widths[1:-1], strict=True))
        yield "  ".join((name.ljust(widths[0]), *numbers, others[-1])).rstrip()
    yield ""
    yield "Figures are of what each version serves, at its report cutoff, for customers in play."
    yield "Of segments the main ones are shown; --json has all."


def _row(found: "Comparison", line: "Line") -> tuple[str, str, str, str, str]:
    name = line.metric if line.segment is None else f"{line.segment}: {line.metric}"
    difference = "" if line.difference is None else f"{line.difference:+.4f}"
    better = {"a": found.a, "b": found.b, None: ""}[line.better]
    return (name, _print(line.a, line.a_error), _print(line.b, line.b_error), difference, better)


def _print(value: float | None, error: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if error is None else f"{value:.4f} ± {error:.4f}"
