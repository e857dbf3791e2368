"""Scores of customers of either kind: who buys by orders, and who subscribes."""

from collections.abc import Iterator

import pandas as pd

from contracts.feature_frame import FeatureFrame
from features.economics import Economics
from serving.satisfaction import describe_satisfaction
from serving.score import Occasion, Scored, score_frame
from serving.subscriber_score import score_subscribers
from training.models.company_model import CompanyModel
from training.models.subscription_model import SubscriptionModel


def score_kind(
    model: CompanyModel,
    kind: str,
    frame: FeatureFrame,
    occasion: Occasion,
    known: tuple[Economics, pd.DataFrame | None],
) -> Iterator[Scored]:
    """Yield the score of each row of ``frame`` by the model's part for its ``kind``, in its order.

    ``known`` are the economics of the customers and their answers (of ``features.answered``; None: not kept).
    """
    part, (economics, answers) = model.parts[kind], known
    feelings = describe_satisfaction(model.satisfaction, answers, frame)
    if isinstance(part, SubscriptionModel):
        return score_subscribers(part, frame, occasion, feelings)
    return score_frame(part, frame, occasion, economics, feelings)
