"""How long something took, by the monotonic clock: never a fact, only a figure in a report."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic


@contextmanager
def measure_seconds() -> Iterator[Callable[[], float]]:
    """Yield a function that returns the seconds since the block began, rounded to milliseconds.

    Examples:
        >>> with measure_seconds() as seconds:
        ...     pass
        >>> 0 <= seconds() < 60
        True
    """
    start = monotonic()
    yield lambda: round(monotonic() - start, 3)
