"""Satisfaction of every customer: their own answer where it is recent, else estimated from behaviour.

The answers are fitted on behaviour, each weighted by the silent it stands for, (1 - e) / e with e the chance
of answering given behaviour. With free intercepts the weighted errors sum to zero, so that the mean of the
estimates is right when either law is (doubly robust; Robins, Sued, Lei-Gomez and Rotnitzky 2007, sections 3.2
and 4). What silence says of mood beyond behaviour is a tilt of these estimates: none, unless reminders or
invitations drawn by lot tell it (``selection``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contracts.customer_rows import find_rows
from contracts.errors import BundleRefused
from contracts.feature_frame import FeatureFrame, FeatureList
from contracts.randomness import generator
from training.models.base_nps import BaseNps, LotsFound
from training.models.behaviour import Behaviour, select
from training.models.class_law import ClassLaw, choose_penalty, fit_folds
from training.models.selection import Belief, Sample, Selection
from training.models.silence import CLASSES, DETRACTOR, PASSIVE, PROMOTER, Base, Figure, Tilt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SILENT = -1
BAND = "band"
FOLDS, SEED = 5, 0
CHOOSING_ROWS = 20_000
"""The ridge is chosen on so many customers at most, drawn by lot."""

NO_BELIEF = Belief()
LEAST_CHANCE = 0.01
LEAST_ANSWERS, LEAST_LIFT = 30, 10.0
"""Lots tell of silence where so many customers of either arm answered, and the arms differ in it by so much.

