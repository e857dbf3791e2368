"""Training sets put together by hand, whose cutoffs hold customers that purchase models can or cannot fit."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import numpy as np
import pandas as pd

from contracts.feature_frame import FeatureFrame
from testkit.frames import AS_OF, build_frame
from testkit.invented_folds import WINDOW, invent_customers
from training.cutoffs import CutoffPlan
from training.dataset import TrainingSet

Kind = Literal["usual", "weekly", "daily"]
"""``weekly`` buyers, who never left, are refused by BG/NBD; ``daily`` ones by Pareto/NBD too."""


def invent_buyers(kind: Kind, place: int = 0, rows: int = 220) -> FeatureFrame:
    """Return the customers of a cutoff; those who are not ``usual`` are 210."""
    usual = invent_customers(rows, 0, place)
    if kind == "usual":
        return usual
    gap, rows = (7.0 if kind == "weekly" else 1.0), 210
    frame = build_frame({name: [1.0] * rows for name in usual.features.names})
    values = frame.values.assign(
        **{
            "rfm.frequency": np.floor(398.0 / gap),
            "rfm.recency_days": np.floor(398.0 / gap) * gap,
            "rfm.age_days": 399.0,
            "rfm.monetary_value": np.linspace(5.0, 60.0, rows),
        }
    )
    index = frame.index.assign(as_of=AS_OF + timedelta(days=WINDOW * place))
    return FeatureFrame(index, values, usual.features)


def invent_training_set(past: Sequence[Kind], present: Kind = "usual", rows: int = 220) -> TrainingSet:
    """Return the set of a cutoff for each entry of ``past``, a window apart, and of the present after."""
    frames = [invent_buyers(kind, place, rows) for place, kind in enumerate(past)]
    now = invent_buyers(present, len(past), rows)
    stacked = None
    labels = pd.DataFrame()
    if frames:
        index = pd.concat([frame.index for frame in frames], ignore_index=True)
        values = pd.concat([frame.values for frame in frames], ignore_index=True)
        stacked = FeatureFrame(index, values, now.features)
        churned = (np.arange(len(index)) % 2).astype(np.float64)
        labels = pd.DataFrame({"churned": churned, "spend": 30.0 * (1 - churned), "contacted": False})
    cutoffs = tuple(AS_OF + timedelta(days=WINDOW * place) for place in range(len(past)))
    plan = CutoffPlan(AS_OF + timedelta(days=WINDOW * len(past)), WINDOW, WINDOW, 0.0, cutoffs)
    return TrainingSet(plan, stacked, labels, now, {}, 250, 400.0)
