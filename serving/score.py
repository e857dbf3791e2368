"""From a model's prediction to score records. Pure: no store, no file, no clock."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from contracts.customer_rows import find_rows
from contracts.feature_frame import FeatureFrame
from contracts.scores import (
    CURVE_DAYS,
    FLAGS,
    ChurnRange,
    Clv,
    CurvePoint,
    Flag,
    Language,
    Reason,
    RiskBands,
    Satisfaction,
    ScoreRecord,
)
from features.economics import YEAR_DAYS, Economics
from features.wording.catalogue import Catalogue
from training.models.customer_model import CustomerModel, Prediction
from training.models.explain import ReasonDraft, explain, reasons
from training.models.joint import JointCurve
from training.models.terms import Terms

Numbers = npt.NDArray[np.float64]

DISAGREEMENT = 0.25


@dataclass(frozen=True)
class Costs:
    """Expected cost to serve, per event, in the workspace's currency; None means unknown."""

    per_ticket: float | None = None
    per_interaction: float | None = None


@dataclass(frozen=True)
class Occasion:
    """What holds for every record of a scoring run. ``flags`` are those of the run (stale, hindsight)."""

    generation: str
    model_version: str
    as_of: datetime
    scored_at: datetime
    bands: RiskBands
    flags: tuple[Flag, ...] = ()
    costs: Costs = Costs()


@dataclass(frozen=True, slots=True)
class Scored:
    """One customer's fields without reasons, the drafts of the reasons, and what their sentences need."""

    cells: Mapping[str, Any]
    raw: float
    drafts: tuple[ReasonDraft, ...]
    values: Mapping[str, Any]

    @property
    def customer_id(self) -> str:
        """Whose score it is."""
        return str(self.cells["customer_id"])

    @property
    def record(self) -> ScoreRecord:
        """The record without reasons."""
        return ScoreRecord(**self.cells)

    def worded(
        self, catalogue: Catalogue, language: Language, peers: Mapping[str, Any]
    ) -> tuple[Reason, ...]:
        """Return the reasons in ``language``; ``peers`` are the usual values of the features."""
        return reasons(self.drafts, self.values, peers, catalogue, language)

    def in_words(self, catalogue: Catalogue, language: Language, peers: Mapping[str, Any]) -> ScoreRecord:
        """Return the record with its reasons in ``language``."""
        return ScoreRecord(**{**self.cells, "reasons": self.worded(catalogue, language, peers)})


def score_frame(
    model: CustomerModel,
    frame: FeatureFrame,
    occasion: Occasion,
    economics: Economics,
    feelings: Sequence[Satisfaction] | None = None,
) -> Iterator[Scored]:
    """Yield the score of each row of ``frame`` (the model's own features), in its order.

    ``feelings`` are the satisfaction of its rows, None where nothing is known of it.

    Raises:
        ContractError: the frame is not of the model's feature list.
    """
    prediction = model.predict(frame)
    scores = prediction.scores
    drafts = explain(
        scores.contributions,
        scores.offset,
        model.reference.offset_mean,
        prediction.frame.features,
        scores.rules,
    )
    columns = _columns(model, prediction, occasion, economics)
    columns["satisfaction"] = feelings or [None] * len(frame)
    names, raws = tuple(columns), prediction.raw.tolist()
    rows = list_rows(prediction.frame)
    for cells, raw, drafted, values, rule in zip(
        zip(*columns.values(), strict=True), raws, drafts, rows, scores.rules, strict=True
    ):
        yield Scored(dict(zip(names, cells, strict=True)), raw, tuple(drafted), values.also(rule.said))


class RowValues(Mapping[str, Any]):
    """One row of a frame as {feature: value}; of its two hundred values a few are ever asked for."""

    def __init__(self, places: Mapping[str, int], numbers: Sequence[float], texts: Mapping[str, Any]) -> None:
        self._places, self._numbers, self._texts = places, numbers, texts

    def __getitem__(self, name: str) -> Any:
        return self._texts[name] if name in self._texts else self._numbers[self._places[name]]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value, or ``default`` where the row has no such name."""
        if name in self._texts:
            return self._texts[name]
        place = self._places.get(name)
        return default if place is None else self._numbers[place]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._places, **self._texts})

    def __len__(self) -> int:
        return len({**self._places, **self._texts})

    def also(self, more: Mapping[str, Any]) -> "RowValues":
        """Return the row with ``more`` in it."""
        return RowValues(self._places, self._numbers, {**self._texts, **more}) if more else self


def list_rows(frame: FeatureFrame) -> list[RowValues]:
    """Return each row as {feature: value}; numbers all at once, one by one they cost as much as a model."""
    numeric = frame.features.numeric
    places = {name: place for place, name in enumerate(numeric)}
    words = {
        each.name: frame.values[each.name].tolist() for each in frame.features if each.name not in places
    }
    return [
        RowValues(places, cells, {name: column[row] for name, column in words.items()})
        for row, cells in enumerate(frame.numbers(numeric).tolist())
    ]


def _columns(
    model: CustomerModel, prediction: Prediction, occasion: Occasion, economics: Economics
) -> dict[str, Sequence[Any]]:
    """Return the fields of all records as columns; reasons stay empty until they are worded."""
    index, joint, terms = prediction.frame.index, prediction.joint, model.terms
    estimate = describe_estimate(prediction, occasion.bands)
    money = _money(model, prediction, economics, occasion.costs)
    lapsed = prediction.frame.segments == "lapsed"
    percentile = model.reference.percentile(prediction.raw)
    numbers = (joint.clv_mean, joint.p10, joint.p50, joint.p90)
    varied: dict[str, Sequence[Any]] = {
        **estimate,
        "risk_percentile": _optional(np.where(lapsed, np.nan, percentile)),
        "p_alive": _optional(prediction.frame.number("btyd.p_alive")),
        "expected_purchases": joint.expected_purchases.tolist(),
        "clv": list(map(Clv, *(column.tolist() for column in numbers))),
        "p_no_spend": joint.p_no_spend.tolist(),
        "value_if_stays": joint.value_if_stays.tolist(),
        "value_if_leaves": joint.value_if_leaves.tolist(),
        "value_at_risk": joint.value_at_risk.tolist(),
        "contact_value": joint.contact_value.tolist(),
        **money,
        "curve": _curves(model.curve(prediction, CURVE_DAYS)),
        "flags": _flags(model, prediction, occasion),
    }
    constant = {"kind": "shop", **describe_run(terms, occasion, model.features.hash)}
    return varied | {name: [value] * len(index) for name, value in constant.items()}


class Estimate(Protocol):
    """What a prediction of either kind holds of each customer's risk."""

    @property
    def frame(self) -> FeatureFrame:
        """The rows."""
        ...

    @property
    def churn_probability(self) -> Numbers:
        """The probability, (n,)."""
        ...

    @property
    def low(self) -> Numbers:
        """Where its range begins, (n,)."""
        ...

    @property
    def high(self) -> Numbers:
        """Where its range ends, (n,)."""
        ...


