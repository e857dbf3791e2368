"""What a feature row is, as bytes: equal rows have equal digests, and one other bit gives another."""

import hashlib
from collections.abc import Iterator

import numpy as np

from contracts.feature_frame import FeatureFrame

_SEPARATOR = "\x1f"


def digest_features(frame: FeatureFrame) -> Iterator[bytes]:
    """Yield 32 bytes for each row: over kind, segment, the numbers as doubles, and the categories."""
    matrix = frame.numbers(frame.features.numeric) + 0.0  # no negative zero
    matrix[np.isnan(matrix)] = np.nan  # of all the bytes a missing number may have, one
    columns = [frame.index["kind"].tolist(), frame.segments.tolist()]
    for name in frame.features.categorical:
        column = frame.values[name].tolist()
        columns.append(["" if word is None or word != word else f"={word}" for word in column])
    for row, told in zip(
        np.ascontiguousarray(matrix), map(_SEPARATOR.join, zip(*columns, strict=True)), strict=True
    ):
        yield hashlib.blake2b(row.tobytes() + told.encode("utf-8", "surrogatepass"), digest_size=32).digest()
