"""The referee for anyone's table: repeated stratified folds, equal rows together, all out of fold."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from contracts.errors import ContractError, ModelRefused, NotEnoughData
from contracts.feature_frame import FeatureFrame
from training import metrics
from training.column_strength import is_twin
from training.leaks import ROWS, LeakReport, find_leaks
from training.models.grouped_folds import assign_folds, split_folds
from training.models.tabular import MANY_ROWS, TabularModel
from training.profit import empc
from training.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SUSPECT_AUC = 0.95
METRICS = ("auc", "log_loss", "brier", "lift_at_10", "empc")


class Classifier(Protocol):
    """Anything that learns from a frame and gives probabilities; a fresh one is made for each fold."""

    def fit(self, frame: FeatureFrame, churned: Floats, groups: Ints) -> Any:
        """Learn from (n) rows."""

    def predict(self, frame: FeatureFrame) -> Floats:
        """Return probabilities of churn (n,)."""


def _tabular(seed: int) -> Classifier:
    return TabularModel(seed=seed)


def _say_nothing(text: str) -> None:
    """Take a sentence of progress that nobody reads."""


@dataclass(frozen=True)
class Plan:
    """How the table is parted: ``folds`` at least 2, ``repeats`` at least 1 (see ``plan_for``)."""

    folds: int = 5
    repeats: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ``ContractError`` for a plan that parts nothing."""
        if self.folds < 2 or self.repeats < 1:
            raise ContractError(
                f"{self.folds} folds and {self.repeats} repeats: at least 2 folds and 1 repeat are needed."
            )


def plan_for(rows: int, folds: int = 5, repeats: int | None = None, seed: int = 0) -> Plan:
    """Return the plan for a table of ``rows``; where none are asked for, 3 repeats, from 20,000 rows on one.

    Raises:
        ContractError: fewer than 2 folds or 1 repeat.

    Examples:
        >>> plan_for(7_000).repeats, plan_for(50_000).repeats, plan_for(50_000, repeats=2).repeats
        (3, 1, 2)
    """
    usual = Plan().repeats if rows < MANY_ROWS else 1
    return Plan(folds, usual if repeats is None else repeats, seed)


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What was said of each row by models that had not seen it.

    Three arrays (repeats, n): the row's ``fold``, its ``probability`` of churn, and ``constant``, the share
    of churners among the rows that the model of its fold learned from: the rule to beat.
    """

    fold: Ints
    probability: Floats
    constant: Floats


@dataclass(frozen=True)
class Evaluation:
    """Figures over all folds of all repeats: means, and standard deviations over folds (not standard errors).

    ``without`` holds, above an AUC of 0.95 only, the AUC without the strongest column and without its twins.
    """

    rows: int
    base_rate: float
    scores: dict[str, Floats]
    leaks: LeakReport
    without: dict[str, float]
    out_of_fold: OutOfFold

    def mean(self, metric: str) -> float:
        """Return a metric's mean over the folds."""
        return float(self.scores[metric].mean())

    def deviation(self, metric: str) -> float:
        """Return a metric's standard deviation over the folds."""
        return float(self.scores[metric].std(ddof=1))

    def to_dict(self, seconds: float) -> dict[str, Any]:
        """Return what ``fedele evaluate --json`` prints (design, section 8)."""
        return {
            "rows": self.rows,
            "base_rate": self.base_rate,
            "auc": self.mean("auc"),
            "auc_sd": self.deviation("auc"),
            "log_loss": self.mean("log_loss"),
            "brier": self.mean("brier"),
            "lift_at_10": self.mean("lift_at_10"),
            "empc": self.mean("empc"),
            "empc_sd": self.deviation("empc"),
            "suspicious": [each.to_dict() for each in self.leaks.suspicious],
            **self.without,
            "seconds": seconds,
        }


def evaluate_table(
    table: Table,
    plan: Plan | None = None,
    allowed: Collection[str] = (),
    progress: Callable[[str], None] = _say_nothing,
    classifier: Callable[[int], Classifier] = _tabular,
) -> Evaluation:
    """Return how well a classifier does on a table it has not seen, and what in the table looks leaked.

    Args:
        table: of ``read_table``.
        plan: folds, repeats and seed; by default 5, 3 and 0.
        allowed: columns that people vouch for (see ``find_leaks``).
        progress: called with a sentence before each part of the work.
        classifier: makes a fresh one from a seed; by default ``TabularModel``.

    Raises:
        ContractError: an allowed name is no column.
        NotEnoughData: too few different churners or stayers for the folds.
    """
    plan = plan or Plan()
    unknown = sorted(set(allowed) - {*table.columns.columns, ROWS})
    if unknown:
        raise ContractError(f"Allowed column {unknown[0]!r} is not in the table: check its spelling.")
    progress(f"Looking for leaks in {table.columns.shape[1]} columns ...")
    leaks = find_leaks(table.columns, table.churned, allowed=allowed)
    out_of_fold = predict_out_of_fold(table, plan, classifier, progress)
    scores = score_folds(table.churned, out_of_fold)
    without: dict[str, float] = {}
    if scores["auc"].mean() > SUSPECT_AUC:
        progress("AUC above 0.95: once more without the strongest column and without its twins ...")
        without = _auc_without(table, Plan(plan.folds, 1, plan.seed), leaks.strongest, classifier)
    return Evaluation(len(table), float(table.churned.mean()), scores, leaks, without, out_of_fold)


