"""Leaks planted on purpose are refused by name, honest data are not, and shuffled labels do not pass.

In full each table goes through ``fedele train --frame`` and ``fedele evaluate``, and a late ticket through
the events of a simulated shop; the small form calls the functions below, all columns in one table, few trees.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np

from contracts.settings import Settings
from contracts.workspace import create_workspace
from features.synthetic import Company
from testkit.claims.figure import Figure, Scale, none_of
from testkit.commands import call_fedele
from testkit.planted import (
    add_disguise,
    add_late_count,
    add_late_tickets,
    add_survey,
    find_quiet_shop,
    judge_events,
    open_events,
)
from testkit.tables import build_columns, resample, shuffle_labels
from training.evaluation import Plan
from training.leak_guard import prove_by_rebuilding
from training.leaks import ROWS
from training.models import tabular
from training.models.tabular import TabularSettings
from training.models.trees import TreeSettings
from training.table import Table
from training.table_training import Task, fit_table

PLANTS = {
    "a late ticket": ("closing_tickets", add_late_count),
    "a survey after the end": ("farewell_score", add_survey),
    "the label in disguise": ("account_type", add_disguise),
}
RESAMPLED, SHUFFLED, HONEST = "churners drawn again before the split", "shuffled labels", "an honest table"
SEED = 11


@dataclass(frozen=True)
class Verdict:
    """What became of a table: whether the gate passed, its reasons in one text, and the columns named."""

    passed: bool
    reasons: str
    named: frozenset[str]


def measure(scale: Scale) -> list[Figure]:
    """Return for each planted leak whether it was refused by name, and what happened to honest data."""
    rows = 2000 if scale.thorough else 900
    judge = _by_command if scale.thorough else _by_function
    figures = []
    for name, (table, columns) in _build_cases(rows, apart=scale.thorough).items():
        figures += _weigh(name, judge(table), columns)
    if not scale.thorough:
        return [*figures, *_late_tickets(find_quiet_shop(350, 7))]
    shop = find_quiet_shop(1500, 5)
    return [*figures, *_late_tickets(shop), *_honest_events(shop)]


def _build_cases(rows: int, apart: bool) -> Mapping[str, tuple[Table, tuple[str, ...]]]:
    """Return tables by what is wrong with them, and the columns that must be named."""
    columns, churned = build_columns(rows, SEED)
    cases: dict[str, tuple[Table, tuple[str, ...]]] = {}
    if apart:
        cases[HONEST] = (Table(columns, churned), ())
    spoilt = columns
    for name, (column, plant) in PLANTS.items():
        spoilt = plant(columns if apart else spoilt, churned, SEED)
        if apart:
            cases[name] = (Table(spoilt, churned), (column,))
    if not apart:
        cases[", ".join(PLANTS)] = (Table(spoilt, churned), tuple(column for column, _ in PLANTS.values()))
    cases[RESAMPLED] = (Table(*resample(columns, churned, SEED)), (ROWS,))
    cases[SHUFFLED] = (shuffle_labels(Table(columns, churned), SEED), ())
    return cases


def _weigh(name: str, verdict: Verdict, columns: tuple[str, ...]) -> list[Figure]:
    passes = Figure(
        f"{name}: the gate passes (1: yes)", float(verdict.passed), float(name == HONEST), "equals"
    )
    if name == SHUFFLED:
        said = float("the base rate for everyone" in verdict.reasons)
        return [passes, Figure(f"{name}: the reason says so (1: yes)", said, 1, "equals")]
    named = [
        Figure(
            f"{name}: {column} is named, in the list and in the reason (1: yes)",
            float(column in verdict.named and column in verdict.reasons),
            1,
            "equals",
        )
        for column in columns
    ]
    return [passes, *named, none_of(f"{name}: other columns named", len(verdict.named - {*columns}))]


def _by_function(table: Table) -> Verdict:
    trees = TreeSettings(rounds=60, patience=20, learning_rate=0.1, leaf_rows=20)
    with patch.object(tabular, "TabularSettings", lambda: TabularSettings(bags=3, trees=trees)):
        training = fit_table(table, Task("left", None, Plan(2, 1, 0)), _say_nothing)
    return Verdict(
        training.gate.passed, " ".join(training.gate.reasons), frozenset(training.evaluation.leaks.columns)
    )


def _by_command(table: Table) -> Verdict:
    with tempfile.TemporaryDirectory() as folder:
        workspace = create_workspace(Path(folder) / "shop")
        file = workspace.root / "frame.csv"
        table.columns.assign(left=np.where(table.churned > 0, "yes", "no")).to_csv(file, index=False)
        asked = ("--frame", str(file), "--label", "left", "--repeats", "1")
        trained = call_fedele(workspace.root, "train", *asked)
        evaluated = call_fedele(workspace.root, "evaluate", *asked)
    named = frozenset(each["column"] for each in evaluated["suspicious"])
    same = named == frozenset(each["column"] for each in trained["suspicious"])
    gate = trained["gate"]
    return Verdict(gate["passed"], " ".join(gate["reasons"]) if same else "", named)


def _late_tickets(shop: Company) -> list[Figure]:
    """Return what the guard of events says of a shop whose lost customers have back-dated tickets."""
    as_of = shop.parameters.ends_at
    _, late = judge_events(open_events(add_late_tickets(shop, delayed=False), as_of), as_of)
    strange = [name for name in late.columns if not name.startswith("support.")]
    named = float("support.open_tickets" in late.columns)
    return [
        Figure("late tickets in back-filled events: support.open_tickets stops (1: yes)", named, 1, "equals"),
        none_of("late tickets in back-filled events: features of other families stopped", len(strange)),
    ]


def _honest_events(shop: Company) -> list[Figure]:
    """Return what it says of the shop without them, and of the same tickets with their true times."""
    as_of = shop.parameters.ends_at
    _, honest = judge_events(open_events(shop.tables, as_of), as_of)
    events = open_events(add_late_tickets(shop, delayed=True), as_of, backfilled=False)
    dated, told = judge_events(events, as_of)
    differing = prove_by_rebuilding(events, Settings(), dated.plan.cutoffs[-1], dated.past or dated.present)
    return [
        none_of("an honest shop, all back-filled: features stopped", len(honest.columns)),
        none_of("the same tickets with their true times: features stopped", len(told.columns)),
        none_of("features that a store without later facts gives otherwise", len(differing)),
    ]


def _say_nothing(text: str) -> None:
    """Take a sentence of progress that nobody reads."""
