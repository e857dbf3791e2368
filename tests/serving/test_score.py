"""From a prediction to records: every field, every flag, and laws that hold after rounding."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from contracts.errors import ContractError
from contracts.feature_frame import FeatureFrame, FeatureList
from contracts.scores import CURVE_DAYS, FIELDS, FLAGS, RiskBands, to_dict, to_json
from features.economics import Economics
from features.wording.catalogue import load_catalogue
from serving.score import Costs, Occasion, score_frame
from testkit.workspaces import find_shop

pytestmark = pytest.mark.xdist_group("shop")

AS_OF, NOW = datetime(2025, 5, 15, tzinfo=UTC), datetime(2025, 5, 16, 4, tzinfo=UTC)
OCCASION = Occasion("g1", "7", AS_OF, NOW, RiskBands(0.4, 0.7, "tests"))
NOTHING = Economics(pd.DataFrame(columns=["acquisition_cost", "tickets", "interactions"], dtype=float), None)


@pytest.fixture(scope="module")
def model():
    return find_shop().training.model


@pytest.fixture(scope="module")
def frame():
    return find_shop().training.training_set.present


@pytest.fixture(scope="module")
def scored(model, frame):
    return list(score_frame(model, frame, OCCASION, NOTHING))


@pytest.fixture(scope="module")
def records(scored):
    return [to_dict(each.record) for each in scored]


def score(model, frame, economics=NOTHING, **changes):
    return [each.record for each in score_frame(model, frame, replace(OCCASION, **changes), economics)]


def test_there_is_one_record_per_row_in_its_order(records, frame):
    assert [record["customer_id"] for record in records] == frame.index["customer_id"].tolist()
    assert [record["segment"] for record in records] == frame.index["segment"].tolist()
    assert all(tuple(record) == FIELDS for record in records)


def test_what_holds_for_the_run_is_in_every_record(records, model):
    expected = {
        "kind": "shop", "as_of": "2025-05-15T00:00:00Z", "horizon_days": 90, "clv_horizon_days": 365,
        "clv_basis": "revenue", "annual_discount_rate": 0.0, "currency": "EUR", "satisfaction": None,
        "model_version": "7", "feature_hash": model.features.hash, "generation": "g1",
        "scored_at": "2025-05-16T04:00:00Z",
    }  # fmt: skip
    assert all({name: record[name] for name in expected} == expected for record in records)


def test_numbers_are_those_of_the_model_row_by_row(scored, model, frame):
    prediction = model.predict(frame)
    for row in range(0, len(scored), 7):
        record = scored[row].record
        assert scored[row].raw == prediction.raw[row]
        assert record.churn_probability == prediction.churn_probability[row]
        assert (record.churn_range.low, record.churn_range.high) == (
            prediction.low[row],
            prediction.high[row],
        )
        assert record.expected_purchases == prediction.joint.expected_purchases[row]
        assert record.clv.mean == prediction.joint.clv_mean[row]
        assert record.clv.p90 == prediction.joint.p90[row]
        assert record.contact_value == prediction.joint.contact_value[row]
        assert record.historic_value == frame.column("rfm.historic_value")[row]


def test_laws_hold_after_rounding(records):
    for record in records:
        p, clv, within = record["churn_probability"], record["clv"], record["churn_range"]
        assert within["low"] <= p <= within["high"]
        assert 0 <= clv["p10"] <= clv["p50"] <= clv["p90"]
        assert record["expected_purchases"] >= 1 - p - 1e-6
        assert (clv["p50"] == 0) == (record["p_no_spend"] >= 0.5)
        mixed = (1 - p) * record["value_if_stays"] + p * record["value_if_leaves"]
        assert clv["mean"] == pytest.approx(mixed, abs=0.016 + 2e-6 * record["value_if_stays"])
        lost = p * (record["value_if_stays"] - record["value_if_leaves"])
        assert record["value_at_risk"] == pytest.approx(lost, abs=0.016 + 2e-6 * record["value_if_stays"])
        assert 0 <= record["contact_value"] <= record["value_at_risk"]
        assert record["value_if_stays"] >= record["value_if_leaves"]


def test_the_curve_has_the_days_of_the_contract_and_meets_the_headline(records):
    for record in records:
        assert tuple(point["days"] for point in record["curve"]) == CURVE_DAYS
        at_90, at_365 = record["curve"][2], record["curve"][4]
        assert at_90["churn_probability"] == pytest.approx(record["churn_probability"], abs=1.1e-6)
        assert at_90["expected_purchases"] == pytest.approx(record["expected_purchases"], abs=1.1e-6)
        assert at_365["clv_mean"] == pytest.approx(record["clv"]["mean"], abs=0.011)


def test_lapsed_customers_have_no_percentile_and_all_others_do(records):
    for record in records:
        assert (record["risk_percentile"] is None) == (record["segment"] == "lapsed")
    inside = [record["risk_percentile"] for record in records if record["risk_percentile"] is not None]
    assert 0 <= min(inside) < 0.05
    assert 0.95 < max(inside) <= 1


def test_percentiles_follow_the_raw_score(scored):
    pairs = sorted(
        (each.raw, each.record.risk_percentile) for each in scored if each.record.segment != "lapsed"
    )
    assert (np.diff([percentile for _, percentile in pairs]) >= 0).all()


def test_who_never_came_back_has_no_probability_of_being_alive(records, frame):
    never = frame.column("rfm.frequency") == 0
    assert never.any()
    for record, once in zip(records, never, strict=True):
        assert (record["p_alive"] is None) == once


def test_the_band_is_that_of_the_probability_as_shown(records):
    assert {record["risk_band"] for record in records} == {"low", "medium", "high"}
    for record in records:
        assert record["risk_band"] == OCCASION.bands.band(record["churn_probability"])


def test_a_band_that_begins_where_a_probability_rounds_to_takes_it_in(model, frame, scored):
    row = next(
        row
        for row, each in enumerate(scored)
        if round(each.record.churn_probability, 6) > each.record.churn_probability
    )
    shown = round(scored[row].record.churn_probability, 6)
    bands = RiskBands(shown, 1.0, "tests")
    (record,) = score(model, frame.rows(np.arange(len(frame)) == row), bands=bands)
    assert record.risk_band == "medium"


def test_thin_customers_are_flagged_and_others_are_not(records):
    for record in records:
        assert ("thin_history" in record["flags"]) == (record["segment"] == "thin")


def test_flags_of_the_run_are_in_every_record_in_the_order_of_the_contract(model, frame):
    part = frame.rows(np.arange(len(frame)) < 20)
    for record in score(model, part, flags=("stale", "degraded", "hindsight")):
        assert {"stale", "degraded", "hindsight"} <= set(record.flags)
        assert list(record.flags) == [flag for flag in FLAGS if flag in record.flags]


def test_a_family_without_data_degrades_every_score(model, frame, records):
    assert not any("degraded" in record["flags"] for record in records)
    part = replace(frame.rows(np.arange(len(frame)) < 5), unseen_families=("support",))
    assert all("degraded" in record.flags for record in score(model, part))


def test_a_customer_unlike_any_in_training_is_flagged(model, frame):
    part = frame.rows(np.arange(len(frame)) < 2)
    values = part.values.copy()
    for name in (
        "rfm.historic_value",
        "rfm.average_order_value",
        "rfm.monetary_value",
        "rfm.days_since_last_order",
    ):
        values.loc[0, name] = 1e7
    odd, usual = score(model, replace(part, values=values))
    assert "out_of_distribution" in odd.flags
    assert "out_of_distribution" not in usual.flags


def test_families_far_apart_disagree(scored, model, frame):
    prediction = model.predict(frame)
    apart = np.abs(prediction.btyd_probability - prediction.churn_probability) > 0.25
    assert apart.any()
    assert not apart.all()
    for each, expected in zip(scored, apart, strict=True):
        assert ("disagreement" in each.record.flags) == expected


@pytest.mark.parametrize(("proven", "days"), [(True, 400.0), (False, 100.0)])
def test_unproven_ranges_and_unseen_seasons_are_said(model, frame, proven, days):
    other = replace(
        model,
        intervals=replace(model.intervals, proven=proven),
        reference=replace(model.reference, history_days=days),
    )
    (record,) = score(other, frame.rows(np.arange(len(frame)) == 0))
    assert ("range_unproven" in record.flags) == (not proven)
    assert ("season_unseen" in record.flags) == (days < 365)


def economics_of(ids, margin):
    rows = [[20.0, 2.0, 40.0], [np.nan, np.nan, np.nan]] + [[0.0, 1.0, 0.0]] * (len(ids) - 2)
    table = pd.DataFrame(rows, index=ids, columns=["acquisition_cost", "tickets", "interactions"])
    return Economics(table, margin)


@pytest.fixture(scope="module")
def few(frame):
    return frame.rows(np.arange(len(frame)) < 4)


def test_net_value_needs_costs_and_a_margin(model, few):
    ids = few.index["customer_id"].tolist()
    priced = Costs(per_ticket=8.0, per_interaction=0.5)
    for economics, costs in ((economics_of(ids, 0.4), Costs()), (economics_of(ids, None), priced)):
        assert [record.net_clv for record in score(model, few, economics, costs=costs)] == [None] * 4


def test_net_value_is_margin_less_the_cost_of_a_usual_year_while_active(model, few):
    ids = few.index["customer_id"].tolist()
    found = score(model, few, economics_of(ids, 0.4), costs=Costs(per_ticket=8.0, per_interaction=0.5))
    yearly = [2 * 8.0 + 40 * 0.5, 0.0, 8.0, 8.0]
    for record, cost in zip(found, yearly, strict=True):
        expected = record.clv.mean * 0.4 - cost * (1 - record.p_no_spend) * 365 / 365
        assert record.net_clv == pytest.approx(expected)


def test_sunk_acquisition_enters_the_past_and_nothing_else(model, few):
    ids = few.index["customer_id"].tolist()
    found, plain = score(model, few, economics_of(ids, 0.4)), score(model, few)
    expected = [
        record.historic_value * 0.4 - cost
        for record, cost in zip(found, [20.0, np.nan, 0.0, 0.0], strict=True)
    ]
    assert [record.net_historic_value for record in found] == [
        None if np.isnan(value) else pytest.approx(value) for value in expected
    ]
    assert [record.clv for record in found] == [record.clv for record in plain]
    assert [record.net_historic_value for record in plain] == [None] * 4


def test_reasons_differ_between_languages_in_their_words_alone(scored, model):
    catalogue = load_catalogue().for_company(model.features, "EUR")
    peers = model.reference.medians
    for each in scored[::23]:
        english, italian = (each.in_words(catalogue, language, peers).reasons for language in ("en", "it"))
        assert 1 <= len(english) <= 5
        assert [replace(reason, text="") for reason in english] == [
            replace(reason, text="") for reason in italian
        ]
        assert all(a.text and b.text and a.text != b.text for a, b in zip(english, italian, strict=True))


def test_a_record_does_not_depend_on_who_else_is_scored(scored, model, frame):
    for row in (0, 101, len(frame) - 1):
        (alone,) = score(model, frame.rows(np.arange(len(frame)) == row))
        assert to_json(alone) == to_json(scored[row].record)


def test_columns_in_another_order_are_refused(model, frame):
    order = FeatureList(tuple(reversed(model.features.features)))
    turned = FeatureFrame(frame.index, frame.values[list(order.names)], order)
    with pytest.raises(ContractError, match=f"Feature list {order.hash} is not {model.features.hash}"):
        list(score_frame(model, turned, OCCASION, NOTHING))