The lift is a squared difference in standard errors; under 10 an instrument is weak (Staiger and Stock 1997).
"""

NOT_BEHAVIOUR = ("voice",)
"""Families that hold what customers said."""


@dataclass(frozen=True)
class Answers:
    """What the customers of a frame said lately, row by row.

    ``classes`` (n,) are 0 detractor, 1 passive, 2 promoter, -1 where there is no recent answer. ``lots`` has,
    by kind of survey request, 1 where it was sent, 0 where it was held back by lot, NaN where no lot was
    drawn, each (n,).
    """

    classes: Ints
    lots: Mapping[str, Floats]

    @classmethod
    def align(cls, known: pd.DataFrame, customers: Sequence[str]) -> "Answers":
        """Return the answers of ``customers`` (n) from a table indexed by customer.

        Its column ``band`` is the class, every other one the lots of a kind of survey request, NaN where
        there is none.
        """
        told = find_rows(known, customers)
        classes = np.where(np.isnan(told[BAND]), SILENT, told.pop(BAND)).astype(np.int64)
        return cls(classes, told)

    def rows(self, order: npt.NDArray[np.int64]) -> "Answers":
        """Return the answers of the rows ``order``, in that order."""
        return Answers(self.classes[order], {kind: drawn[order] for kind, drawn in self.lots.items()})


@dataclass(frozen=True, eq=False)
class SatisfactionModel:
    """What the silent would answer, given what they do."""

    behaviour: Behaviour
    law: ClassLaw
    tilt: Tilt

    @property
    def features(self) -> FeatureList:
        """The features it needs."""
        return self.behaviour.features

    def predict(self, frame: FeatureFrame, classes: Ints) -> Floats:
        """Return the probabilities (n, 3) of detractor, passive, promoter; an own answer always wins.

        Args:
            frame: with the model's features among others.
            classes: (n,) the class of each recent answer, -1 without one.

        Raises:
            ContractError: a feature is missing or of the wrong type.
        """
        shares = self.tilt.apply(self.law.predict(self.behaviour.design(frame)))
        said = classes != SILENT
        shares[said] = np.eye(CLASSES)[classes[said]]
        return shares

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for a bundle."""
        return {
            "behaviour": self.behaviour.to_dict(),
            "coefficients": self.law.coefficients.tolist(),
            "tilt": {"detractor": self.tilt.detractor, "promoter": self.tilt.promoter},
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "SatisfactionModel":
        """Return the model that ``to_dict`` gave; ``BundleRefused`` when it is not a sound one."""
        try:
            behaviour = Behaviour.from_dict(plain["behaviour"])
            coefficients = np.array(plain["coefficients"], dtype=np.float64)
            tilt = Tilt(float(plain["tilt"]["detractor"]), float(plain["tilt"]["promoter"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleRefused(f"Satisfaction: {type(error).__name__}: restore the bundle.") from error
        wanted = (CLASSES - 1, 1 + behaviour.width)
        if coefficients.shape != wanted or not np.isfinite([*coefficients.ravel(), *tilt.weights]).all():
            raise BundleRefused(
                f"Satisfaction: coefficients of shape {coefficients.shape} instead of {wanted}, or a number "
                "not finite: restore the bundle."
            )
        return cls(behaviour, ClassLaw(coefficients), tilt)


def fit_satisfaction(
    frame: FeatureFrame, answers: Answers, odds: float, belief: Belief = NO_BELIEF
) -> tuple[SatisfactionModel, BaseNps]:
    """Return the model of the silent, and the NPS of all customers of ``frame``.

    The order of the rows does not matter.

    Args:
        frame: all customers at one ``as_of``; families of what customers said are left out.
        answers: of its rows, at least one.
        odds: how strongly silence may depend on the class in the range: odds ratios of 1 / odds to odds.
        belief: what is held of the odds ratios before lots tell them.
    """
    order = np.argsort(frame.index["customer_id"].to_numpy(dtype=str), kind="stable")
    frame = _take_behaviour(frame, order)
    answers = answers.rows(order)
    said = answers.classes != SILENT
    classes = [np.where(said, answers.classes == each, np.nan) for each in (DETRACTOR, PROMOTER)]
    behaviour = Behaviour.fit(frame, [said.astype(np.float64), *classes])
    told = _Told.learn(behaviour.design(frame), answers.classes)
    base, lots = told.base(answers.classes), _find_lots(answers)
    if lots is None or not len(base.silent):
        model = SatisfactionModel(behaviour, told.law, Tilt())
        return model, BaseNps.describe(base, base.figure(Tilt()), odds, None)
    tilt, corrected, found = _correct(told, base, answers, lots, belief)
    return SatisfactionModel(behaviour, told.law, tilt), BaseNps.describe(base, corrected, odds, found)


def _take_behaviour(frame: FeatureFrame, order: npt.NDArray[np.int64]) -> FeatureFrame:
    kept = FeatureList(tuple(each for each in frame.features if each.family not in NOT_BEHAVIOUR))
    own = select(frame, kept)
    index, values = (part.iloc[order].reset_index(drop=True) for part in (own.index, own.values))
    return FeatureFrame(index, values, kept)


@dataclass(frozen=True, eq=False)
class _Told:
    """What the answers taught, row by row.

    ``ahead`` (n, 3) and ``chance`` (n,) are log-odds of the classes and of answering by laws that have not
    seen the row, ``weights`` (n,) how many silent customers an answer of it stands for, ``shares`` (n, 3)
    what the law of all answers says.
    """

    law: ClassLaw
    shares: Floats
    ahead: Floats
    chance: Floats
    weights: Floats

    @classmethod
    def learn(cls, design: Floats, classes: Ints) -> "_Told":
        said = classes != SILENT
        dealt = generator(SEED, "satisfaction", "folds").permutation(len(classes))
        folds = np.asarray(dealt % FOLDS, dtype=np.int64)
        chosen = dealt < CHOOSING_ROWS
        chance = _cross(design, said.astype(np.int64), np.ones(len(design)), folds, chosen)[1][:, 1]
        weights = np.exp(-np.maximum(chance, np.log(LEAST_CHANCE / (1 - LEAST_CHANCE))))
        silent = int((~said).sum())
        weights *= silent / weights[said].sum()
        # In proportion only: the ridge is meant for as many answers as there are.
        worth = weights / weights[said].mean() if silent else np.ones(len(design))
        rows = np.where(said, worth, 0.0)
        law, ahead = _cross(design, np.maximum(classes, 0), rows, folds, chosen & said, CLASSES)
        return cls(law, law.predict(design), ahead, chance, weights)

    def base(self, classes: Ints) -> Base:
        said = classes != SILENT
        raised = np.exp(self.ahead[said] - self.ahead[said].max(axis=1, keepdims=True))
        expected = raised / raised.sum(axis=1, keepdims=True)
        return Base(classes[said], expected, self.weights[said], self.shares[~said])

    def sample(self, classes: Ints, lots: Floats) -> Sample:
        ones = np.ones(len(classes))
        detractor = self.ahead[:, DETRACTOR] - self.ahead[:, PASSIVE]
        promoter = self.ahead[:, PROMOTER] - self.ahead[:, PASSIVE]
        return Sample(np.column_stack([ones, detractor, promoter, self.chance]), classes, lots)


def _cross(
    design: Floats, classes: Ints, weights: Floats, folds: Ints, chosen: npt.NDArray[np.bool_], count: int = 2
) -> tuple[ClassLaw, Floats]:
    """Return the law of all rows, and log-odds (n, count) of each row by a law fitted without its fold."""
    penalty = choose_penalty(design[chosen], classes[chosen], weights[chosen], folds[chosen], count)
    kept = weights > 0
    even = ClassLaw.even(count, design.shape[1])
    law = ClassLaw.fit(design[kept], classes[kept], penalty, weights[kept], even)
    laws = fit_folds(design[kept], classes[kept], penalty, weights[kept], folds[kept], [law] * FOLDS)
    ahead = np.empty((len(design), count))
    for fold, each in enumerate(laws):
        ahead[folds == fold] = each.log_odds(design[folds == fold])
    return law, ahead


def _find_lots(answers: Answers) -> str | None:
    """Return the kind of survey request whose lots tell of silence: the one drawn for most; None without."""
    said = answers.classes != SILENT
    drawn = {kind: int((~np.isnan(lots)).sum()) for kind, lots in answers.lots.items() if _tells(lots, said)}
    return min(drawn, key=lambda kind: (-drawn[kind], kind)) if drawn else None


def _tells(lots: Floats, said: npt.NDArray[np.bool_]) -> bool:
    # Where one arm cannot answer at all, every class answers infinitely more often in the other.
    arms = [said[lots == arm].astype(np.float64) for arm in (0.0, 1.0)]
    if min(float(arm.sum()) for arm in arms) < LEAST_ANSWERS:
        return False
    variance = sum(float(arm.var()) / len(arm) for arm in arms)
    return float(arms[1].mean() - arms[0].mean()) ** 2 >= LEAST_LIFT * variance


def _correct(
    told: _Told, base: Base, answers: Answers, kind: str, belief: Belief
) -> tuple[Tilt, Figure, LotsFound]:
    """Return the tilt that lots ask for, the NPS of all customers with its interval, and what lots tell."""
    lots = answers.lots[kind]
    drawn = ~np.isnan(lots)
    everyone = told.sample(answers.classes, np.nan_to_num(lots)[:, None])
    fitted = Selection.fit(everyone.rows(drawn), belief)
    silent = everyone.rows(answers.classes == SILENT)
    tilt = base.find_tilt(fitted.shares(silent).mean(axis=0))
    variance = fitted.sum_variance(silent) / base.customers**2
    found = LotsFound.describe(kind, int(drawn.sum()), fitted)
    return tilt, Figure.around(base.mean(tilt), variance), found
