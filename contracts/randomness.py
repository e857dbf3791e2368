"""The one door to random numbers: every stream is named by a seed and a path."""

import hashlib

import numpy as np


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """Return the generator of the stream called ``path`` under ``seed``; equal names give equal streams.

    Examples:
        >>> bool(generator(7, "orders").random() == generator(7, "orders").random())
        True
        >>> bool(generator(7, "orders").random() == generator(7, "tickets").random())
        False
    """
    name = "/".join([str(seed), *map(str, path)])
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big"))
