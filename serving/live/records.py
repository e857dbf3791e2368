"""Live scores in words, by the batch's own code."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from contracts.feature_frame import FeatureFrame
from contracts.scores import Language, to_json
from features.economics import Economics
from features.wording.catalogue import Catalogue
from serving.ledger.digests import digest_features
from serving.ledger.live import LiveRow
from serving.satisfaction import describe_satisfaction
from serving.score import Occasion, score_frame
from serving.subscriber_score import score_subscribers
from training.models.company_model import CompanyModel
from training.models.subscription_model import SubscriptionModel


@dataclass(frozen=True)
class StoredFeatures:
    """What is known of some customers. ``answers`` are of ``features.answered``, None: not kept."""

    frame: FeatureFrame
    economics: Economics
    answers: pd.DataFrame | None


def write_records(
    model: CompanyModel,
    kind: str,
    stored: StoredFeatures,
    manner: tuple[Occasion, Language],
    texts: Catalogue,
) -> Iterator[LiveRow]:
    """Yield each row's record as canonical bytes, and the digest of its features."""
    part, frame, (occasion, language) = model.parts[kind], stored.frame, manner
    catalogue = texts.for_company(part.features, part.terms.currency)
    satisfied = describe_satisfaction(model.satisfaction, stored.answers, frame)
    if isinstance(part, SubscriptionModel):
        scored = score_subscribers(part, frame, occasion, satisfied)
    else:
        scored = score_frame(part, frame, occasion, stored.economics, satisfied)
    for each, features in zip(scored, digest_features(frame), strict=True):
        record = to_json(each.in_words(catalogue, language, part.reference.medians))
        yield LiveRow(each.record.customer_id, features, record)
