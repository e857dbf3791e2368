"""The laws of a whole model: what is shown adds up, and depends on nothing but the customer's own row."""

import json
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import BundleRefused, ContractError
from contracts.feature_frame import FeatureFrame, FeatureList
from contracts.randomness import generator
from contracts.scores import SEGMENTS
from testkit.frames import build_frame
from testkit.panel_models import build_panel_model
from testkit.tiny_model import FEATURES, build_tiny_model, invent_frame
from training.models.customer_model import CustomerModel
from training.models.members import find_raw
from training.models.terms import Reference, grid_of

few = settings(max_examples=20)
CURVE = (30, 60, 90, 180, 365)
MODEL = build_tiny_model()
SHORTER = replace(MODEL, terms=replace(MODEL.terms, horizon_days=273, window_days=90))
PARETO, MIXED, NAIVE = (build_panel_model(kind) for kind in ("pareto_nbd", "mixed", "naive"))
MIXED_SHORTER = replace(MIXED, terms=SHORTER.terms)
MODELS = [MODEL, SHORTER, PARETO, MIXED, NAIVE, MIXED_SHORTER]
models = st.sampled_from(MODELS)


@st.composite
def customers(draw):
    """Draw one customer: histories that can be, plans seen, unseen and unsaid, any segment."""
    age = draw(st.integers(1, 900))
    frequency = draw(st.one_of(st.just(0), st.just(1), st.integers(2, 200)).filter(lambda x: x <= age))
    recency = draw(st.integers(frequency, age)) if frequency else 0
    money = draw(st.floats(0.01, 900)) if frequency else float("nan")
    plan = draw(st.sampled_from(["basic", "gold", "platinum", None]))
    return float(frequency), float(recency), float(age), money, plan, draw(st.sampled_from(SEGMENTS))


frames = st.lists(customers(), min_size=1, max_size=8)


def frame_of(rows, model=MODEL):
    """Return the customers as a frame of the model's own features."""
    frequency, recency, age, money, plan, segment = map(list, zip(*rows, strict=True))
    known = {
        "rfm.frequency": frequency,
        "rfm.recency_days": recency,
        "rfm.age_days": age,
        "rfm.monetary_value": money,
        "attribute.plan": plan,
        "rfm.orders": [each + 1 for each in frequency],
        "rfm.days_since_last_order": [a - b + 0.25 for a, b in zip(age, recency, strict=True)],
        "rfm.average_order_value": [20.0 if each != each else each for each in money],
        "support.tickets": [each % 4 for each in age],
    }
    columns = {name: known[name] for name in model.features.names}
    frame = build_frame(columns, categories=["attribute.plan"])
    return FeatureFrame(frame.index.assign(segment=segment), frame.values, model.features)


def numbers(prediction):
    """Return everything a prediction says, one row per customer."""
    joint = [getattr(prediction.joint, field.name) for field in fields(prediction.joint)]
    scores = prediction.scores
    own = (scores.offset, scores.base, prediction.raw, prediction.churn_probability)
    ranges = (prediction.low, prediction.high, prediction.btyd_probability, prediction.scale)
    return np.column_stack([*own, *ranges, *joint, scores.contributions])


@given(model=models, rows=frames)
@few
def test_contributions_base_and_offset_add_up_to_the_raw_score(model, rows):
    frame = frame_of(rows, model)
    prediction = model.predict(frame)
    scores = prediction.scores
    total = scores.offset + scores.base + scores.contributions.sum(axis=1)
    np.testing.assert_allclose(prediction.raw, total, rtol=0, atol=1e-9)
    np.testing.assert_allclose(prediction.raw, find_raw(model.churn, model.see(frame)), rtol=0, atol=1e-9)


@given(model=models, rows=frames, data=st.data())
@few
def test_shuffled_rows_get_the_same_bytes_in_the_new_order(model, rows, data):
    order = data.draw(st.permutations(range(len(rows))))
    straight = numbers(model.predict(frame_of(rows, model)))
    shuffled = numbers(model.predict(frame_of([rows[place] for place in order], model)))
    assert shuffled.tobytes() == np.ascontiguousarray(straight[order]).tobytes()


