"""What a family of features is: a name, the tables it needs, its columns, one expression for all cutoffs."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature

from contracts.feature_frame import Feature
from features.engine import Table
from features.snapshot import Snapshot


@dataclass(frozen=True)
class Family:
    """A family, declared once in its module as ``FAMILY``.

    ``needs`` are the tables it reads: where a cutoff knows no row of any of them the family is missing, not
    zero. ``features`` are its columns, or a function of the snapshot where they depend on the data
    (attributes, channels). ``build`` returns one table with ``as_of``, ``customer_id`` and one column per
    feature, called by the part of the name after the dot; at most one row per (as_of, customer), customers
    without data left out. Numbers leave it ``rounded``, categories as strings. ``zeros`` are the short names
    whose value is 0, not missing, for a customer without a row (counts and sums).

    A ``build`` whose columns depend on the data takes the features wanted as its second argument, and leaves
    out those it cannot make any more.
    """

    name: str
    needs: tuple[str, ...]
    features: tuple[Feature, ...] | Callable[[Snapshot], tuple[Feature, ...]]
    build: Callable[..., Table]
    zeros: frozenset[str] = frozenset()

    def list_features(self, snapshot: Snapshot) -> tuple[Feature, ...]:
        """Return the family's columns on this snapshot, in order."""
        return self.features(snapshot) if callable(self.features) else self.features

    def build_columns(self, snapshot: Snapshot, wanted: tuple[Feature, ...]) -> Table:
        """Return the table of ``build`` with at least those of ``wanted`` that can be made now."""
        chooses = len(signature(self.build).parameters) > 1
        return self.build(snapshot, wanted) if chooses else self.build(snapshot)


def short_name(feature: Feature) -> str:
    """Return the part of a feature's name after the family: its column in the table of ``build``.

    Examples:
        >>> short_name(Feature("rfm.frequency", "purchase days", "never"))
        'frequency'
    """
    return feature.name.partition(".")[2]
