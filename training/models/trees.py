"""Small boosted trees grown on an offset: the one place where LightGBM trains and predicts.

The text form is cut after the last tree: what follows there (importances, every training parameter, the
number of threads) is not needed to predict and would make equal models differ in bytes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
from lightgbm.basic import LightGBMError

from contracts.errors import BundleRefused, ContractError, ModelRefused
from training.models.tree_text import EMPTY, END, MAX_LEAVES, MAX_TREES, check_tree_text

Floats = npt.NDArray[np.float64]

TINY = 1e-12


@dataclass(frozen=True)
class TreeSettings:
    """How trees are grown.

    ``rounds`` is the most trees, ``patience`` how many without gain on the validation rows end the growth,
    ``leaf_rows`` the least rows in a leaf (raised to one 300th of the rows), ``categorical`` the names of
    columns that hold codes.
    """

    rounds: int = 600
    patience: int = 60
    learning_rate: float = 0.04
    leaves: int = 6
    leaf_rows: int = 50
    seed: int = 0
    num_threads: int = 1
    categorical: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ``ModelRefused`` for more trees or leaves than a bundle may hold."""
        if not 0 <= self.rounds <= MAX_TREES or not 2 <= self.leaves <= MAX_LEAVES:
            raise ModelRefused(
                f"Trees: {self.rounds} rounds, {self.leaves} leaves; at most {MAX_TREES}, {MAX_LEAVES}."
            )


@dataclass(frozen=True)
class Sample:
    """Rows to learn from: ``matrix`` (n, k), (n,) ``offset`` on the raw scale, ``label``, ``weights``."""

    matrix: Floats
    offset: Floats
    label: Floats
    weights: Floats | None = None

    def __post_init__(self) -> None:
        """Raise ``ModelRefused`` for unequal lengths, infinite values, or missing ones beside the matrix."""
        beside = [part for part in (self.offset, self.label, self.weights) if part is not None]
        if any(part.shape != self.matrix.shape[:1] for part in beside):
            raise ModelRefused(
                f"Trees: {len(self.matrix)} rows, but {[len(part) for part in beside]} beside them."
            )
        if np.isinf(self.matrix).any() or not all(np.isfinite(part).all() for part in beside):
            raise ModelRefused(
                "Trees: an infinite value, or an offset, label or weight that is missing: mend the frame."
            )


@dataclass(frozen=True)
class Trees:
    """A checked text model over ``names``, ready to predict; ``text`` may be the form without trees.

    One prediction path with fixed arguments: calls that differ in theirs corrupt each other across threads.

    Raises:
        BundleRefused: the text is not a sound model over ``names``.

    Examples:
        >>> trees = Trees.empty(("rfm.frequency",))
        >>> trees.raw(np.zeros((2, 1)))
        array([0., 0.])
        >>> Trees(trees.text, ("rfm.frequency",)).count
        0
    """

    text: str
    names: tuple[str, ...]
    num_threads: int = 1
    _booster: Any = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        """Check the text, then build the model from it."""
        check_tree_text(self.text, self.names)
        if self.text.startswith(EMPTY):
            return
        try:
            object.__setattr__(self, "_booster", lightgbm.Booster(model_str=self.text))
        except LightGBMError as error:
            raise BundleRefused(
                "Tree model: LightGBM cannot read it: restore a bundle that verifies."
            ) from error

    @classmethod
    def empty(cls, names: Sequence[str], num_threads: int = 1) -> "Trees":
        """Return the model without trees, which adds nothing to any offset."""
        return cls(f"{EMPTY}{' '.join(names)}\n", tuple(names), num_threads)

    @property
    def count(self) -> int:
        """Number of trees."""
        return 0 if self._booster is None else int(self._booster.num_trees())

    def raw(self, matrix: Floats) -> Floats:
        """Return what the trees add to the offset, (n,), on the raw scale.

        Args:
            matrix: (n, k) in the order of ``names``; NaN is missing.

        Raises:
            ContractError: another number of columns, or an infinite value.
        """
        self._check(matrix)
        if self._booster is None or not len(matrix):
            return np.zeros(len(matrix))
        return np.asarray(
            self._booster.predict(matrix, raw_score=True, num_threads=self.num_threads), dtype=np.float64
        )

    def contributions(self, matrix: Floats) -> tuple[Floats, float]:
        """Return SHAP values (n, k) and the base value: row sums plus base equal ``raw`` to rounding."""
        self._check(matrix)
        if self._booster is None or not len(matrix):
            return np.zeros(matrix.shape), 0.0
        parts = np.asarray(
            self._booster.predict(matrix, pred_contrib=True, num_threads=self.num_threads), dtype=np.float64
        )
        return parts[:, :-1], float(parts[0, -1])

    def _check(self, matrix: Floats) -> None:
        if matrix.ndim != 2 or matrix.shape[1] != len(self.names):
            raise ContractError(
                f"Trees over {len(self.names)} features got a matrix {matrix.shape}: encode it again."
            )
        if np.isinf(matrix).any():
            column = self.names[int(np.isinf(matrix).any(axis=0).argmax())]
            raise ContractError(f"Feature {column!r} holds an infinite value: rebuild the frame.")


