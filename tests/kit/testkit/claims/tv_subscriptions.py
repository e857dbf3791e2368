"""The TV subscriptions that ship in ``empulse``, default settings, identical rows in one fold.

Figures are means over 5 folds, 3 repeats and seeds 0 to 2; the small form takes half of the rows once.
"""

from collections.abc import Sequence

import numpy as np

from contracts.randomness import generator
from testkit.claims.figure import Figure, Scale, none_of
from testkit.tables import TV_COSTS, find_tv_file
from training.evaluation import OutOfFold, Plan, predict_out_of_fold, score_folds
from training.leaks import find_leaks
from training.table import Table, read_table


def measure(scale: Scale) -> list[Figure]:
    """Return AUC and lift out of fold, and how many identical rows were parted."""
    table = read_table(find_tv_file(), "target", "id").without(*TV_COSTS)
    auc, lift = 0.715, 2.35
    plans = [Plan(5, 3, seed) for seed in range(3)]
    if not scale.thorough:
        half = generator(1, "half").random(len(table)) < 0.5
        table = Table(table.columns[half].reset_index(drop=True), table.churned[half])
        auc, lift, plans = 0.66, 1.7, [Plan(3, 1, 0)]
    found = [predict_out_of_fold(table, plan) for plan in plans]
    scores = [score_folds(table.churned, each) for each in found]
    mean = {name: float(np.mean([each[name].mean() for each in scores])) for name in scores[0]}
    twins = len(table) - len(np.unique(table.groups))
    return [
        Figure("AUC", mean["auc"], auc, "at least"),
        Figure("lift at 10 %", mean["lift_at_10"], lift, "at least"),
        Figure("rows that repeat an earlier one", twins, 500, "at least"),
        none_of("identical rows parted between folds", _count_parted(table, found)),
        none_of("columns named as suspicious", len(find_leaks(table.columns, table.churned).columns)),
    ]


def _count_parted(table: Table, found: Sequence[OutOfFold]) -> int:
    """Return how many groups of identical rows were in more than one fold, over all repeats."""
    number = np.unique(table.groups, return_inverse=True)[1]
    parted = 0
    for fold in (each for out in found for each in out.fold):
        lowest = np.full(number.max() + 1, fold.max() + 1)
        highest = np.full(number.max() + 1, -1)
        np.minimum.at(lowest, number, fold)
        np.maximum.at(highest, number, fold)
        parted += int((lowest != highest).sum())
    return parted