@given(model=models, row=customers(), others=frames)
@few
def test_equal_customers_get_equal_bytes_in_any_company(model, row, others):
    alone = numbers(model.predict(frame_of([row], model)))[0]
    among = numbers(model.predict(frame_of([row, *others, row], model)))
    assert among[0].tobytes() == among[-1].tobytes() == alone.tobytes()


@given(model=models, rows=frames)
@few
def test_the_numbers_of_a_customer_do_not_contradict_each_other(model, rows):
    prediction = model.predict(frame_of(rows, model))
    p, joint = prediction.churn_probability, prediction.joint
    assert ((p > 0) & (p < 1)).all()
    assert ((prediction.low <= p) & (p <= prediction.high)).all()
    assert (joint.expected_purchases >= (1 - p) * (1 - 1e-12)).all()
    assert ((joint.p10 <= joint.p50) & (joint.p50 <= joint.p90)).all()
    np.testing.assert_array_equal(joint.p50 == 0, joint.p_no_spend >= 0.5)
    np.testing.assert_allclose(
        joint.clv_mean, (1 - p) * joint.value_if_stays + p * joint.value_if_leaves, rtol=1e-9
    )
    assert (joint.value_at_risk >= 0).all()
    np.testing.assert_allclose(joint.contact_value, (1 - p) * joint.value_at_risk)


@given(model=models, rows=frames)
@few
def test_the_curve_goes_through_the_served_numbers_and_never_turns(model, rows):
    prediction = model.predict(frame_of(rows, model))
    curve = model.curve(prediction, (*CURVE, 273))
    order, at = [0, 1, 2, 3, 5, 4], CURVE.index(90) if model.terms.horizon_days == 90 else 5
    assert (np.diff(curve.churn_probability[:, order]) <= 1e-12).all()
    assert (np.diff(curve.expected_purchases[:, order]) >= -1e-12).all()
    assert (np.diff(curve.clv_mean[:, order]) >= -1e-9).all()
    joint, p = prediction.joint, prediction.churn_probability
    np.testing.assert_allclose(curve.churn_probability[:, at], p, rtol=1e-9)
    np.testing.assert_allclose(curve.expected_purchases[:, at], joint.expected_purchases, rtol=1e-9)
    np.testing.assert_allclose(curve.clv_mean[:, 4], joint.clv_mean, rtol=1e-9)


@given(model=models, rows=frames)
@few
def test_a_model_taken_apart_and_put_together_gives_the_same_bytes(model, rows):
    manifest, files = model.to_parts()
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in files.items()}
    again = CustomerModel.from_parts(json.loads(json.dumps(manifest)), texts)
    frame = frame_of(rows, model)
    assert numbers(again.predict(frame)).tobytes() == numbers(model.predict(frame)).tobytes()
    assert again.to_parts() == model.to_parts()


@given(model=models, rows=frames)
@few
def test_predicting_changes_neither_the_frame_nor_the_model(model, rows):
    frame = frame_of(rows, model)
    values, before = frame.values.copy(deep=True), model.to_parts()
    first = numbers(model.predict(frame))
    pd.testing.assert_frame_equal(frame.values, values, check_exact=True)
    assert model.to_parts() == before
    assert numbers(model.predict(frame)).tobytes() == first.tobytes()


@given(model=models, rows=frames)
@few
def test_golden_rows_are_answered_as_the_frame_is(model, rows):
    # Golden rows take the segments in turn, whatever the rows' own.
    turns = [(*row[:-1], SEGMENTS[place % 3]) for place, row in enumerate(rows)]
    frame = frame_of(turns, model)
    prediction = model.predict(frame)
    answers = model.predict_rows(frame.values.to_dict("records"))
    assert [answer["raw"] for answer in answers] == prediction.raw.tolist()
    assert [answer["churn_probability"] for answer in answers] == prediction.churn_probability.tolist()
    assert [answer["clv_mean"] for answer in answers] == prediction.joint.clv_mean.tolist()


def test_golden_rows_reach_every_member_of_a_panel():
    rows = frame_of([(2.0, 30.0, 90.0, 9.0, None, "regular")] * 3, MIXED)
    raws = [answer["raw"] for answer in MIXED.predict_rows(rows.values.to_dict("records"))]
    assert len(set(raws)) == 3