def grow(
    objective: dict[str, Any],
    names: Sequence[str],
    sample: Sample,
    settings: TreeSettings,
    validation: tuple[Sample, Callable[[Floats, Floats], float]] | None = None,
    *,
    stops_by_loss: bool = False,
) -> Trees:
    """Return trees grown on ``sample``; none at all where they do not beat the offset on ``validation``.

    Args:
        objective: LightGBM's objective parameters.
        names: names of the columns of the matrix.
        sample: rows to learn from.
        settings: size and seed; without validation exactly ``rounds`` trees are grown.
        validation: rows of later cutoffs (none there: no trees), and the mean loss of (raw, label).
        stops_by_loss: growth stops by that loss; otherwise by LightGBM's own of the objective, which must be
            the same one.
    """
    none = Trees.empty(names, settings.num_threads)
    silent = validation is not None and not len(validation[0].label)
    if settings.rounds == 0 or len(sample.label) < 2 * settings.leaf_rows or silent:
        return none
    training = _dataset(sample, names, settings)
    later = None if validation is None else _dataset(validation[0], names, settings, training)
    stops: list[Any] = [] if later is None else [lightgbm.early_stopping(settings.patience, verbose=False)]
    own = {"metric": "None"} if stops_by_loss else {}
    booster = lightgbm.train(
        objective | own | _parameters(settings, len(sample.label)),
        training,
        num_boost_round=settings.rounds,
        valid_sets=[] if later is None else [later],
        feval=None if validation is None or not stops_by_loss else _metric(validation[1]),
        callbacks=stops,
    )
    best = booster.best_iteration if later is not None else 0
    text = booster.model_to_string(num_iteration=best or -1)
    if "\nnum_leaves=1\n" in text:
        return none
    trees = Trees(text[: text.index(END)] + END, tuple(names), settings.num_threads)
    if validation is None:
        return trees
    rows, loss = validation
    gained = loss(rows.offset + trees.raw(rows.matrix), rows.label) < loss(rows.offset, rows.label)
    return trees if gained else none


def _metric(loss: Callable[[Floats, Floats], float]) -> Callable[..., tuple[str, float, bool]]:
    """Return the loss of log-odds as LightGBM asks for it: of probabilities, lower is better."""

    def measure(predicted: Floats, rows: Any) -> tuple[str, float, bool]:
        inside = np.clip(predicted, TINY, 1 - TINY)
        raw = np.log(inside) - np.log1p(-inside)
        return "loss", loss(raw, np.asarray(rows.get_label(), dtype=np.float64)), False

    return measure


def _dataset(sample: Sample, names: Sequence[str], settings: TreeSettings, reference: Any = None) -> Any:
    return lightgbm.Dataset(
        sample.matrix,
        label=sample.label,
        weight=sample.weights,
        init_score=sample.offset,
        feature_name=list(names),
        categorical_feature=[name for name in settings.categorical if name in names],
        reference=reference,
        free_raw_data=True,
    )


def _parameters(settings: TreeSettings, rows: int) -> dict[str, Any]:
    return {
        "num_leaves": settings.leaves,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": max(settings.leaf_rows, rows // 300),
        "lambda_l2": 5.0,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "cat_smooth": 50.0,
        "boost_from_average": False,
        "seed": settings.seed,
        "num_threads": settings.num_threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
