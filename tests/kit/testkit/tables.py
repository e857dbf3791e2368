"""Made-up labelled tables, and the leaks that people plant in theirs without knowing."""

import importlib.resources
from pathlib import Path

import numpy as np
import pandas as pd

from contracts.randomness import generator
from training.table import Table

TV_COSTS = ("C_FP", "C_FN", "C_TP", "C_TN")


def build_columns(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return honest columns, one of them text and one with blanks, and labels 0/1 at about 0.3."""
    draw = generator(seed, "table")
    tenure, fee = draw.exponential(20.0, rows), draw.normal(50.0, 15.0, rows)
    plan = draw.choice(np.array(["basic", "plus", "gold"], dtype=object), rows)
    calls = draw.poisson(1.0, rows).astype(float)
    log_odds = 0.3 - 0.07 * tenure + 0.8 * calls * (fee > 50) - 1.2 * (plan == "gold")
    churned = (draw.random(rows) < 1 / (1 + np.exp(-log_odds))).astype(float)
    fee[draw.random(rows) < 0.1] = np.nan
    columns = pd.DataFrame({"tenure": tenure, "fee": fee, "plan": plan, "calls": calls})
    return columns.astype({"plan": object}), churned


def build_table(rows: int, seed: int) -> Table:
    """Return an honest table."""
    return Table(*build_columns(rows, seed))


def shuffle_labels(table: Table, seed: int) -> Table:
    """Return the table with labels that no column knows."""
    return Table(table.columns, generator(seed, "shuffle").permutation(table.churned))


def find_tv_file() -> Path:
    """Return the TV subscriptions that ship inside ``empulse``: ``id``, 46 columns, costs, ``target``."""
    return Path(str(importlib.resources.files("empulse") / "datasets/data/churn_tv_subscriptions.csv.gz"))


def resample(columns: pd.DataFrame, churned: np.ndarray, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the table after its churners were drawn again with replacement until both labels are equal."""
    draw = generator(seed, "resample")
    churners = np.flatnonzero(churned)
    more = draw.choice(churners, len(churned) - 2 * len(churners))
    rows = draw.permutation(np.concatenate([np.arange(len(churned)), more]))
    return columns.iloc[rows].reset_index(drop=True), churned[rows]
