"""The report as one JSON document: what the page, ``fedele compare`` and MLflow are told of a model."""

from collections.abc import Mapping, Sequence
from typing import Any

from contracts.settings import Settings
from contracts.time import to_text
from training.company import SubscribersOnly
from training.fitting import Training
from training.outlook import describe_outlook


def build_document(
    training: Training, version: str, histories: Sequence[Mapping[str, Any]], looks: int | None
) -> dict[str, Any]:
    """Return the document of a training under its version: aggregates only, plain values, no clock.

    ``histories`` are of ``describe_histories``; ``looks`` says how often the last cutoff of these very data
    has been looked at, this time included, None where nobody counted.
    """
    plan, report, terms = training.training_set.plan, training.report, training.model.terms
    prediction = training.model.predict(training.training_set.present)
    document = {
        "model_version": version,
        "as_of": to_text(plan.as_of),
        "data_digest": training.training_set.digest(),
        "currency": terms.currency,
        "horizon_days": terms.horizon_days,
        "clv_horizon_days": terms.clv_horizon_days,
        "window_days": terms.window_days,
        "annual_discount_rate": terms.annual_discount_rate,
        "seed": training.settings.training.seed,
        "population": training.training_set.count_population(),
        "remarks": list(training.remarks),
        "gate": training.gate.to_dict(),
        "served": training.served,
        "families": report.families,
        "everyone": report.everyone,
        "differences": list(report.differences),
        "weights": report.weights,
        "history": [dict(each) for each in histories],
        **report.details,
        **describe_outlook(training.model, prediction, training.btyd, training.ahead),
    }
    if training.subscribers is not None:
        document["subscription"] = training.subscribers.report.to_dict()
    if training.satisfied is not None:
        document["satisfaction"] = training.satisfied.to_dict()
    return document if looks is None else document | {"looks": looks}


def build_subscriber_document(
    found: SubscribersOnly, settings: Settings, version: str, looks: int | None
) -> dict[str, Any]:
    """Return the document of a company that has subscribers only; see ``build_document``."""
    subscribers, terms = found.subscribers, found.subscribers.model.terms
    document = {
        "model_version": version,
        "as_of": to_text(subscribers.data.plan.as_of),
        "data_digest": found.digest(),
        "currency": terms.currency,
        "horizon_days": terms.horizon_days,
        "clv_horizon_days": terms.clv_horizon_days,
        "window_days": terms.window_days,
        "annual_discount_rate": terms.annual_discount_rate,
        "seed": settings.training.seed,
        "remarks": list(found.remarks),
        "gate": found.gate.to_dict(),
        "subscription": subscribers.report.to_dict(),
    }
    if found.satisfied is not None:
        document["satisfaction"] = found.satisfied.to_dict()
    return document if looks is None else document | {"looks": looks}
