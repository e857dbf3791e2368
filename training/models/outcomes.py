"""What a purchase model expects of a customer who buys within the churn horizon, and of one who does not.

Given (x, T) and alive at T, let b = P(a purchase in (0, H]), w = P(silent and alive at T + H) and G(T, t) the
expected purchases in (0, t]; in BG/NBD w = 1 - b, in Pareto/NBD some of the silent drop out. For t >= H

    E[N_t | none in (0, H]] = P(alive at T + H | none) G(T + H, t - H)
    E[N_t | some in (0, H]] = (G(T, t) - w G(T + H, t - H)) / b

and for t < H they are 0 and G(T, t) / b. The second does not depend on t_x: who buys was alive.
"""

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np

from contracts.periods import continuous_rate
from training.models.distinct import Pairs, find_distinct
from training.models.history import Array, History
from training.models.purchase_model import PurchaseModel
from training.models.residual_clv import discounted_purchases_alive


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Expected purchases in (0, t] given some or none in (0, H], plain and discounted; (n,), >= 0."""

    stays: Array
    leaves: Array
    discounted_stays: Array
    discounted_leaves: Array


@dataclass(frozen=True, eq=False)
class _Known:
    """What was found of a history: its distinct (x, T), and the outcomes by t."""

    pairs: Pairs
    outcomes: dict[float, Outcomes] = field(default_factory=dict)


@dataclass(frozen=True)
class PurchaseOutcomes:
    """Outcomes split at the churn horizon H; times in the time unit of ``purchase_model``."""

    purchase_model: PurchaseModel
    horizon: float
    annual_discount_rate: float
    _known: "WeakKeyDictionary[History, _Known]" = field(
        default_factory=WeakKeyDictionary, init=False, repr=False, compare=False
    )

    def by(self, t: float, history: History) -> Outcomes:
        """Return the outcomes by ``t`` >= 0; kept as long as the history, as a score asks for some often."""
        known = self._known.get(history)
        if known is None:
            known = self._known[history] = _Known(find_distinct((history.frequency, history.age)))
        if t not in known.outcomes:
            known.outcomes[t] = self._find(t, history, known.pairs)
        return known.outcomes[t]

    def _find(self, t: float, history: History, pairs: Pairs) -> Outcomes:
        (x, T), position = pairs
        stays, after = self._split(t, x, T, 0.0)
        money_stays, money_after = stays, after
        if self.annual_discount_rate > 0:
            money_stays, money_after = self._split(t, x, T, self.annual_discount_rate)
        alive = self.purchase_model.p_alive(history.frequency, history.recency, history.age + self.horizon)
        return Outcomes(
            stays[position], alive * after[position], money_stays[position], alive * money_after[position]
        )

    def p_no_event(self, t: float, history: History, churn_probability: Array) -> Array:
        """Return P(no purchase in (0, t]), (n,) in [0, 1], where that in (0, H] is ``churn_probability``."""
        x, p = history.frequency, churn_probability
        if t >= self.horizon:
            return p * self.p_stays_silent(t, history)
        early, all_bought = (
            self.purchase_model.p_purchase_alive(end, x, history.age) for end in (t, self.horizon)
        )
        return np.asarray(p + (1 - p) * (1 - early / all_bought))

    def p_stays_silent(self, t: float, history: History) -> Array:
        """Return P(no purchase in (H, t] | none in (0, H]), shape (n,), in [0, 1]; ``t`` >= H."""
        age = history.age + self.horizon
        return self.purchase_model.p_no_purchase(t - self.horizon, history.frequency, history.recency, age)

    def _split(self, t: float, x: Array, T: Array, rate: float) -> tuple[Array, Array]:
        H = self.horizon
        bought = self.purchase_model.p_purchase_alive(H, x, T)
        whole = discounted_purchases_alive(self.purchase_model, t, x, T, rate)
        if t < H:
            return whole / bought, np.zeros(x.shape)
        now = np.exp(-continuous_rate(rate, self.purchase_model.time_unit) * H)
        after = now * discounted_purchases_alive(self.purchase_model, t - H, x, T + H, rate)
        waits = self.purchase_model.p_silent_and_alive(H, x, T)
        # At least the one purchase, none later than H: the bound only removes rounding.
        return np.maximum((whole - waits * after) / bought, now), after
