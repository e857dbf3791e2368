"""The feature frame: one row per customer and ``as_of``, typed columns, one hash (design, section 5)."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from contracts.errors import ContractError

Dtype = Literal["float64", "category"]

FEW_ROWS = 5_000
INDEX = ("as_of", "customer_id", "kind", "status", "segment")


@dataclass(frozen=True)
class Feature:
    """One column: ``family.name`` in ``[a-z0-9_.]``, and what people must know of it.

    ``missing`` says what an absent value means; ``owner`` who can act on it (brand, partner, customer,
    social); ``label`` is the source's own name where the slug had to differ from it.
    """

    name: str
    unit: str
    missing: str
    dtype: Dtype = "float64"
    actionable: bool = False
    owner: str = "brand"
    label: str = ""

    @property
    def family(self) -> str:
        """The part of the name before the first dot."""
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class FeatureList:
    """The ordered columns a model was trained on.

    Examples:
        >>> features = FeatureList((Feature("rfm.frequency", "count", "never missing"),))
        >>> features.names
        ('rfm.frequency',)
        >>> len(features.hash)
        16
    """

    features: tuple[Feature, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def numeric(self) -> tuple[str, ...]:
        """Names of the numbers, in order."""
        return tuple(feature.name for feature in self.features if feature.dtype == "float64")

    @cached_property
    def categorical(self) -> tuple[str, ...]:
        """Names of the categories, in order."""
        return tuple(feature.name for feature in self.features if feature.dtype == "category")

    @cached_property
    def hash(self) -> str:
        """Sixteen hex digits over names, types and order."""
        text = json.dumps([[feature.name, feature.dtype] for feature in self.features])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def families(self) -> tuple[str, ...]:
        """Families in order of first appearance."""
        return tuple(dict.fromkeys(feature.family for feature in self.features))

    def __iter__(self) -> Iterator[Feature]:
        return iter(self.features)

    def __len__(self) -> int:
        return len(self.features)

    def plus(self, more: Iterable[Feature]) -> "FeatureList":
        """Return the list with ``more`` appended."""
        return FeatureList((*self.features, *more))

    def check_hash(self, expected: str) -> None:
        """Raise ``ContractError`` when this list is not the one called ``expected``."""
        if self.hash != expected:
            raise ContractError(
                f"Feature list {self.hash} is not {expected}: build the frame with the model's own list."
            )

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return one plain dictionary per feature, for a manifest."""
        return [asdict(feature) for feature in self.features]

    @classmethod
    def from_dicts(cls, rows: Iterable[dict[str, Any]]) -> "FeatureList":
        """Return the list that ``to_dicts`` gave."""
        return cls(tuple(Feature(**row) for row in rows))


