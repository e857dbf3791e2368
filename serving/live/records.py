"""Live scores in words, by the batch's own code."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from contracts.feature_frame import FeatureFrame
from contracts.scores import Language, to_json
from contracts.settings import Settings
from features.economics import Economics
from features.live import LiveFeatures
from features.wording.catalogue import Catalogue
from serving.kinds import score_kind
from serving.ledger.digests import digest_features
from serving.ledger.live import LiveRow
from serving.score import Occasion
from training.models.company_model import CompanyModel


@dataclass(frozen=True)
class StoredFeatures:
    """What is known of some customers. ``answers`` are of ``features.answered``, None: not kept."""

    frame: FeatureFrame
    economics: Economics
    answers: pd.DataFrame | None


def compile_features(
    model: CompanyModel, tables: Mapping[str, pa.Schema], settings: Settings
) -> LiveFeatures:
    """Return what builds the frames of a model from a few customers' rows; takes a second."""
    lists = {kind: part.features for kind, part in model.parts.items()}
    lapse = None if model.shop is None else model.shop.reference.lapsed_after_days
    return LiveFeatures(tables, lists, settings, lapse)


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
    scored = score_kind(model, kind, frame, occasion, (stored.economics, stored.answers))
    for each, features in zip(scored, digest_features(frame), strict=True):
        record = to_json(each.in_words(catalogue, language, part.reference.medians))
        yield LiveRow(each.customer_id, features, record)
