"""Means over the dropout probability p ~ Beta(a, b + x), as sums over fixed nodes.

The textbook forms of BG/NBD divide by a - 1 and call 2F1 with third argument a + b + x - 1: they have holes
at a = 1 and a + b + x <= 1 and overflow for frequent buyers. The means themselves have none. With p = 1 / (1
+ e^-y) the Beta density becomes analytic and decays exponentially on both sides, where the trapezoidal rule
converges geometrically (Trefethen and Weideman 2014, SIAM Review 56(3)). The weights are positive and sum to
1, so every mean keeps the bounds and the direction of what is averaged, and what two quantities share they
share exactly.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from scipy.special import expit, polygamma

from training.models.history import Array

DIGITS = 37.0  # e^-37 is the last bit of a double
WIDEST_STEP = 0.25
LOG_FASTEST = 21.0  # nodes reach down to where (r + x) t / (alpha + T) times p is negligible, up to e^21


@dataclass(frozen=True, eq=False)
class DropoutNodes:
    """The nodes for one (a, b): ``y`` and p = expit(y), both of shape (k,), equally spaced in ``y``."""

    a: float
    b: float
    y: Array
    p: Array
    _known: dict[float, Array] = field(default_factory=dict, init=False, repr=False)

    def weights(self, frequency: Array) -> Array:
        """Return shape (n, k): per frequency x >= 0 the weights of Beta(a, b + x), positive, summing to 1.

        They are kept: a score asks for those of the same few frequencies at every horizon.
        """
        asked = frequency.tolist()
        new = [x for x in dict.fromkeys(asked) if x not in self._known]
        if new:
            self._known.update(zip(new, self._weigh(np.array(new)), strict=True))
        return np.array([self._known[x] for x in asked]).reshape(len(asked), self.y.size)

    def _weigh(self, frequency: Array) -> Array:
        a, b_x, y = self.a, self.b + frequency[:, None], self.y
        step = float(y[1] - y[0])
        log_density = a * y - (a + b_x) * np.logaddexp(0.0, y)
        weights = np.exp(log_density - log_density.max(axis=1, keepdims=True))
        # Beyond the last nodes the density is a geometric series: all of it sits on the last node.
        weights[:, 0] /= -np.expm1(-a * step)
        weights[:, -1] /= -np.expm1(-b_x[:, 0] * step)
        weights /= weights.sum(axis=1, keepdims=True)
        return np.asarray(weights)


@lru_cache(maxsize=64)
def dropout_nodes(a: float, b: float) -> DropoutNodes:
    """Return the nodes for p ~ Beta(a, b + x), any x >= 0; they depend on the parameters only.

    Examples:
        >>> nodes = dropout_nodes(0.793, 2.426)
        >>> mean = float((nodes.weights(np.array([2.0])) * nodes.p).sum())
        >>> abs(mean - 0.793 / (0.793 + 2.426 + 2)) < 1e-14
        True
    """
    step = min(WIDEST_STEP, 0.5 * float(np.sqrt(polygamma(1, a))))
    low = -LOG_FASTEST - DIGITS / (1.0 + a)
    high = np.log((a + 50.0) / b) + DIGITS / (1.0 + b) + 1.0
    y = step * np.arange(np.floor(low / step), np.ceil(max(high, 1.0) / step) + 1)
    return DropoutNodes(a, b, y, expit(y))
