"""The leak guard: columns that know the outcome, and rows that were copied before they were parted.

Four rules. Near-pure cells: a value or a twentieth of at least 30 rows (missing is a value, and so is filled
in) whose 95 % Wilson bound lies 4 log-odds or more from the base rate, such cells together holding 5 % of the
churners or of the stayers. A single column with an AUC above 0.95. A name with a whole word that means the
outcome, together with an AUC above 0.80. Identical rows, where they are copies of one label. A high AUC of
the whole table proves nothing and stops nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.column_strength import CELL_ROWS, find_cells, single_auc
from training.table_columns import group_rows, words_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FAR = 4.0
HELD = 0.05
STRONG = 0.95
STRONG_FOR_ITS_NAME = 0.80
COPIED = 0.10
ROWS = "identical rows"
Z = 1.959963984540054

OUTCOME_WORDS = frozenset({
    "churn", "churned", "churner", "churners", "attrition", "cancel", "canceled", "cancelled",
    "cancellation", "cancellations", "closed", "closure", "dropped", "ended", "exit", "exited", "expired",
    "inactive", "lapsed", "leave", "leaver", "left", "lost", "outcome", "quit", "reason", "reasons",
    "resigned", "retained", "retention", "status", "stopped", "target", "terminated", "termination",
    "winback", "abbandonato", "abbandono", "cessata", "cessato", "cessazione", "chiuso", "chiusura",
    "disattivato", "disattivazione", "disdetta", "disdette", "disdetto", "esito", "motivo", "motivazione",
    "perso", "recesso", "revoca", "scaduto", "stato", "uscita", "uscito",
})  # fmt: skip


@dataclass(frozen=True)
class Suspicion:
    """A column and the rule it fires: near_pure, single_auc, outcome_name or identical_rows."""

    column: str
    rule: str
    text: str

    def to_dict(self) -> dict[str, str]:
        """Return plain values."""
        return {"column": self.column, "rule": self.rule, "text": self.text}


@dataclass(frozen=True)
class LeakReport:
    """What stops a promotion, and what is only said. ``strength`` holds each column's AUC alone."""

    suspicious: tuple[Suspicion, ...] = ()
    remarks: tuple[str, ...] = ()
    strength: tuple[tuple[str, float], ...] = ()

    @property
    def stops(self) -> bool:
        """Whether a model of this table must not be promoted."""
        return bool(self.suspicious)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names that fired, once each."""
        return tuple(dict.fromkeys(each.column for each in self.suspicious))

    @property
    def strongest(self) -> str:
        """The column with the highest AUC alone."""
        return max(self.strength, key=lambda each: each[1])[0]


def find_leaks(
    columns: pd.DataFrame,
    churned: Floats,
    names: Sequence[str] | None = None,
    allowed: Collection[str] = (),
) -> LeakReport:
    """Return what in a table may know the outcome.

    Args:
        columns: (n) rows, what the model learns from: float64 (NaN missing) or object (text, None missing).
        churned: (n,) 0 or 1, both present.
        names: what to call the columns, in their order; by default their own names.
        allowed: names (``identical rows`` for the fourth rule) that people have looked at and vouch for:
            what they fire is a remark.

    Returns:
        One suspicion per column and rule, in the order of the columns; no text holds a value of the data.
    """
    called = list(columns.columns) if names is None else list(names)
    fired: list[Suspicion] = []
    remarks: list[str] = []
    strength = []
    for name, place in zip(called, range(columns.shape[1]), strict=True):
        verdict = judge_column(name, columns.iloc[:, place], churned)
        strength.append((name, verdict.alone))
        fired += verdict.fired
        remarks += verdict.remarks
    found, remark = _judge_copies(group_rows(columns), churned)
    fired += found
    remarks += remark
    vouched = [f"{each.text} Allowed by name." for each in fired if each.column in allowed]
    kept = tuple(each for each in fired if each.column not in allowed)
    return LeakReport(kept, (*remarks, *vouched), tuple(strength))


@dataclass(frozen=True)
class Verdict:
    """What rules (1) to (3) say of a column: its AUC ``alone``, the rules it fires, and what is only said."""

    alone: float
    fired: tuple[Suspicion, ...]
    remarks: tuple[str, ...]


def judge_column(name: str, values: "pd.Series[Any]", churned: Floats, by_name: bool = True) -> Verdict:
    """Return what rules (1) to (3) say of the column called ``name``.

    Args:
        name: what to call it, and where its outcome words are looked for.
        values: (n,) float64 (NaN missing) or object (text, None missing).
        churned: (n,) 0 or 1, both present.
        by_name: whether the name may speak against it (rule 3).
    """
    alone = single_auc(values, churned)
    fired, remarks = [], []
    held = max((held_by_near_pure(cells, churned) for cells in find_cells(values)), key=max)
    if max(held) >= HELD:
        share, who = (held[0], "churners") if held[0] >= held[1] else (held[1], "stayers")
        text = f"Column {name!r}: values that almost decide the outcome hold {share:.0%} of the {who}."
        fired.append(Suspicion(name, "near_pure", text))
    if alone > STRONG:
        text = f"Column {name!r} alone reaches an AUC of {alone:.4f}, above {STRONG}."
        fired.append(Suspicion(name, "single_auc", text))
    if by_name and OUTCOME_WORDS & set(words_of(name)):
        text = f"Column {name!r} is named like the outcome and alone reaches an AUC of {alone:.4f}"
        if alone > STRONG_FOR_ITS_NAME:
            fired.append(Suspicion(name, "outcome_name", f"{text}, above {STRONG_FOR_ITS_NAME:.2f}."))
        else:
            remarks.append(f"{text}: make sure that it was known before.")
    return Verdict(alone, tuple(fired), tuple(remarks))


def held_by_near_pure(cells: Ints, churned: Floats) -> tuple[float, float]:
    """Return the shares of all churners in cells near-pure of churners, and of stayers likewise.

    Examples:
        >>> churned = np.repeat([1.0, 0.0], 1000)
        >>> held_by_near_pure(np.repeat([0, 1], 1000), churned)
        (1.0, 1.0)
        >>> held_by_near_pure(np.tile([0, 1], 1000), churned)
        (0.0, 0.0)
    """
    rows = np.bincount(cells).astype(np.float64)
    left = np.bincount(cells, weights=churned).astype(np.float64)
    low, high = wilson_bounds(left, rows)
    base = log_odds(churned.mean())
    large = rows >= CELL_ROWS
    leavers = large & (log_odds(low) - base >= FAR)
    stayers = large & (base - log_odds(high) >= FAR)
    stay = rows - left
    return float(left[leavers].sum() / left.sum()), float(stay[stayers].sum() / stay.sum())


def wilson_bounds(hits: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Return the 95 % Wilson bounds of a share, each 0 to 1; without rows 0 and 1.

    Examples:
        >>> low, high = wilson_bounds(np.array([30.0]), np.array([30.0]))
        >>> round(float(low[0]), 4), float(high[0])
        (0.8865, 1.0)
    """
    many = np.maximum(rows, 1.0)
    share = np.where(rows > 0, hits / many, 0.5)
    spread = 1 + Z**2 / many
    middle = (share + Z**2 / (2 * many)) / spread
    reach = Z * np.sqrt(share * (1 - share) / many + Z**2 / (4 * many**2)) / spread
    low, high = np.clip(middle - reach, 0.0, 1.0), np.clip(middle + reach, 0.0, 1.0)
    return np.where(hits <= 0, 0.0, low), np.where(hits >= rows, 1.0, high)


