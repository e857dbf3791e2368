"""IBM's telco table with default settings, against logistic regression; its status columns named as leaks.

Figures are means over folds, repeats and seeds. The paired standard error is a bootstrap over groups of
identical rows. The small form measures a simulated table with the same columns planted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contracts.feature_frame import FeatureFrame
from contracts.randomness import generator
from testkit.benchmarks import find_benchmark
from testkit.claims.figure import Figure, Scale, none_of
from testkit.tables import build_columns
from training.evaluation import OutOfFold, Plan, predict_out_of_fold, score_folds
from training.leaks import LeakReport, find_leaks
from training.profit import empc
from training.table import Table, read_table

Floats = npt.NDArray[np.float64]

AFTERWARDS = ("customer_status", "churn_value", "churn_score", "churn_category", "churn_reason")
EITHER_WAY = "satisfaction_score"
SAMPLES = 200


@dataclass(frozen=True)
class Bars:
    """What the figures must clear."""

    auc: float
    log_loss: float
    brier: float


class PlainRegression:
    """Logistic regression as anyone would write it: one column per level, standardised, blanks as medians."""

    def fit(self, frame: FeatureFrame, churned: Floats, groups: Any) -> None:
        """Learn from (n) rows."""
        del groups
        expanded = pd.get_dummies(frame.values, dtype=float)
        self.columns, self.medians = expanded.columns, expanded.median()
        self.model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        self.model.fit(expanded.fillna(self.medians).to_numpy(), churned)

    def predict(self, frame: FeatureFrame) -> Floats:
        """Return probabilities of churn (n,)."""
        expanded = pd.get_dummies(frame.values, dtype=float).reindex(columns=self.columns, fill_value=0.0)
        p: Floats = self.model.predict_proba(expanded.fillna(self.medians).to_numpy())[:, 1]
        return p


def measure(scale: Scale) -> list[Figure]:
    """Return accuracy and profit out of fold, and what the leak guard names in the extended table."""
    if not scale.thorough:
        table = Table(*build_columns(600, seed=1))
        figures = _accuracy(table, [Plan(2, 1, 0)], Bars(0.70, 0.56, 0.19))
        return [*figures, *_named(_plant(1500, seed=2))]
    table = read_table(find_benchmark("telco_churn.csv.gz"), "Churn", "customerID")
    plans = [Plan(5, 3, seed) for seed in range(3)]
    extended = read_table(find_benchmark("telco_churn_extended.csv.gz"), "churn_label", "customer_id")
    report = find_leaks(table.columns, table.churned)
    return [
        Figure("customers", len(table), 7043, "equals"),
        *_accuracy(table, plans, Bars(0.849, 0.4115, 0.1335)),
        none_of("columns of the plain table named as suspicious", len(report.columns)),
        *_named(extended),
    ]


def _accuracy(table: Table, plans: Sequence[Plan], bars: Bars) -> list[Figure]:
    ours = [predict_out_of_fold(table, plan) for plan in plans]
    plain = [predict_out_of_fold(table, plan, lambda seed: PlainRegression()) for plan in plans]
    scores = [score_folds(table.churned, found) for found in ours]
    mean = {name: float(np.mean([each[name].mean() for each in scores])) for name in scores[0]}
    gap, error = _compare_profit(table, ours, plain)
    return [
        Figure("AUC", mean["auc"], bars.auc, "at least"),
        Figure("log loss", mean["log_loss"], bars.log_loss, "at most"),
        Figure("Brier score", mean["brier"], bars.brier, "at most"),
        Figure("EMPC less that of logistic regression", gap, -error, "at least"),
        Figure("paired standard error of that difference", error, 0.0, "at least"),
    ]


def _compare_profit(
    table: Table, ours: Sequence[OutOfFold], plain: Sequence[OutOfFold]
) -> tuple[float, float]:
    """Return how much more profit a customer our order brings, over all repeats, and its standard error."""
    pairs = [
        (one, other)
        for first, second in zip(ours, plain, strict=True)
        for one, other in zip(first.probability, second.probability, strict=True)
    ]
    members = [np.flatnonzero(table.groups == group) for group in np.unique(table.groups)]
    draw = generator(0, "telco profit")

    def gap(rows: npt.NDArray[np.int64], chosen: Sequence[tuple[Floats, Floats]]) -> float:
        left = table.churned[rows]
        return float(np.mean([empc(left, one[rows]) - empc(left, other[rows]) for one, other in chosen]))

    samples = []
    for _ in range(SAMPLES):
        drawn = draw.integers(0, len(members), len(members))
        samples.append(gap(np.concatenate([members[group] for group in drawn]), pairs))
    return gap(np.arange(len(table)), pairs), float(np.std(samples, ddof=1))


def _named(table: Table) -> list[Figure]:
    report = find_leaks(table.columns, table.churned)
    present = [name for name in AFTERWARDS if name in table.columns]
    named = [name for name in present if name in report.columns]
    honest = [name for name in report.columns if name not in (*AFTERWARDS, EITHER_WAY)]
    figures = [
        Figure("columns known only afterwards that are in the extended table", len(present), 5, "equals"),
        Figure("of them named as suspicious", len(named), 5, "equals"),
        none_of("honest columns named", len(honest)),
    ]
    if EITHER_WAY in table.columns:
        figures += _either_way(table, report)
    return figures


def _either_way(table: Table, report: LeakReport) -> list[Figure]:
    alone = dict(report.strength)[EITHER_WAY]
    rest = table.without(*report.columns)
    left = find_leaks(rest.columns, rest.churned)
    return [
        Figure(f"AUC of {EITHER_WAY} alone, which is why it is named too", alone, 0.95, "at least"),
        Figure(f"{EITHER_WAY} is named (1: yes)", float(EITHER_WAY in report.columns), 1, "equals"),
        none_of("columns named once those are left out", len(left.columns)),
    ]


def _plant(rows: int, seed: int) -> Table:
    """Return a simulated table with the columns that are known only afterwards."""
    columns, churned = build_columns(rows, seed)
    draw = generator(seed, "afterwards")
    left = churned > 0

    def said(values: Sequence[str], otherwise: str | None) -> "pd.Series[Any]":
        drawn = draw.choice(np.array(values, dtype=object), rows)
        return pd.Series(drawn, dtype=object).where(left, otherwise)

    planted = columns.assign(
        customer_status=said(["Churned"], "Stayed"),
        churn_value=churned,
        churn_score=np.where(left, draw.uniform(65, 100, rows), draw.uniform(5, 70, rows)),
        churn_category=said(["Price", "Competitor"], None),
        churn_reason=said(["Too dear", "Better offer", "Moved"], None),
    )
    return Table(planted, churned)
