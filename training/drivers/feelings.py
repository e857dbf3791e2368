"""How a touchpoint feels: the answers that its customers gave soon after, beside everybody's."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from training.drivers.facts import Facts
from training.drivers.groups import LEAST
from training.drivers.kinds import tell
from training.drivers.ledger import Array, Codes, Ledger, Rows
from training.drivers.regression import Estimate, estimate_first

SOON_DAYS = 30.0
RIVAL = "nps_competitive"
SURE = 1.96
WORTH_NAMING = 0.3
"""A smaller gap between scores of 0 to 10 is neither a pain nor a pleasure, however sure."""


@dataclass(frozen=True)
class Feeling:
    """The mean score, 0 to 10, of ``answers`` given soon after, and by how much it is off the others'."""

    answers: int
    score: float | None
    gap: Estimate | None

    @property
    def sign(self) -> int:
        """-1 where it surely and clearly feels worse than the rest, 1 where better, else 0."""
        return 0 if self.gap is None or abs(self.gap.value) < WORTH_NAMING else sign_of(self.gap)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        score = None if self.score is None else round(self.score, 6)
        return {"answers": self.answers, "score": score, "gap": tell(self.gap)}


def sign_of(estimate: Estimate) -> int:
    """Return -1 or 1 where the 95 % interval lies on that side of nought, else 0."""
    return int(np.sign(estimate.value)) if abs(estimate.z) > SURE else 0


class Answered:
    """The scored answers about ourselves, and which of them came soon after something."""

    def __init__(self, facts: Facts) -> None:
        rows = facts.answers["ten"].notna() & (facts.answers["kind"] != RIVAL)
        own: pd.DataFrame = facts.answers[rows]
        self.who = own["who"].to_numpy(dtype=np.int64)
        self.at = own["at"].to_numpy(dtype=np.float64)
        self.ten = own["ten"].to_numpy(dtype=np.float64)

    def feel(self, own: Ledger, everything: Ledger) -> Feeling:
        """Return how those of ``own`` felt soon after, against answers soon after anything else."""
        return self._measure(*(self._soon(each.customer, each.at) for each in (own, everything)))

    def compare(self, one: tuple[Codes, Array], other: tuple[Codes, Array]) -> Feeling:
        """Return how ``one`` (who, at) felt soon after, against answers soon after the ``other`` only."""
        soon = self._soon(*one)
        return self._measure(soon, soon | self._soon(*other))

    def _soon(self, who: Codes, at: Array) -> Rows:
        return np.asarray(Ledger.of(who, at).count(self.who, self.at - SOON_DAYS, self.at) > 0)

    def _measure(self, soon: Rows, rows: Rows) -> Feeling:
        mine, who, ten = soon[rows], self.who[rows], self.ten[rows]
        answers = int(mine.sum())
        if min(answers, mine.size - answers) < LEAST or np.unique(who[mine]).size < LEAST:
            return Feeling(answers, None, None)
        columns = np.column_stack([mine, np.ones(mine.size)]).astype(np.float64)
        gap = estimate_first(columns, ten, np.ones(mine.size), who)
        return Feeling(answers, float(ten[mine].mean()), gap)