def test_after_shorter_windows_trees_see_the_window_and_the_offset_sees_the_horizon():
    frame = invent_frame(60)
    prediction, full = SHORTER.predict(frame), MODEL.predict(frame)
    np.testing.assert_array_equal(
        prediction.frame.column("btyd.p_no_purchase"), full.frame.column("btyd.p_no_purchase")
    )
    assert (prediction.scores.offset <= full.scores.offset).all()
    assert (prediction.btyd_probability < full.btyd_probability).any()


def test_another_list_of_features_is_refused_before_any_number():
    frame = invent_frame(5)
    order = FeatureList(tuple(reversed(FEATURES.features)))
    turned = FeatureFrame(frame.index, frame.values[list(order.names)], order)
    with pytest.raises(ContractError, match=f"Feature list {order.hash} is not {FEATURES.hash}"):
        MODEL.predict(turned)


@pytest.mark.parametrize("part", ["features", "vocabularies", "settings", "reference", "fills"])
def test_a_manifest_without_a_part_is_refused_by_its_name(part):
    manifest, files = MODEL.to_parts()
    del manifest[part]
    with pytest.raises(BundleRefused, match=part):
        CustomerModel.from_parts(manifest, files)


@pytest.mark.parametrize("name", ["panels.json", "churn.lgb.txt", "churn_alone.lgb.txt", "intervals.json"])
def test_a_missing_file_is_refused_by_its_name(name):
    manifest, files = MIXED.to_parts()
    del files[name]
    with pytest.raises(BundleRefused, match=name):
        CustomerModel.from_parts(manifest, files)


def test_a_bundle_without_a_purchase_model_or_with_two_is_refused():
    manifest, files = MODEL.to_parts()
    both = files | {"pareto_nbd.json": PARETO.purchase_model.to_dict()}
    with pytest.raises(BundleRefused, match="2 purchase models in the bundle instead of one"):
        CustomerModel.from_parts(manifest, both)
    del files["beta_geo.json"]
    with pytest.raises(BundleRefused, match="0 purchase models"):
        CustomerModel.from_parts(manifest, files)


@given(
    raws=st.lists(st.floats(-20, 20), min_size=1, max_size=40), asked=st.lists(st.floats(-30, 30), min_size=2)
)
@few
def test_a_percentile_never_falls_as_the_score_rises_and_stays_within_its_bounds(raws, asked):
    reference = replace(MODEL.reference, raw_grid=grid_of(np.array(raws)))
    found = reference.percentile(np.sort(np.array(asked)))
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_a_reference_without_customers_puts_everyone_in_the_middle():
    reference = replace(MODEL.reference, raw_grid=grid_of(np.empty(0)))
    assert reference.percentile(np.array([-3.0, 9.0])).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("days", "unseen"), [(364.0, True), (365.0, False), (500.0, False)])
def test_a_season_is_unseen_until_the_log_is_a_year_long(days, unseen):
    assert replace(MODEL.reference, history_days=days).season_unseen is unseen


def test_a_row_is_outside_when_more_than_three_features_are_and_missing_ones_never_are():
    names = ["rfm.one", "rfm.two", "rfm.three", "rfm.four"]
    ranges = dict.fromkeys(names, (0.0, 1.0))
    reference = replace(MODEL.reference, ranges=ranges)
    frame = build_frame(
        {name: [2.0, -1.0 if place else 0.5, float("nan"), 1.0] for place, name in enumerate(names)}
    )
    assert reference.is_outside(frame).tolist() == [True, False, False, False]


def test_a_reference_survives_its_plain_form_and_a_torn_one_is_refused():
    plain = json.loads(json.dumps(MODEL.reference.to_dict()))
    assert Reference.from_dict(plain) == MODEL.reference
    with pytest.raises(BundleRefused, match=r"reference is not readable \('medians'\)"):
        Reference.from_dict({name: value for name, value in plain.items() if name != "medians"})


def test_rows_of_any_number_of_customers_are_drawn_alike_across_chunks():
    frame = invent_frame(300)
    draw = generator(1, "rows").permutation(300)[:50]
    mask = np.isin(np.arange(300), draw)
    np.testing.assert_array_equal(
        numbers(MODEL.predict(frame.rows(mask))), numbers(MODEL.predict(frame))[mask]
    )
