"""What the joint law asks of a buy-till-you-die model of purchases; BG/NBD and Pareto/NBD answer alike.

In both, given that a customer is alive at T the future depends on (x, T) alone, and silence until T + H while
alive is the history (x, t_x, T + H). Whatever is asked is therefore asked of a history, or of a customer who
is alive.
"""

from typing import Protocol, Self

import numpy.typing as npt

from training.models.history import Array
from training.models.point_set import Counts

Numbers = npt.ArrayLike


class PurchaseDraws(Protocol):
    """Draws of purchase counts; they depend on the parameters, the history and the window only."""

    def purchases(self, frequency: Array, age: Array, window: float, end: float) -> Counts:
        """Return (n, POINTS) purchases >= 1 in (T, T + end] given alive and one in (T, T + window].

        ``frequency`` and ``age`` have shape (n,); 0 < ``window`` <= ``end``, in the time unit of the model.
        """
        ...


class PurchaseModel(Protocol):
    """Known parameters; times in ``time_unit``; arguments as in ``BetaGeoParameters``, t is ``horizon``."""

    @property
    def time_unit(self) -> str:
        """``day`` or ``week``."""
        ...

    def log_likelihood(self, frequency: Numbers, recency: Numbers, age: Numbers) -> Array:
        """Return log L(x, t_x, T) per row."""
        ...

    def p_alive(self, frequency: Numbers, recency: Numbers, age: Numbers) -> Array:
        """Return P(alive at T | x, t_x, T)."""
        ...

    def p_no_purchase(self, horizon: Numbers, frequency: Numbers, recency: Numbers, age: Numbers) -> Array:
        """Return P(no purchase in (T, T + t] | x, t_x, T)."""
        ...

    def expected_purchases(
        self, horizon: Numbers, frequency: Numbers, recency: Numbers, age: Numbers
    ) -> Array:
        """Return E[purchases in (T, T + t] | x, t_x, T]."""
        ...

    def p_purchase_alive(self, horizon: Numbers, frequency: Numbers, age: Numbers) -> Array:
        """Return P(a purchase in (T, T + t] | x, T, alive at T)."""
        ...

    def p_silent_and_alive(self, horizon: Numbers, frequency: Numbers, age: Numbers) -> Array:
        """Return P(no purchase in (T, T + t] and alive at T + t | x, T, alive at T)."""
        ...

    def expected_purchases_alive(self, horizon: Numbers, frequency: Numbers, age: Numbers) -> Array:
        """Return E[purchases in (T, T + t] | x, T, alive at T]."""
        ...

    def expected_purchases_for_ever(self, frequency: Numbers, age: Numbers) -> Array:
        """Return its limit for t to infinity; ``ContractError`` where it diverges."""
        ...

    def time_grading(self, end: float, frequency: Numbers, age: Numbers) -> Array:
        """Return log(1 + end / u), u the time in which purchases of a customer alive begin to slow down."""
        ...

    def purchase_draws(self) -> PurchaseDraws:
        """Return fresh draws; what they keep between calls depends on the parameters only."""
        ...

    def moved(self, by: Array) -> Self:
        """Return the model with ``by``, shape (4,), added to the logs of its parameters, in their order."""
        ...

    def to_dict(self) -> dict[str, float | str]:
        """Return the parameters as plain data: four numbers, in the order of ``moved``, and ``time_unit``."""
        ...
