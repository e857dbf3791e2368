"""Each kind of question: what detractors, passives and promoters spent afterwards, and who left."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from contracts.events import FEEDBACK_KINDS
from training.drivers.facts import Facts
from training.drivers.groups import LEFT, SPEND, Groups, compare_groups
from training.drivers.regression import Estimate

BANDS = {"detractor": -1.0, "passive": 0.0, "promoter": 1.0}
"""The value of each band in ``features.nps``."""

COMPARED = (("detractor", "passive"), ("promoter", "passive"), ("promoter", "detractor"))


@dataclass(frozen=True)
class KindEffect:
    """Answers to one kind of question: counts per band, and adjusted figures where there are enough.

    ``money`` and ``leaving`` are adjusted means per band, ``differences`` and ``leaving_differences`` are
    between pairs of bands.
    """

    kind: str
    answers: dict[str, int]
    ripe: dict[str, int]
    money: dict[str, Estimate | None]
    leaving: dict[str, Estimate | None]
    differences: dict[tuple[str, str], Estimate | None]
    leaving_differences: dict[tuple[str, str], Estimate | None]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values; null where there are too few answers."""
        return {
            "kind": self.kind,
            "answers": self.answers,
            "ripe": self.ripe,
            "money": {band: tell(each) for band, each in self.money.items()},
            "leaving": {band: tell(each) for band, each in self.leaving.items()},
            "differences": [
                {
                    "band": one,
                    "against": other,
                    "money": tell(self.differences[one, other]),
                    "leaving": tell(self.leaving_differences[one, other]),
                }
                for one, other in COMPARED
            ],
        }


def tell(estimate: Estimate | None) -> dict[str, float] | None:
    """Return an estimate as JSON values, null where there is none."""
    return None if estimate is None else estimate.to_dict()


def find_kinds(facts: Facts, seed: int) -> tuple[KindEffect, ...]:
    """Return the kinds of question that have scored answers, in the order of the contract."""
    answers = facts.answers[facts.answers["band"].notna()]
    found = []
    for kind in FEEDBACK_KINDS:
        own = answers[answers["kind"] == kind]
        if own.empty:
            continue
        label = np.full(len(own), "", dtype=object)
        for band, value in BANDS.items():
            label[own["band"].to_numpy() == value] = band
        groups = compare_groups(facts, own["who"].to_numpy(), own["at"].to_numpy(), label, seed)
        found.append(_describe(kind, {band: int((label == band).sum()) for band in BANDS}, groups))
    return tuple(found)


def _describe(kind: str, answers: dict[str, int], groups: Groups | None) -> KindEffect:
    known = () if groups is None else groups.names

    def mean(band: str, outcome: int) -> Estimate | None:
        return groups.mean(band, outcome) if groups is not None and band in known else None

    def gap(pair: tuple[str, str], outcome: int) -> Estimate | None:
        there = groups is not None and all(band in known for band in pair)
        return groups.difference(*pair, outcome) if groups is not None and there else None

    ripe = {} if groups is None else dict(zip(groups.names, groups.counts.tolist(), strict=True))
    return KindEffect(
        kind,
        answers,
        {band: int(ripe.get(band, 0)) for band in BANDS},
        {band: mean(band, SPEND) for band in BANDS},
        {band: mean(band, LEFT) for band in BANDS},
        {pair: gap(pair, SPEND) for pair in COMPARED},
        {pair: gap(pair, LEFT) for pair in COMPARED},
    )