def cross_validate(
    table: Table,
    plan: Plan,
    classifier: Callable[[int], Classifier] = _tabular,
    progress: Callable[[str], None] = _say_nothing,
) -> dict[str, Floats]:
    """Return each metric per fold (folds x repeats,), in the same order for every classifier of a plan.

    Args:
        table: of ``read_table``.
        plan: folds, repeats and seed.
        classifier: makes a fresh one from a seed.
        progress: called with a sentence before each repeat.

    Raises:
        NotEnoughData: too few different churners or stayers for the folds.
        ModelRefused: the classifier cannot learn from a fold.
    """
    return score_folds(table.churned, predict_out_of_fold(table, plan, classifier, progress))


def predict_out_of_fold(
    table: Table,
    plan: Plan,
    classifier: Callable[[int], Classifier] = _tabular,
    progress: Callable[[str], None] = _say_nothing,
) -> OutOfFold:
    """Return each row's probability by a model of the other folds, once per repeat; as ``cross_validate``.

    Raises:
        NotEnoughData: too few different churners or stayers for the folds.
        ModelRefused: the classifier cannot learn from a fold.
    """
    _check_size(table, plan.folds)
    shape = (plan.repeats, len(table))
    fold = np.empty(shape, dtype=np.int64)
    probability, constant = np.empty(shape), np.empty(shape)
    for repeat in range(plan.repeats):
        progress(f"Repeat {repeat + 1} of {plan.repeats}, {plan.folds} folds ...")
        fold[repeat] = assign_folds(table.churned, table.groups, plan.folds, plan.seed, "repeat", repeat)
        for inside, outside in split_folds(fold[repeat]):
            if not 0 < table.churned[outside].mean() < 1:
                raise NotEnoughData("Rows are so often identical that a fold has one label: add columns.")
            model = classifier(plan.seed)
            model.fit(table.frame.rows(inside), table.churned[inside], table.groups[inside])
            probability[repeat, outside] = model.predict(table.frame.rows(outside))
            constant[repeat, outside] = table.churned[inside].mean()
    return OutOfFold(fold, probability, constant)


def score_folds(churned: Floats, found: OutOfFold) -> dict[str, Floats]:
    """Return each metric per fold (folds x repeats,), repeat by repeat."""
    scores = [
        score_fold(churned[outside], p[outside])
        for fold, p in zip(found.fold, found.probability, strict=True)
        for _, outside in split_folds(fold)
    ]
    return {name: np.array([each[name] for each in scores]) for name in METRICS}


def score_fold(churned: Floats, p: Floats) -> dict[str, float]:
    """Return the metrics of one fold's probabilities (n,) against 0/1 labels (n,)."""
    return {
        "auc": metrics.auc(churned, p),
        "log_loss": metrics.log_loss(churned, p),
        "brier": metrics.brier(churned, p),
        "lift_at_10": metrics.lift_at(churned, p, 0.10),
        "empc": empc(churned, p),
    }


def find_twins(table: Table, column: str) -> tuple[str, ...]:
    """Return the other columns that say the same as one of them."""
    own = table.columns[column]
    others = table.columns.columns.drop(column)
    return tuple(name for name in others if is_twin(own, table.columns[name]))


def _auc_without(
    table: Table, plan: Plan, strongest: str, classifier: Callable[[int], Classifier]
) -> dict[str, float]:
    """Return the AUC without the strongest column and without its twins; 0.5 where nothing is left."""
    twins = find_twins(table, strongest)
    found = {}
    for name, more in (("auc_without_strongest", ()), ("auc_without_twins", twins)):
        rest = table.without(strongest, *more)
        try:
            found[name] = float(cross_validate(rest, plan, classifier)["auc"].mean())
        except (NotEnoughData, ModelRefused):
            found[name] = 0.5
    return found


def _check_size(table: Table, folds: int) -> None:
    """Raise ``NotEnoughData`` where a fold could lack churners or stayers: equal rows count once."""
    if table.columns.empty:
        raise NotEnoughData("The table has no column beside the label: add what is known of each customer.")
    different = min(len(np.unique(table.groups[table.churned == label])) for label in (0, 1))
    if different < 2 * folds:
        raise NotEnoughData(
            f"{len(table)} rows with {int(table.churned.sum())} churners are too few for {folds} folds: "
            f"at least {2 * folds} different rows of churners and of stayers are needed, "
            f"one label has {different}."
        )
