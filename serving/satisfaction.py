"""The satisfaction of a frame's customers: what they answered lately, else what is estimated."""

import pandas as pd

from contracts.feature_frame import FeatureFrame
from contracts.scores import Satisfaction
from training.models.satisfaction import SILENT, Answers, SatisfactionModel


def describe_satisfaction(
    model: SatisfactionModel | None, answers: pd.DataFrame | None, frame: FeatureFrame
) -> list[Satisfaction] | None:
    """Return the satisfaction of each row of ``frame``, in its order; None without a model.

    ``answers`` are of ``features.answered``, at the frame's ``as_of``.
    """
    if model is None or answers is None:
        return None
    classes = Answers.align(answers, frame.customers).classes
    shares = model.predict(frame, classes).T.tolist()
    said = (classes != SILENT).tolist()
    return [Satisfaction(*each) for each in zip(*shares, said, strict=True)]