@dataclass(frozen=True)
class FeatureFrame:
    """Values of a feature list.

    ``index`` has the columns of ``INDEX`` (as_of in UTC), ``values`` one column per feature in the list's
    order, float64 or object (categories as text, None when missing); both share row order: by (as_of,
    customer_id). ``unseen_families`` are families of the list without any data now; ``ignored`` columns the
    store has and the list has not.
    """

    index: pd.DataFrame
    values: pd.DataFrame
    features: FeatureList
    unseen_families: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ``ContractError`` naming the first column that differs from the list."""
        columns = self.values.columns.tolist()
        for position, name in enumerate(self.features.names):
            found = columns[position] if position < len(columns) else "nothing"
            if found != name:
                raise ContractError(
                    f"Feature column {position} is {found!r}, the list says {name!r}: rebuild the frame."
                )
        if self.values.shape[1] != len(self.features) or len(self.index) != len(self.values):
            raise ContractError(
                f"The frame has {self.values.shape[1]} columns and {len(self.values)} rows; "
                f"its list has {len(self.features)} and its index {len(self.index)}: rebuild the frame."
            )

    @classmethod
    def of_numbers(
        cls,
        index: pd.DataFrame,
        numbers: "npt.NDArray[np.float64]",
        words: Mapping[str, Sequence[str | None]],
        features: FeatureList,
        unseen_families: tuple[str, ...] = (),
    ) -> "FeatureFrame":
        """Return the frame of a matrix of the numeric features (n, k), in the list's order, and the texts."""
        values = pd.DataFrame(numbers, columns=features.numeric)
        for place, name in enumerate(features.names):
            if name in words:
                values.insert(place, name, pd.Series(words[name], dtype=object))
        frame = cls(index, values, features, unseen_families)
        _keep(frame, features.numeric, numbers)
        return frame

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def segments(self) -> "npt.NDArray[np.object_]":
        """Each row's segment, (n,)."""
        return np.asarray(self.index["segment"].to_numpy(dtype=object))

    @cached_property
    def customers(self) -> list[str]:
        """Each row's customer, n."""
        ids: list[str] = self.index["customer_id"].tolist()
        return ids

    def column(self, name: str) -> "pd.Series[Any]":
        """Return the values of one feature; ``ContractError`` when the list has no such name."""
        self.check_has(name)
        return self.values[name]

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each column of ``values``."""
        return {name: place for place, name in enumerate(self.values.columns.tolist())}

    @cached_property
    def plain(self) -> frozenset[str]:
        """Which columns of ``values`` hold nothing but numbers, whatever the list says of them."""
        kinds = zip(self.values.columns.tolist(), self.values.dtypes.tolist(), strict=True)
        return frozenset(name for name, kind in kinds if kind == np.float64)

    def check_has(self, name: str) -> None:
        """Raise ``ContractError`` when the list has no such name."""
        if name not in self.places:
            raise ContractError(
                f"Feature {name!r} is not in this frame: its families are {self.features.families}."
            )

    def number(self, name: str) -> "npt.NDArray[np.float64]":
        """Return the values of one numeric feature, (n,), NaN where missing.

        Raises:
            ContractError: the list has no such name.
        """
        self.check_has(name)
        return np.ascontiguousarray(self.numbers((name,))[:, 0])

    def numbers(self, names: Sequence[str]) -> "npt.NDArray[np.float64]":
        """Return the values of these numeric features as one matrix (n, k), NaN where missing."""
        if len(self) <= FEW_ROWS:
            numeric, matrix = self._numeric
            if all(name in numeric for name in names):
                return matrix[:, [numeric[name] for name in names]]
        return self._read([self.places[name] for name in names])

    def _read(self, places: Sequence[int]) -> "npt.NDArray[np.float64]":
        # By place: finding a hundred columns by name takes pandas longer than the model takes to score.
        chosen = self.values.iloc[:, list(places)]
        matrix: npt.NDArray[np.float64] = chosen.to_numpy(dtype=np.float64, na_value=np.nan)
        return matrix

    @cached_property
    def _numeric(self) -> "tuple[dict[str, int], npt.NDArray[np.float64]]":
        """The numeric features' places in a matrix of them all: few rows are asked for often."""
        names = [name for name in self.places if name in self.plain]
        matrix = self._read([self.places[name] for name in names])
        return {name: nth for nth, name in enumerate(names)}, matrix

    def plus(self, more: Sequence[Feature], columns: Sequence["npt.NDArray[np.float64]"]) -> "FeatureFrame":
        """Return the frame with these numeric features and their values, (n,) each, appended."""
        added = np.column_stack(columns)
        names = [each.name for each in more]
        values = pd.concat([self.values, pd.DataFrame(added, columns=names, index=self.values.index)], axis=1)
        frame = replace(self, values=values, features=self.features.plus(more))
        if "_numeric" in self.__dict__:
            numeric, matrix = self._numeric
            _keep(frame, [*numeric, *names], np.column_stack([matrix, added]))
        return frame

    def rows(self, mask: "pd.Series[bool] | Any") -> "FeatureFrame":
        """Return the frame of the rows where ``mask`` (bool, one per row) holds, order kept."""
        index = self.index.loc[mask].reset_index(drop=True)
        values = self.values.loc[mask].reset_index(drop=True)
        return FeatureFrame(index, values, self.features, self.unseen_families, self.ignored)


def _keep(frame: FeatureFrame, names: Sequence[str], numbers: "npt.NDArray[np.float64]") -> None:
    """Give a frame what ``_numeric`` would read: to ask pandas for it takes longer than to score."""
    frame.__dict__["_numeric"] = {name: place for place, name in enumerate(names)}, numbers
