"""From a subscription model's prediction to score records. Pure: no store, no file, no clock."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.feature_frame import FeatureFrame
from contracts.scores import CURVE_DAYS, Clv, CurvePoint, Flag, Satisfaction
from serving.score import (
    DISAGREEMENT,
    Occasion,
    Scored,
    describe_estimate,
    describe_run,
    list_rows,
    raise_flags,
)
from training.models.explain import explain
from training.models.rules import Rule
from training.models.subscription_model import RetentionCurve, SubscriptionModel, SubscriptionPrediction

EQUAL = 1e-9
FEES_PAID, ORDERED = "subscription.fees_paid", "rfm.historic_value"


def score_subscribers(
    model: SubscriptionModel,
    frame: FeatureFrame,
    occasion: Occasion,
    feelings: Sequence[Satisfaction] | None = None,
) -> Iterator[Scored]:
    """Yield the score of each row of ``frame`` (the model's own features), in its order.

    ``feelings`` are the satisfaction of its rows, None where nothing is known of it.

    Raises:
        ContractError: the frame is not of the model's feature list, or a row has no running subscription.
    """
    prediction = model.predict(frame)
    none = np.zeros(len(frame))
    rules = _find_rules(model, prediction)
    drafts = explain(prediction.contributions, none, 0.0, model.features, rules)
    columns = _columns(model, prediction, occasion)
    columns["satisfaction"] = feelings or [None] * len(frame)
    names, raws = tuple(columns), prediction.raw.tolist()
    rows = list_rows(frame)
    for place, (cells, raw, drafted, values) in enumerate(
        zip(zip(*columns.values(), strict=True), raws, drafts, rows, strict=True)
    ):
        said = rules[place].said if rules else {}
        yield Scored(dict(zip(names, cells, strict=True)), raw, tuple(drafted), values.also(said))


def _find_rules(model: SubscriptionModel, prediction: SubscriptionPrediction) -> list[Rule] | None:
    """Return the rule of each row where one rate for all is served, None where the hazard is."""
    if (
        not len(prediction.raw)
        or prediction.contributions.any()
        or np.ptp(prediction.churn_probability) > EQUAL
    ):
        return None
    rate = float(prediction.churn_probability[0])
    return [Rule("constant", model.terms.horizon_days, (rate, rate))] * len(prediction.raw)


def _columns(
    model: SubscriptionModel, prediction: SubscriptionPrediction, occasion: Occasion
) -> dict[str, Sequence[Any]]:
    """Return the fields of all records as columns; reasons stay empty until they are worded."""
    fees = prediction.fees
    numbers = (fees.clv_mean, fees.p10, fees.p50, fees.p90)
    varied: dict[str, Sequence[Any]] = {
        **describe_estimate(prediction, occasion.bands),
        "risk_percentile": model.reference.percentile(prediction.raw).tolist(),
        "expected_purchases": fees.expected_fees.tolist(),
        "clv": list(map(Clv, *(column.tolist() for column in numbers))),
        "p_no_spend": fees.p_no_spend.tolist(),
        "value_if_stays": fees.value_if_stays.tolist(),
        "value_if_leaves": fees.value_if_leaves.tolist(),
        "value_at_risk": prediction.value_at_risk.tolist(),
        "contact_value": prediction.contact_value.tolist(),
        "historic_value": _find_history(prediction.frame).tolist(),
        "curve": _curves(model.curve(prediction, CURVE_DAYS)),
        "flags": _flags(model, prediction, occasion),
    }
    constant = {
        "kind": "subscription",
        **describe_run(model.terms, occasion, model.features.hash),
        "p_alive": None,
        # The margin known is that of orders: what is left of a fee nobody has said.
        "net_clv": None,
        "net_historic_value": None,
    }
    return varied | {name: [value] * len(prediction.frame) for name, value in constant.items()}


def _find_history(frame: FeatureFrame) -> npt.NDArray[np.float64]:
    """Return fees fallen due so far and net orders beside them."""
    names = [name for name in (FEES_PAID, ORDERED) if name in frame.features.names]
    brought = [np.nan_to_num(frame.number(name)) for name in names]
    return np.asarray(sum(brought, np.zeros(len(frame))))


def _flags(
    model: SubscriptionModel, prediction: SubscriptionPrediction, occasion: Occasion
) -> list[tuple[Flag, ...]]:
    frame, rows = prediction.frame, len(prediction.frame)
    apart = np.abs(prediction.base_probability - prediction.churn_probability) > DISAGREEMENT
    present: dict[Flag, npt.NDArray[np.bool_]] = {
        "thin_history": frame.segments == "thin",
        "degraded": np.full(rows, bool(frame.unseen_families)),
        "out_of_distribution": model.reference.is_outside(frame),
        "disagreement": apart,
        "season_unseen": np.full(rows, model.reference.season_unseen),
        "range_unproven": np.full(rows, not model.range_proven),
    }
    return raise_flags(present, occasion, rows)


def _curves(curve: RetentionCurve) -> list[tuple[CurvePoint, ...]]:
    columns = zip(curve.ended.tolist(), curve.expected_fees.tolist(), curve.clv_mean.tolist(), strict=True)
    return [tuple(map(CurvePoint, CURVE_DAYS, *parts)) for parts in columns]
