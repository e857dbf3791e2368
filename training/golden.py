"""Golden rows: invented customers with known answers, scored in a child process before a bundle is trusted.

A damaged LightGBM text can crash or hang the process that reads it, or answer other numbers without an error.
So a child takes the risk, with a time limit, on the very texts whose hashes were checked.
"""

import json
import math
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from contracts.errors import BundleRefused
from training.manifest import is_table

if TYPE_CHECKING:
    import pandas as pd

COMMAND: tuple[str, ...] = (sys.executable, "-m", "training.golden")
LEVELS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.95, 0.99, 1.0)
RELATIVE = 1e-6
ABSOLUTE = 1e-9


class RowModel(Protocol):
    """Whoever answers rows of {feature: value}."""

    def predict_rows(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
        """Return raw score, churn probability and CLV mean of each row."""
        ...


def invent_rows(values: "pd.DataFrame", levels: Sequence[float] = LEVELS) -> list[dict[str, Any]]:
    """Return one invented row per level: each number that quantile of its column, each category a common one.

    No row is a customer's. Where one column never exceeds another in ``values`` (recency and age, say), it
    does not in the rows: that holds for quantiles too. A column without a value is None in every row.

    Examples:
        >>> import pandas as pd
        >>> invent_rows(pd.DataFrame({"rfm.frequency": [0.0, 1.0, 5.0]}), levels=(0.0, 0.5, 1.0))
        [{'rfm.frequency': 0.0}, {'rfm.frequency': 1.0}, {'rfm.frequency': 5.0}]
    """
    columns: dict[str, list[Any]] = {}
    for name in values.columns:
        column = values[name].dropna()
        if column.empty:
            columns[name] = [None] * len(levels)
        elif column.dtype.kind in "fiu":
            columns[name] = [float(column.quantile(level, interpolation="lower")) for level in levels]
        else:
            # Ties are broken by name: value_counts alone keeps the order of the rows.
            counts = column.value_counts().sort_index().sort_values(ascending=False, kind="stable")
            columns[name] = [str(counts.index[place % len(counts)]) for place in range(len(levels))]
    return [{name: column[place] for name, column in columns.items()} for place in range(len(levels))]


def build_golden_rows(model: RowModel, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the manifest's ``golden``: each row with the numbers the model answers for it.

    ``rows`` are invented, never a customer's: the bundle travels to the tracking server.
    """
    answers = model.predict_rows([dict(row) for row in rows])
    return [
        {"row": dict(row), "expected": _numbers(answer)} for row, answer in zip(rows, answers, strict=True)
    ]


def check_golden_rows(manifest: Mapping[str, Any], files: Mapping[str, str], *, seconds: float) -> None:
    """Return nothing when a child scores every golden row as the manifest expects, within ``seconds``.

    Raises:
        BundleRefused: the child crashed, hung or failed, or a number differs by more than 1e-6 of its size.
    """
    answers = _ask_child(json.dumps({"manifest": manifest, "files": files}).encode(), seconds)
    golden = manifest["golden"]
    if not isinstance(answers, list) or len(answers) != len(golden):
        raise BundleRefused(f"golden rows: the model did not answer all {len(golden)} of them")
    for place, (case, answer) in enumerate(zip(golden, answers, strict=True)):
        for name, expected in case["expected"].items():
            found = answer.get(name) if isinstance(answer, dict) else None
            if not isinstance(found, int | float) or not math.isclose(
                found, expected, rel_tol=RELATIVE, abs_tol=ABSOLUTE
            ):
                raise BundleRefused(f"golden row {place}: {name} is {found}, not {expected}")


def _ask_child(question: bytes, seconds: float) -> Any:
    # The folder of the packages, because the child does not inherit this process's sys.path.
    root = Path(__file__).resolve().parents[1]
    try:
        child = subprocess.run(
            COMMAND, input=question, capture_output=True, timeout=seconds, cwd=root, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BundleRefused(f"golden rows: the model gave no answer within {seconds:g} s") from error
    if child.returncode < 0:
        raise BundleRefused(f"golden rows: the model ended its process with signal {-child.returncode}")
    if child.returncode > 0:
        last = (child.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
        raise BundleRefused(f"golden rows: the model failed ({last[:200]})")
    try:
        return json.loads(child.stdout)
    except ValueError as error:
        raise BundleRefused("golden rows: the model's answer is no JSON") from error


def _numbers(answer: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in answer.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _build_model(manifest: Mapping[str, Any], files: Mapping[str, str]) -> RowModel:
    if is_table(manifest):
        from training.models.table_model import TableModel

        return TableModel.from_parts(manifest, files)
    from training.models.company_model import CompanyModel

    return CompanyModel.from_parts(manifest, files)


def main() -> None:
    """Read manifest and files as JSON on stdin, write the answers to the golden rows as JSON on stdout."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers_to = os.dup(1)
    # LightGBM prints to the C library's stdout; only the answer may go there.
    os.dup2(2, 1)
    question = json.load(sys.stdin)
    model = _build_model(question["manifest"], question["files"])
    answers = model.predict_rows([case["row"] for case in question["manifest"]["golden"]])
    with os.fdopen(answers_to, "w", encoding="utf-8") as stream:
        json.dump([_numbers(answer) for answer in answers], stream, allow_nan=False)


if __name__ == "__main__":
    main()
