from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ContractError
from contracts.feature_frame import FeatureFrame
from testkit.frames import AS_OF, build_frame
from testkit.invented_folds import PARETO_NBD
from training.models.beta_geo_parameters import BetaGeoParameters
from training.models.columns import (
    BTYD_FEATURES,
    acquired_before,
    append_btyd,
    build_history,
    find_offset,
)
from training.models.gamma_gamma import GammaGammaParameters

CDNOW = BetaGeoParameters(0.243, 4.414, 0.793, 2.426, "week")
SPEND = GammaGammaParameters(6.25, 3.74, 15.44)


def frame_of(x=(0.0, 2.0, 10.0), t_x=(0.0, 213.0, 140.0), age=(272.0, 272.0, 272.0), m=(np.nan, 22.35, 30.0)):
    columns = {"rfm.frequency": x, "rfm.recency_days": t_x, "rfm.age_days": age, "rfm.monetary_value": m}
    return build_frame({"rhythm.usual_gap": [1.0] * len(x), **columns})


def test_columns_are_the_closed_forms_in_the_models_time_unit():
    whole = append_btyd(frame_of(), CDNOW, SPEND, 91)
    for row, (x, t_x, age, m) in enumerate(
        zip((0, 2, 10), (0, 213, 140), (272,) * 3, (0, 22.35, 30), strict=True)
    ):
        history = x, t_x / 7, age / 7
        found = whole.values.loc[row, [feature.name for feature in BTYD_FEATURES]].tolist()
        wanted = [
            float(CDNOW.p_alive(*history)) if x else np.nan,
            float(CDNOW.p_no_purchase(13, *history)),
            float(CDNOW.expected_purchases(13, *history)),
            float(SPEND.expected_spend(x, m)),
        ]
        assert found == pytest.approx(wanted, nan_ok=True)


def test_values_printed_in_the_glossary_hold():
    whole = append_btyd(frame_of(t_x=(0.0, 213.01, 140.0), age=(272.02,) * 3), CDNOW, SPEND, 91)
    assert whole.column("btyd.p_no_purchase").round(3).tolist() == [0.938, 0.677, 0.963]


def test_a_model_in_days_gives_the_same_columns():
    in_days = BetaGeoParameters(0.243, 4.414 * 7, 0.793, 2.426, "day")
    weeks, days = append_btyd(frame_of(), CDNOW, SPEND, 91), append_btyd(frame_of(), in_days, SPEND, 91)
    pd.testing.assert_frame_equal(weeks.values, days.values)


def test_a_customer_without_orders_has_missing_columns_and_no_offset():
    nothing = (np.nan, 2.0, 10.0)
    whole = append_btyd(frame_of(nothing, (np.nan, 213.0, 140.0), (np.nan, 272.0, 272.0)), CDNOW, SPEND, 91)
    assert whole.values.loc[0, [feature.name for feature in BTYD_FEATURES]].isna().all()
    assert find_offset(whole)[0] == 0.0


def test_the_frame_that_came_in_is_unchanged_and_its_columns_lead():
    frame = frame_of()
    before = frame.values.copy(deep=True)
    whole = append_btyd(frame, CDNOW, SPEND, 91)
    pd.testing.assert_frame_equal(frame.values, before)
    assert whole.features.names == (*frame.features.names, *(feature.name for feature in BTYD_FEATURES))
    pd.testing.assert_frame_equal(whole.values[list(frame.features.names)], before)


@given(order=st.permutations(range(3)))
def test_permuting_rows_permutes_columns(order):
    order = list(order)
    parts = [
        np.array(part)[order] for part in ((0, 2, 10), (0, 213, 140), (272, 272, 272), (np.nan, 22.35, 30))
    ]
    shuffled = append_btyd(frame_of(*parts), CDNOW, SPEND, 91)
    straight = append_btyd(frame_of(), CDNOW, SPEND, 91)
    np.testing.assert_array_equal(shuffled.values.to_numpy(), straight.values.to_numpy()[order])


@given(
    x=st.one_of(st.just(0), st.just(1), st.integers(2, 3000)),
    silent=st.floats(0, 5000),
    horizon=st.floats(0, 3650),
)
def test_the_offset_is_finite_and_its_probability_lies_inside(x, silent, horizon):
    age = silent + (100.0 if x else 0.0)
    whole = append_btyd(frame_of((x,), (100.0 if x else 0.0,), (age,), (20.0,)), CDNOW, SPEND, horizon)
    p = 1 / (1 + np.exp(-find_offset(whole)[0]))
    wanted = np.clip(whole.column("btyd.p_no_purchase")[0], 1e-6, 1 - 1e-6)
    assert p == pytest.approx(wanted, rel=1e-6)


def test_columns_are_appended_once():
    whole = append_btyd(frame_of(), CDNOW, SPEND, 91)
    with pytest.raises(ContractError, match=r"btyd\.p_no_purchase.*already"):
        append_btyd(whole, CDNOW, SPEND, 91)


def test_a_frame_without_rfm_is_refused():
    with pytest.raises(ContractError, match=r"rfm\.frequency"):
        append_btyd(build_frame({"support.open": [1.0]}), CDNOW, SPEND, 91)


def test_the_offset_needs_its_column():
    with pytest.raises(ContractError, match=r"btyd\.p_no_purchase"):
        find_offset(frame_of())


def test_history_is_read_in_the_time_unit_with_money_missing_without_repeats():
    history = build_history(frame_of(m=(5.0, 22.35, 30.0)), "week")
    np.testing.assert_allclose(history.recency, [0, 213 / 7, 20])
    np.testing.assert_allclose(history.age, 272 / 7)
    np.testing.assert_array_equal(history.monetary_value, [np.nan, 22.35, 30.0])
    assert build_history(frame_of(), "day").recency.tolist() == [0.0, 213.0, 140.0]


def test_a_pareto_nbd_fills_the_same_columns_and_lets_one_time_buyers_leave():
    whole = append_btyd(frame_of(), PARETO_NBD, SPEND, 91)
    history = np.array([0.0, 2, 10]), np.array([0, 213, 140]) / 7, np.full(3, 272 / 7)
    np.testing.assert_allclose(
        whole.column("btyd.p_no_purchase"), PARETO_NBD.p_no_purchase(13, *history), rtol=1e-12
    )
    assert np.isnan(whole.column("btyd.p_alive")[0])
    assert PARETO_NBD.p_alive(*history)[0] < 1


def test_who_was_acquired_before_an_instant_is_told_from_the_age_in_days():
    frame = build_frame({"rfm.age_days": [0.0, 9.0, 10.0, 11.0, 400.0, np.nan]})
    last_day = AS_OF - timedelta(days=1)
    assert acquired_before(frame, last_day - timedelta(days=10)).tolist() == [
        False, False, False, True, True, False,
    ]  # fmt: skip


def test_each_row_is_counted_back_from_its_own_cutoff():
    frame = build_frame({"rfm.age_days": [50.0, 50.0]})
    index = frame.index.assign(as_of=[AS_OF, AS_OF - timedelta(days=90)])
    both = FeatureFrame(index, frame.values, frame.features)
    assert acquired_before(both, AS_OF - timedelta(days=100)).tolist() == [False, True]
    assert not acquired_before(both, datetime(1990, 1, 1, tzinfo=UTC)).any()
