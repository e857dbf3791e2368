"""A feature frame as the columns of a regression: standardised numbers or their logs, levels, gaps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.errors import BundleRefused
from contracts.feature_frame import FeatureFrame, FeatureList
from training.models.encoder import Encoder
from training.models.logistic import Expansion

Floats = npt.NDArray[np.float64]

SKEW = 1.0
MOST_COLUMNS, LEAST_SIGNAL, LEAST_VARIANCE = 15, 2.0, 1e-6
LEAST_SHARE = 0.005
"""A level of fewer of the rows has no column of its own."""


@dataclass(frozen=True)
class Behaviour:
    """What turns the columns of ``encoder.features`` into those of a regression.

    ``logs`` says of each feature whether log(1 + value) stands for it: it is never negative and leans to the
    right by more than a skewness of 1. ``kept`` are the columns of the whole design that are used.
    """

    encoder: Encoder
    logs: tuple[bool, ...]
    expansions: tuple[Expansion, ...]
    kept: tuple[int, ...] = ()

    @classmethod
    def fit(cls, frame: FeatureFrame, targets: Sequence[Floats]) -> "Behaviour":
        """Return the design of a frame, with the columns that explain any of the targets.

        Args:
            frame: at least one row.
            targets: each (n,), NaN for rows that do not tell.
        """
        encoder = Encoder.fit(frame, least_rows=max(2, int(np.ceil(LEAST_SHARE * len(frame)))))
        matrix = encoder.encode(frame)
        categories = [feature.dtype == "category" for feature in frame.features]
        logs = tuple(
            not category and _leans(values) for values, category in zip(matrix.T, categories, strict=True)
        )
        bent = _bend(matrix, logs)
        expansions = tuple(map(Expansion.fit, bent.T, categories))
        whole = cls(encoder, logs, expansions, choose_columns(_expand(bent, expansions), targets))
        return whole.trimmed()

    def trimmed(self) -> "Behaviour":
        """Return the same design without the features that none of its columns is made of."""
        starts = np.cumsum([0, *(each.width for each in self.expansions)]).tolist()
        used: list[int] = []
        kept: list[int] = []
        width = 0
        for place, each in enumerate(self.expansions):
            inside = range(starts[place], starts[place] + each.width)
            own = [column - inside.start for column in self.kept if column in inside]
            if own:
                used.append(place)
                kept += [width + column for column in own]
                width += each.width
        features = FeatureList(tuple(self.features.features[place] for place in used))
        names = {*features.names}
        levels = {name: texts for name, texts in self.encoder.vocabularies.items() if name in names}
        fills = {name: value for name, value in self.encoder.fills.items() if name in names}
        encoder = Encoder(features, levels, fills)
        logs = tuple(self.logs[place] for place in used)
        expansions = tuple(self.expansions[place] for place in used)
        return Behaviour(encoder, logs, expansions, tuple(kept))

    @property
    def features(self) -> FeatureList:
        """The features it needs."""
        return self.encoder.features

    @property
    def width(self) -> int:
        """How many columns the design has."""
        return len(self.kept)

    def design(self, frame: FeatureFrame) -> Floats:
        """Return (n, width) of a frame that has the features, in any order and with others beside them.

        Raises:
            ContractError: a feature is missing or of the wrong type.
        """
        matrix = _bend(self.encoder.encode(frame), self.logs)
        return np.ascontiguousarray(_expand(matrix, self.expansions)[:, list(self.kept)])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for a bundle."""
        return {
            **self.encoder.to_dict(),
            "logs": list(self.logs),
            "expansions": [
                [each.center, each.scale, list(each.levels), each.marks_missing] for each in self.expansions
            ],
            "kept": list(self.kept),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Behaviour":
        """Return the design that ``to_dict`` gave; ``BundleRefused`` when it is not a sound one."""
        try:
            encoder = Encoder.from_dict(plain)
            expansions = tuple(
                Expansion(float(center), float(scale), tuple(map(float, levels)), bool(marks))
                for center, scale, levels, marks in plain["expansions"]
            )
            logs, kept = tuple(map(bool, plain["logs"])), tuple(map(int, plain["kept"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleRefused(f"Behaviour: {type(error).__name__}: restore the bundle.") from error
        if not len(encoder.features) == len(expansions) == len(logs):
            raise BundleRefused(
                f"Behaviour: {len(encoder.features)} features, {len(expansions)} expansions, "
                f"{len(logs)} logs: restore the bundle."
            )
        width = sum(each.width for each in expansions)
        if not all(0 <= place < width for place in kept):
            raise BundleRefused(f"Behaviour: a column beyond {width} is kept: restore the bundle.")
        return cls(encoder, logs, expansions, kept)


def select(frame: FeatureFrame, features: FeatureList) -> FeatureFrame:
    """Return the frame of ``features`` alone, which it has among others.

    Raises:
        ContractError: one is missing.
    """
    for name in features.names:
        frame.check_has(name)
    places = [frame.places[name] for name in features.names]
    return FeatureFrame(frame.index, frame.values.iloc[:, places], features)


def _expand(matrix: Floats, expansions: Sequence[Expansion]) -> Floats:
    parts = [each.expand(values) for each, values in zip(expansions, matrix.T, strict=True)]
    return np.column_stack(parts) if parts else np.empty((len(matrix), 0))


def _leans(values: Floats) -> bool:
    seen = values[~np.isnan(values)]
    if len(seen) < 2 or seen.min() < 0 or seen.std() == 0:
        return False
    return float((((seen - seen.mean()) / seen.std()) ** 3).mean()) > SKEW


def _bend(matrix: Floats, logs: tuple[bool, ...]) -> Floats:
    chosen = np.array(logs, dtype=bool)
    bent = matrix.copy()
    # A later frame may hold a value below those of training: it counts as the least.
    bent[:, chosen] = np.log1p(np.maximum(matrix[:, chosen], 0.0))
    return bent


def choose_columns(design: Floats, targets: Sequence[Floats]) -> tuple[int, ...]:
    """Return the columns (of k) that explain any of the targets, in order: each found step by step.

    The next column is the one most correlated with what the earlier ones leave of the target; the search ends
    after 15, or where the largest correlation is under 2 standard errors. What explains either who answers or
    what is answered is kept (double selection; Belloni, Chernozhukov and Hansen 2014).

    Args:
        design: (n, k).
        targets: each (n,), NaN for rows that do not tell.
    """
    found: set[int] = set()
    for target in targets:
        told = ~np.isnan(target)
        found |= set(_pursue(design[told], target[told]))
    return tuple(sorted(found))


def _pursue(design: Floats, target: Floats) -> list[int]:
    left = design - design.mean(axis=0) if len(design) else design
    miss = target - target.mean() if len(target) else target
    floor = LEAST_VARIANCE * len(target)
    chosen: list[int] = []
    while design.size and len(chosen) < MOST_COLUMNS and float(miss @ miss) > floor:
        sizes = np.einsum("ij,ij->j", left, left)
        usable = sizes > floor
        strength = np.where(usable, np.abs(left.T @ miss) / np.sqrt(np.where(usable, sizes, 1.0)), 0.0)
        # Rounded, so that which of two equal columns comes first does not hang on the last bit.
        place = int(np.argmax(np.round(strength / np.sqrt(float(miss @ miss)), 9)))
        if strength[place] ** 2 * len(target) < LEAST_SIGNAL**2 * float(miss @ miss):
            break
        chosen.append(place)
        unit = left[:, place] / np.sqrt(sizes[place])
        miss = miss - unit * float(unit @ miss)
        left = left - np.outer(unit, unit @ left)
    return chosen
