"""Feature frames made of plain columns."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from contracts.feature_frame import Feature, FeatureFrame, FeatureList

AS_OF = datetime(1998, 7, 1, tzinfo=UTC)


def build_frame(columns: Mapping[str, Sequence[Any]], categories: Sequence[str] = ()) -> FeatureFrame:
    """Return a frame of ``columns`` in their order; those of ``categories`` hold text or None."""
    features = tuple(
        Feature(name, "", "unknown", dtype="category" if name in categories else "float64")
        for name in columns
    )
    values = pd.DataFrame(
        {
            name: pd.Series(list(column), dtype=object if name in categories else np.float64)
            for name, column in columns.items()
        }
    )
    rows = len(values)
    index = pd.DataFrame(
        {
            "as_of": [AS_OF] * rows,
            "customer_id": [f"c{row:06d}" for row in range(rows)],
            "kind": ["shop"] * rows,
            "status": ["scored"] * rows,
            "segment": ["regular"] * rows,
        }
    )
    return FeatureFrame(index, values, FeatureList(features))
