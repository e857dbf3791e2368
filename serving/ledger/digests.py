"""What a feature row is, as bytes: equal rows have equal digests, and one other bit gives another."""

import hashlib
from collections.abc import Iterator

import numpy as np

from contracts.feature_frame import FeatureFrame

_SEPARATOR = "\x1f"


def digest_features(frame: FeatureFrame) -> Iterator[bytes]:
    """Yield 32 bytes for each row: over kind, segment, the numbers as doubles, and the categories."""
    numbers = [each.name for each in frame.features if each.dtype == "float64"]
    words = [each.name for each in frame.features if each.dtype == "category"]
    matrix = frame.values[numbers].to_numpy(dtype=np.float64, copy=True) + 0.0  # no negative zero
    matrix[np.isnan(matrix)] = np.nan  # of all the bytes a missing number may have, one
    texts = frame.values[words].astype(object).to_numpy()
    context = zip(frame.index["kind"], frame.index["segment"], strict=True)
    for row, said, (kind, segment) in zip(np.ascontiguousarray(matrix), texts, context, strict=True):
        spelt = ["" if word is None or word != word else f"={word}" for word in said]
        told = _SEPARATOR.join([str(kind), str(segment), *spelt])
        yield hashlib.blake2b(row.tobytes() + told.encode("utf-8", "surrogatepass"), digest_size=32).digest()
