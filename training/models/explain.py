"""Contributions to reasons: summed by feature family, the strongest few, each led by one feature.

A reason says what goes with the estimate, never what caused it.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from contracts.errors import ContractError
from contracts.feature_frame import Feature, FeatureList
from contracts.scores import Language, Reason
from training.models.rules import BUYING_RHYTHM, RULE, Rule
from training.models.trees import Floats

Direction = Literal["raises", "lowers"]
RHYTHM = "rhythm"
MIN_STRENGTH = 0.05
MOST: dict[Direction, int] = {"raises": 3, "lowers": 2}
_SIGN: dict[Direction, float] = {"raises": 1.0, "lowers": -1.0}


class Catalogue(Protocol):
    """Whoever words a feature (``features.wording``)."""

    def sentence(
        self, feature: str, language: Language, values: Mapping[str, Any], peers: Mapping[str, Any]
    ) -> str:
        """Return a sentence on ``feature`` with the customer's value and a comparator."""
        ...


class ReasonDraft(NamedTuple):
    """A family's part in one raw score, in log-odds, and the feature that leads it in that direction."""

    family: str
    feature: str
    direction: Direction
    contribution: float
    actionable: bool
    owner: str


@dataclass(frozen=True)
class FamilySums:
    """``families`` in order of appearance, their sums (n, f): sums + base + offset_mean = raw score."""

    families: tuple[str, ...]
    sums: Floats


def family_of(feature: Feature) -> str:
    """Return the reason family: what BTYD says is buying rhythm.

    Examples:
        >>> family_of(Feature("btyd.p_alive", "probability", "never bought twice"))
        'rhythm'
        >>> family_of(Feature("support.open_tickets", "count", "never missing"))
        'support'
    """
    return RHYTHM if feature.family == "btyd" else feature.family


def sum_families(
    contributions: Floats, offsets: Floats, offset_mean: float, features: FeatureList
) -> FamilySums:
    """Return contributions (n, k) summed by family; rhythm holds the offset's distance from its mean too.

    Args:
        contributions: (n, k) log-odds, columns in the order of ``features``.
        offsets: (n,) BTYD log-odds.
        offset_mean: mean offset of the reference population.
        features: the model's list.

    Raises:
        ContractError: the number of columns is not that of ``features``.
    """
    parts, columns = _with_offset(
        contributions, offsets - offset_mean, features, [BUYING_RHYTHM] * len(offsets)
    )
    groups = _groups(columns)
    return FamilySums(tuple(groups), _sums(parts, groups))


def explain(
    contributions: Floats,
    offsets: Floats,
    offset_mean: float,
    features: FeatureList,
    rules: Sequence[Rule] | None = None,
) -> list[list[ReasonDraft]]:
    """Return for each row up to three families that raise the raw score and up to two that lower it.

    Strongest first. A family counts from 0.05 log-odds on; where none does, the strongest one is given alone.
    Where nothing but a simple rule answers for a row its own sentence is a reason, however little it moves.
    ``rules``: that of each row's offset, left out: BTYD's. Other arguments as for ``sum_families``; ties keep
    the list's order.
    """
    origins = [rule.feature for rule in rules] if rules else [BUYING_RHYTHM] * len(offsets)
    parts, columns = _with_offset(contributions, offsets - offset_mean, features, origins)
    groups = _groups(columns)
    sums = _sums(parts, groups)
    names = list(groups)
    drafts: list[list[ReasonDraft]] = [[] for _ in range(len(parts))]
    for direction, most in MOST.items():
        chosen = _choose(sums, direction, most)
        leaders = _leaders(parts, groups, direction)
        rows, places = np.nonzero(chosen >= 0)
        found = chosen[rows, places]
        parts_of = zip(
            rows.tolist(),
            found.tolist(),
            leaders[rows, found].tolist(),
            sums[rows, found].tolist(),
            strict=True,
        )
        for row, family, place, size in parts_of:
            drafts[row].append(_draft(names[family], columns[place], direction, size))
    alone = (contributions == 0).all(axis=1).tolist()
    for row, origin in enumerate(origins):
        told = any(draft.feature == origin.name for draft in drafts[row])
        if alone[row] and origin is not BUYING_RHYTHM and not told:
            drafts[row].append(_draft(RULE, origin, "raises", 0.0))
    return drafts


def _draft(family: str, leader: Feature, direction: Direction, size: float) -> ReasonDraft:
    return ReasonDraft(family, leader.name, direction, size, leader.actionable, leader.owner)


def reasons(
    drafts: Sequence[ReasonDraft],
    values: Mapping[str, Any],
    peers: Mapping[str, Any],
    catalogue: Catalogue,
    language: Language,
) -> tuple[Reason, ...]:
    """Return the drafts of one customer in words.

    Args:
        drafts: one entry of ``explain``.
        values: the customer's value of each feature.
        peers: the comparator of each feature.
        catalogue: who words a feature.
        language: ``en`` or ``it``.
    """
    return tuple(
        Reason(
            code=draft.feature,
            family=draft.family,
            owner=draft.owner,
            direction=draft.direction,
            contribution=draft.contribution,
            actionable=draft.actionable,
            text=catalogue.sentence(draft.feature, language, values, peers),
        )
        for draft in drafts
    )


def _with_offset(
    contributions: Floats, distances: Floats, features: FeatureList, origins: Sequence[Feature]
) -> tuple[Floats, list[Feature]]:
    """Return the columns, and contributions with each row's offset added to the one it comes from."""
    if contributions.shape != (len(distances), len(features)):
        raise ContractError(
            f"Contributions {contributions.shape} are not {len(distances)} rows x {len(features)} features."
        )
    columns, parts = list(features), contributions.copy()
    names = list(features.names)
    # By name: a frame's own column may be described in other words than these.
    for origin in dict.fromkeys([BUYING_RHYTHM, *origins]):
        if origin.name not in names:
            names.append(origin.name)
            columns.append(origin)
            parts = np.column_stack([parts, np.zeros(len(parts))])
        mine = np.array([each.name == origin.name for each in origins], dtype=bool)
        parts[mine, names.index(origin.name)] += distances[mine]
    return parts, columns


def _groups(columns: Sequence[Feature]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for place, feature in enumerate(columns):
        groups.setdefault(family_of(feature), []).append(place)
    return groups


def _sums(parts: Floats, groups: Mapping[str, list[int]]) -> Floats:
    # One column after the other: NumPy sums a single row in another order than many, and a score computed
    # again alone would differ from the same score among others in its last bit.
    return np.column_stack(
        [functools.reduce(np.add, (parts[:, place] for place in places)) for places in groups.values()]
    )


def _choose(sums: Floats, direction: Direction, most: int) -> npt.NDArray[np.int64]:
    """Return the numbers of the families that go furthest in ``direction``, strongest first, -1 for none."""
    size = np.abs(sums)
    strongest = size.max(axis=1, keepdims=True)
    counts = np.where(strongest < MIN_STRENGTH, size == strongest, size >= MIN_STRENGTH)
    strength = np.where(counts, _SIGN[direction] * sums, 0.0)
    order = np.argsort(-strength, axis=1, kind="stable")[:, :most]
    return np.where(np.take_along_axis(strength, order, axis=1) > 0, order, -1)


def _leaders(parts: Floats, groups: Mapping[str, list[int]], direction: Direction) -> npt.NDArray[np.int64]:
    """Return, (n, f), the column of each family that goes furthest in ``direction``."""
    best = [
        np.asarray(places)[np.argmax(_SIGN[direction] * parts[:, places], axis=1)]
        for places in groups.values()
    ]
    return np.column_stack(best)