def log_odds(share: Floats | float) -> Floats:
    """Return log(share / (1 - share)), infinite at 0 and 1."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(share) - np.log1p(-np.asarray(share)), dtype=np.float64)


def _judge_copies(groups: Ints, churned: Floats) -> tuple[list[Suspicion], list[str]]:
    """Return the fourth rule: copies of one label only are resampling; copies that happen are a remark."""
    size = np.bincount(groups)[groups]
    copied = size > 1
    if not copied.any():
        return [], []
    text = f"{int(copied.sum())} of {len(groups)} rows are identical to another; they share a fold."
    for label, who in ((churned, "churners"), (1 - churned, "stayers")):
        if _looks_resampled(groups, label):
            text = f"{text} Nearly all copies are of {who}: the table looks resampled before it came here."
            return [Suspicion(ROWS, "identical_rows", text)], []
    return [], [text]


def _looks_resampled(groups: Ints, label: Floats) -> bool:
    """Return whether a row's copies carry its own label too surely, and far more often than the others' do.

    Among rows of the label that have an identical other row, the share of those others with the same label
    must have a Wilson bound 4 log-odds above the label's own share.
    """
    size = np.bincount(groups)[groups].astype(np.float64)
    alike = np.bincount(groups, weights=label)[groups]
    copied = (size > 1) & (label > 0)
    twins = copied.sum() / label.sum()
    others = ((size > 1) & (label == 0)).sum() / (1 - label).sum()
    if twins < COPIED or twins < 2 * others:
        return False
    same = float(np.sum((alike[copied] - 1) / (size[copied] - 1)))
    low = wilson_bounds(np.array([same]), np.array([float(copied.sum())]))[0]
    return bool(log_odds(low)[0] - log_odds(label.mean()) >= FAR)
