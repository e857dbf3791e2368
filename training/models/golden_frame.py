"""Rows of {feature: value} as a frame: how golden rows and MLflow's pyfunc reach a model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from contracts.feature_frame import INDEX, FeatureFrame, FeatureList


def build_row_frame(features: FeatureList, rows: Sequence[Mapping[str, Any]]) -> FeatureFrame:
    """Return the rows as a frame of ``features``, without customers; None is missing.

    Raises:
        KeyError: a row lacks a feature.
    """
    names = list(features.names)
    values = pd.DataFrame([[row[name] for name in names] for row in rows], columns=names)
    for feature in features:
        wanted = np.float64 if feature.dtype == "float64" else object
        values[feature.name] = values[feature.name].astype(wanted)
    index = pd.DataFrame({name: [""] * len(rows) for name in INDEX})
    return FeatureFrame(index, values, features)