def describe_estimate(prediction: Estimate, bands: RiskBands) -> dict[str, Sequence[Any]]:
    """Return who the customers of a prediction are and how likely each is to leave, as columns."""
    frame, risk = prediction.frame, prediction.churn_probability.tolist()
    return {
        "customer_id": frame.customers,
        "segment": frame.segments.tolist(),
        "churn_probability": risk,
        "churn_range": list(map(ChurnRange, prediction.low.tolist(), prediction.high.tolist())),
        # Of the probability as it is shown, so that nobody reads 0.4 beside the band below 0.4.
        "risk_band": [bands.band(round(p, 6)) for p in risk],
    }


def describe_run(terms: Terms, occasion: Occasion, feature_hash: str) -> dict[str, Any]:
    """Return the fields that are the same in every record of a run; reasons stay empty until worded."""
    return {
        "as_of": occasion.as_of,
        "horizon_days": terms.horizon_days,
        "clv_horizon_days": terms.clv_horizon_days,
        "clv_basis": terms.clv_basis,
        "annual_discount_rate": terms.annual_discount_rate,
        "currency": terms.currency,
        "reasons": (),
        "model_version": occasion.model_version,
        "feature_hash": feature_hash,
        "generation": occasion.generation,
        "scored_at": occasion.scored_at,
    }


def _money(
    model: CustomerModel, prediction: Prediction, economics: Economics, costs: Costs
) -> dict[str, Sequence[Any]]:
    """Return what the customer brought, and what costs leave of it and of the CLV; None where unknown."""
    frame = prediction.frame
    known = find_rows(economics.table, frame.customers)
    joint = prediction.joint
    activity = (1.0 - joint.p_no_spend) * model.terms.clv_horizon_days / YEAR_DAYS
    served = np.zeros(len(frame))
    for name, cost in (("tickets", costs.per_ticket), ("interactions", costs.per_interaction)):
        if cost is not None:
            served += np.nan_to_num(known[name]) * cost
    priced = costs != Costs() and economics.margin_share is not None
    margin = np.nan if economics.margin_share is None else economics.margin_share
    net = joint.clv_mean * margin - served * activity if priced else np.full(len(frame), np.nan)
    historic = frame.number("rfm.historic_value")
    kept = historic * margin - known["acquisition_cost"]
    return {
        "net_clv": _optional(net),
        "historic_value": historic.tolist(),
        "net_historic_value": _optional(kept),
    }


def _flags(model: CustomerModel, prediction: Prediction, occasion: Occasion) -> list[tuple[Flag, ...]]:
    frame = prediction.frame
    rows = len(frame)
    present: dict[Flag, npt.NDArray[np.bool_]] = {
        "thin_history": frame.segments == "thin",
        "degraded": np.full(rows, bool(frame.unseen_families)),
        "out_of_distribution": model.reference.is_outside(frame),
        "disagreement": np.abs(prediction.btyd_probability - prediction.churn_probability) > DISAGREEMENT,
        "left_truncated": model.reference.is_older_than_log(frame),
        "season_unseen": np.full(rows, model.reference.season_unseen),
        "range_unproven": np.full(rows, not model.intervals.proven),
    }
    return raise_flags(present, occasion, rows)


def raise_flags(
    present: Mapping[Flag, npt.NDArray[np.bool_]], occasion: Occasion, rows: int
) -> list[tuple[Flag, ...]]:
    """Return each row's flags in the contract's order: its own (n,) marks, and those of the run."""
    marked = {**present, **{flag: np.full(rows, True) for flag in occasion.flags}}
    raised = [(flag, marked[flag].tolist()) for flag in FLAGS if flag in marked]
    return [tuple(flag for flag, marks in raised if marks[place]) for place in range(rows)]


def _curves(curve: JointCurve) -> list[tuple[CurvePoint, ...]]:
    columns = zip(
        curve.churn_probability.tolist(),
        curve.expected_purchases.tolist(),
        curve.clv_mean.tolist(),
        strict=True,
    )
    return [tuple(map(CurvePoint, CURVE_DAYS, *parts)) for parts in columns]


def _optional(values: npt.NDArray[np.float64]) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]
