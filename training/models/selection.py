r"""Who answers, and what they would say: both at once, from reminders or invitations drawn by lot.

y | x is multinomial, and logit P(answer | x, y, z) = c x + b z + g_y with g = 0 for passives. A lot z moves
answering and nothing else, so that the classes whose answers it multiplies less are those that answer anyway:
that is how g shows. Fitted by penalised maximum likelihood: a silent customer counts for the sum over the
classes. ``x`` are three scores of behaviour (log-odds of the classes and of answering).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.models.class_law import softmax
from training.models.silence import CLASSES, DETRACTOR, PASSIVE, PROMOTER, WORTH

Floats = npt.NDArray[np.float64]

SCORES = 4
WIDE, NARROW = 10.0, 1.0
STRIDE = 1e-4


@dataclass(frozen=True)
class Belief:
    """What is held of g before the data: the logs of the odds ratios are normal with these moments.

    By default one in three is beyond a factor of 4 either way: a weak pull, for lots that tell little.
    """

    detractor: float = 0.0
    promoter: float = 0.0
    spread: float = float(np.log(4.0))


@dataclass(frozen=True, eq=False)
class Sample:
    """Customers with scores (n, 4): one, log-odds of detractor and promoter against passive, of answering.

    ``classes`` (n,) are those of the answers, -1 for the silent; ``lots`` (n, m) are 1 where drawn, else 0.
    """

    scores: Floats
    classes: npt.NDArray[np.int64]
    lots: Floats

    def rows(self, mask: npt.NDArray[np.bool_]) -> "Sample":
        """Return the customers where ``mask`` (n,) holds."""
        return Sample(self.scores[mask], self.classes[mask], self.lots[mask])


@dataclass(frozen=True, eq=False)
class Selection:
    """The fitted law: ``theta`` as ``unpack`` reads it, and its covariance."""

    theta: Floats
    covariance: Floats

    @classmethod
    def fit(cls, sample: Sample, belief: Belief) -> "Selection":
        """Return the law with the greatest penalised likelihood, sought from g = 0 on."""
        from scipy.optimize import minimize

        centre, spread = _believe(belief, sample.lots.shape[1])
        scale = 1.0 / len(sample.scores)

        def lose(theta: Floats) -> tuple[float, Floats]:
            loss, slope = _lose(theta, sample)
            off = (theta - centre) / spread
            return scale * (loss + 0.5 * float(off @ off)), scale * (slope + off / spread)

        found = minimize(lose, centre, jac=True, method="BFGS", options={"gtol": 1e-7, "maxiter": 500})
        theta = np.asarray(found.x, dtype=np.float64)
        bend = np.empty((len(theta), len(theta)))
        for place in range(len(theta)):
            ahead = np.zeros(len(theta))
            ahead[place] = STRIDE
            bend[place] = (lose(theta + ahead)[1] - lose(theta - ahead)[1]) / (2 * STRIDE * scale)
        covariance = np.linalg.inv(0.5 * (bend + bend.T))
        return cls(theta, np.asarray(covariance, dtype=np.float64))

    @property
    def ratios(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The logs of the odds ratios of detractors and promoters, each with its standard error."""
        errors = np.sqrt(np.diag(self.covariance))
        return (
            (float(self.theta[-2]), float(errors[-2])),
            (float(self.theta[-1]), float(errors[-1])),
        )

    def shares(self, sample: Sample) -> Floats:
        """Return the probabilities (n, 3) that each customer, being silent, is of each class."""
        return _find_silent(self.theta, sample)

    def sum_variance(self, sample: Sample) -> float:
        """Return the variance of the sum of what the silent of ``sample`` are worth: doubt and chance."""
        slope = np.empty(len(self.theta))
        for place in range(len(slope)):
            ahead = np.zeros(len(slope))
            ahead[place] = STRIDE
            sums = [(_find_silent(self.theta + step, sample) @ WORTH).sum() for step in (ahead, -ahead)]
            slope[place] = (sums[0] - sums[1]) / (2 * STRIDE)
        shares = self.shares(sample)
        chance = float((shares @ WORTH**2 - (shares @ WORTH) ** 2).sum())
        return float(slope @ self.covariance @ slope) + chance


def _believe(belief: Belief, lots: int) -> tuple[Floats, Floats]:
    """Return means and spreads of theta before the data: scores are right as they are, lots do nothing."""
    centre = [0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, *[0] * lots, belief.detractor, belief.promoter]
    slopes = [WIDE, NARROW, NARROW, NARROW]
    spread = [*slopes * 3, *[WIDE] * lots, belief.spread, belief.spread]
    return np.array(centre, dtype=np.float64), np.array(spread, dtype=np.float64)


def _unpack(theta: Floats, sample: Sample) -> tuple[Floats, Floats]:
    """Return log-odds of the classes (n, 3) and of answering by class (n, 3)."""
    mood = theta[: 2 * SCORES].reshape(2, SCORES)
    odds = sample.scores @ mood.T
    classes = np.column_stack([odds[:, 0], np.zeros(len(odds)), odds[:, 1]])
    rest = sample.scores @ theta[2 * SCORES : 3 * SCORES] + sample.lots @ theta[3 * SCORES : -2]
    return classes, rest[:, None] + np.array([theta[-2], 0.0, theta[-1]])


def _find_silent(theta: Floats, sample: Sample) -> Floats:
    classes, answers = _unpack(theta, sample)
    logs = classes - np.logaddexp(0.0, answers)
    return softmax(logs)


def _lose(theta: Floats, sample: Sample) -> tuple[float, Floats]:
    """Return minus the log-likelihood and its slope."""
    classes, answers = _unpack(theta, sample)
    prior, silent = softmax(classes), sample.classes < 0
    logs = classes - np.logaddexp.reduce(classes, axis=1, keepdims=True)
    quiet = logs - np.logaddexp(0.0, answers)
    rows = np.flatnonzero(~silent)
    said = sample.classes[rows]
    spoken = logs[rows, said] - np.logaddexp(0.0, -answers[rows, said])
    loss = -float(np.logaddexp.reduce(quiet[silent], axis=1).sum() + spoken.sum())
    hits = np.zeros((len(silent), CLASSES))
    hits[rows, said] = 1.0
    hits[silent] = softmax(quiet[silent])
    chance = 1.0 / (1.0 + np.exp(-answers))
    pull = -hits * chance
    pull[rows, said] += 1.0
    mood = (hits - prior)[:, [DETRACTOR, PROMOTER]].T @ sample.scores
    rest = pull.sum(axis=1)
    slope = [*mood.ravel(), *(rest @ sample.scores), *(rest @ sample.lots), *pull.sum(axis=0)]
    del slope[-CLASSES + PASSIVE]
    return loss, -np.array(slope)
