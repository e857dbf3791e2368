"""What silence may hide: probabilities of the silent under a stated dependence of answering on the class.

Let a customer answer with odds that, against a passive with the same behaviour, are multiplied by ``exp(g)``
for a detractor and for a promoter. By Bayes' rule the silent then have exactly the law of those who answered,
tilted: P(y | x, silent) is in proportion to P(y | x, answered) exp(-g_y), whatever else moves answering
(Robins, Rotnitzky and Scharfstein 2000; "exponential tilting"). ``g = 0`` is silence that behaviour explains.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

DETRACTOR, PASSIVE, PROMOTER = 0, 1, 2
CLASSES = 3
NORMAL_95 = 1.959963984540054
WORTH = np.array([-100.0, 0.0, 100.0])
"""What a detractor, a passive and a promoter add to the sum that the NPS is the mean of."""

ROUNDS, CLOSE, LEAST_BEND = 100, 1e-10, 1e-12


@dataclass(frozen=True)
class Tilt:
    """Logs of the odds ratios of answering, of a detractor and of a promoter against a passive.

    Examples:
        >>> Tilt(float(np.log(0.5)), 0.0).apply(np.array([[0.2, 0.4, 0.4]])).round(3)
        array([[0.333, 0.333, 0.333]])
    """

    detractor: float = 0.0
    promoter: float = 0.0

    def apply(self, shares: Floats) -> Floats:
        """Return the probabilities (n, 3) of the silent where ``shares`` (n, 3) are of who answers."""
        raised = shares * self.weights
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    @property
    def weights(self) -> Floats:
        """What each class's share of the answers counts for among the silent, (3,)."""
        return np.asarray(np.exp(-np.array([self.detractor, 0.0, self.promoter])))


@dataclass(frozen=True)
class Span:
    """A range of the NPS, -100 to 100."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """How far it reaches."""
        return self.high - self.low


@dataclass(frozen=True)
class Figure:
    """An NPS with its 95 % interval, all -100 to 100."""

    nps: float
    low: float
    high: float

    @classmethod
    def around(cls, nps: float, variance: float) -> "Figure":
        """Return the figure with the normal interval of ``variance``, cut off at -100 and 100."""
        reach = NORMAL_95 * float(np.sqrt(max(variance, 0.0)))
        return cls(nps, max(nps - reach, -100.0), min(nps + reach, 100.0))


@dataclass(frozen=True, eq=False)
class Base:
    """All customers, as far as they are known: who answered what, and what is made of the silent.

    ``answered`` (m,) classes; ``residual_shares`` (m, 3) what the law says of them without having seen them;
    ``weights`` (m,) how many silent customers each stands for; ``silent`` (s, 3) what the law says of the
    rest.
    """

    answered: npt.NDArray[np.int64]
    residual_shares: Floats
    weights: Floats
    silent: Floats

    @property
    def customers(self) -> int:
        """How many there are."""
        return len(self.answered) + len(self.silent)

    def raw(self) -> Figure:
        """Return the NPS of those who answered, as if they were drawn from all customers by lot.

        The variance is that of Bonett and Price (2012), who add a promoter and a detractor, without the part
        that vanishes as everybody answers.
        """
        m = len(self.answered)
        promoters, detractors = ((self.answered == each).sum() + 1 for each in (PROMOTER, DETRACTOR))
        p, d = promoters / (m + 2), detractors / (m + 2)
        variance = 1e4 * (p + d - (p - d) ** 2) / (m + 2) * (1 - m / self.customers)
        return Figure.around(float(WORTH[self.answered].sum()) / m, float(variance))

    def mean(self, tilt: Tilt) -> float:
        """Return the NPS of all customers, the silent tilted."""
        said, guessed = WORTH[self.answered].sum(), (tilt.apply(self.silent) @ WORTH).sum()
        return float(said + guessed) / self.customers

    def figure(self, tilt: Tilt) -> Figure:
        """Return the NPS of all customers with its interval where the tilt is known.

        Its variance has two parts: answers that the law did not foresee, each counted for the silent it
        stands for, and what the silent would have said by chance.
        """
        shares = tilt.apply(self.residual_shares)
        scale = (self.residual_shares * tilt.weights).sum(axis=1)
        counted = self.weights * tilt.weights[self.answered] / scale
        missed = counted * (WORTH[self.answered] - shares @ WORTH)
        variance = float((missed**2).sum()) + self.chance(tilt)
        return Figure.around(self.mean(tilt), variance / self.customers**2)

    def chance(self, tilt: Tilt) -> float:
        """Return the variance of the sum of what the silent would say, their probabilities being known."""
        shares = tilt.apply(self.silent)
        return float((shares @ WORTH**2 - (shares @ WORTH) ** 2).sum())

    def range(self, odds: float) -> Span:
        """Return every NPS of all customers that odds ratios of either class in 1 / odds .. odds allow.

        The share of promoters among the silent falls as they answer more, the more so detractors rise: the
        NPS of each silent customer falls in the promoters' ratio and rises in the detractors', so that two
        corners of the square hold its ends.
        """
        low, high = corners(odds)
        return Span(self.mean(low), self.mean(high))

    def sampled_range(self, odds: float) -> Span:
        """Return the range with the 95 % sampling interval of either end added."""
        low, high = corners(odds)
        return Span(self.figure(low).low, self.figure(high).high)

    def bounds(self) -> Span:
        """Return what is possible without any assumption: the silent all detractors, or all promoters."""
        said = WORTH[self.answered].sum()
        reach = 100.0 * len(self.silent)
        return Span(float(said - reach) / self.customers, float(said + reach) / self.customers)

    def find_tilt(self, shares: Floats) -> Tilt:
        """Return the tilt under which the silent have the class ``shares`` (3,) on average.

        The tilt is where a convex function is least: Newton's steps, halved until they go down.
        """
        kept = [DETRACTOR, PROMOTER]
        wanted = (shares / shares.sum())[kept]
        logs, found = np.zeros(2), self._pull(np.zeros(2), wanted)
        for _ in range(ROUNDS):
            tilted = Tilt(*(-logs)).apply(self.silent)[:, kept]
            slope = tilted.mean(axis=0) - wanted
            if np.abs(slope).max() < CLOSE:
                break
            bend = np.diag(tilted.mean(axis=0)) - tilted.T @ tilted / len(tilted)
            step = np.linalg.solve(bend + LEAST_BEND * np.eye(2), slope)
            while np.abs(step).max() > CLOSE and self._pull(logs - step, wanted) > found:
                step = step / 2
            logs = logs - step
            found = self._pull(logs, wanted)
        return Tilt(float(-logs[0]), float(-logs[1]))

    def _pull(self, logs: Floats, wanted: Floats) -> float:
        """Return what is least where the silent, tilted by minus ``logs``, have the shares ``wanted``."""
        scale = self.silent @ Tilt(*(-logs)).weights
        return float(np.log(scale).mean() - logs @ wanted)


def corners(odds: float) -> tuple[Tilt, Tilt]:
    """Return the tilts under which the NPS of the silent is least and greatest, ratios in 1 / odds .. odds.

    Examples:
        >>> least, greatest = corners(2.0)
        >>> least.promoter == greatest.detractor == -greatest.promoter
        True
    """
    reach = float(np.log(odds))
    return Tilt(-reach, reach), Tilt(reach, -reach)
