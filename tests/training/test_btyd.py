"""Buy-till-you-die parameters of one frame, and what people must be told of them."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from contracts.errors import NotEnoughData
from contracts.randomness import generator
from testkit.frames import AS_OF, build_frame
from training.btyd import NAMES, assume_btyd, fit_btyd
from training.models.purchase_families import PURCHASE_FAMILIES, family_of

every_family = pytest.mark.parametrize("family", PURCHASE_FAMILIES)


def frame_of(frequency, recency, age, money, first=None):
    columns = {
        "rfm.frequency": frequency,
        "rfm.recency_days": recency,
        "rfm.age_days": age,
        "rfm.monetary_value": money,
        "rfm.average_order_value": money if first is None else first,
        "rfm.orders": [1 + repeats for repeats in frequency],
    }
    return build_frame({name: list(map(float, column)) for name, column in columns.items()})


def invented(rows, seed=1, gain=0.0):
    """Return a frame whose spend rises by ``gain`` with each repeat order; a third never came back."""
    draw = generator(seed, "btyd")
    frequency = np.where(draw.random(rows) < 1 / 3, 0, draw.geometric(0.3, rows))
    age = draw.integers(100, 400, rows)
    recency = np.where(frequency > 0, np.ceil(age * draw.random(rows)), 0)
    money = np.where(frequency > 0, draw.gamma(3, 10, rows) + gain * frequency, np.nan)
    return frame_of(frequency, recency, age, money)


@every_family
def test_enough_repeat_buyers_need_no_remark_on_the_prior_or_the_shapes(family):
    found = fit_btyd(invented(900), "week", family)
    said = " ".join(found.remarks)
    assert "prior" not in said
    assert "published shapes" not in said
    assert found.family == family_of(found.purchase_model) == family
    assert found.covariance.shape == (4, 4)
    assert not found.stepped_out


@every_family
def test_few_repeat_buyers_are_told_of_the_prior_and_the_published_shapes(family):
    remarks = fit_btyd(invented(90), "week", family).remarks
    wanted = f"repeat buyers are under 200: {NAMES[family]} leans on its prior"
    assert any(wanted in said for said in remarks)
    assert "Fewer than 200 repeat buyers: Gamma-Gamma keeps published shapes, own level." in remarks


def test_spend_that_goes_with_frequency_is_told():
    remarks = fit_btyd(invented(900, gain=40.0), "week").remarks
    assert any(said.startswith("Spend and frequency correlate (0.") for said in remarks)


def test_where_nobody_came_back_spend_is_the_mean_first_order():
    frame = frame_of([0] * 40, [0] * 40, range(60, 100), [np.nan] * 40, first=[10.0, 30.0] * 20)
    found = fit_btyd(frame, "week")
    assert "Nobody has bought twice: spend is the mean first order, for everyone." in found.remarks
    expected = found.gamma_gamma.expected_spend(np.zeros(1), np.full(1, np.nan))
    np.testing.assert_allclose(expected, [20.0])


def test_one_customer_with_one_order_is_enough_for_an_answer():
    found = fit_btyd(frame_of([0], [0], [61], [np.nan], first=[12.0]), "week")
    assert found.purchase_model.p_no_purchase(13, [0.0], [0.0], [61 / 7])[0] > 0
    assert len(found.remarks) == 2


def test_a_frame_without_customers_is_too_little_data():
    with pytest.raises(NotEnoughData, match="0 customers to fit a model on"):
        fit_btyd(frame_of([], [], [], []), "week")


def test_the_order_of_the_rows_changes_no_parameter():
    frame = invented(400)
    rows = generator(2, "rows").permutation(len(frame))
    shuffled = build_frame({name: frame.values[name].to_numpy()[rows] for name in frame.features.names})
    for family in PURCHASE_FAMILIES:
        one, other = fit_btyd(shuffled, "week", family), fit_btyd(frame, "week", family)
        np.testing.assert_array_equal(one.covariance, other.covariance)
        assert one == replace(other, covariance=one.covariance)


@every_family
def test_days_and_weeks_tell_the_same_story(family):
    frame = invented(900)
    weeks, days = (fit_btyd(frame, unit, family).purchase_model for unit in ("week", "day"))
    x, t_x, T = (frame.column(name).to_numpy() for name in frame.features.names[:3])
    np.testing.assert_allclose(
        days.p_no_purchase(91, x, t_x, T), weeks.p_no_purchase(13, x, t_x / 7, T / 7), atol=4e-3
    )


def old_and_new():
    """Return 900 customers, and 500 more who had been there before the log and bought without end."""
    frame = invented(900)
    age = frame.column("rfm.age_days").to_numpy()
    bought = np.where(np.arange(500) % 2 == 0, 50.0, 60.0)
    older = [bought, np.full(500, 800.0), np.full(500, 801.0), np.full(500, 25.0)]
    columns = [frame.column(name).to_numpy() for name in frame.features.names[:4]]
    whole = frame_of(*(np.concatenate(pair) for pair in zip(columns, older, strict=True)))
    return frame, whole, AS_OF - timedelta(days=float(age.max()) + 2)


@every_family
def test_purchases_are_fitted_on_those_acquired_since_the_log_is_complete(family):
    frame, whole, complete = old_and_new()
    found = fit_btyd(whole, "week", family, complete)
    assert found.purchase_model == fit_btyd(frame, "week", family).purchase_model
    assert found.purchase_model != fit_btyd(whole, "week", family).purchase_model
    assert found.remarks[0] == (
        f"500 customers acquired before {complete:%Y-%m-%d} may be older than the log: buying rhythm is "
        "fitted without them."
    )


def test_spend_is_fitted_on_everyone_all_the_same():
    _, whole, complete = old_and_new()
    assert fit_btyd(whole, "week", complete_from=complete).gamma_gamma == fit_btyd(whole, "week").gamma_gamma


@pytest.mark.parametrize("unit", ["week", "day"])
def test_where_no_fit_holds_published_shapes_are_assumed_and_say_so(unit):
    frame = invented(300)
    found = assume_btyd(frame, unit)
    assert found.stepped_out
    assert np.isnan(found.covariance).all()
    assert found.remarks[0].startswith("Neither BG/NBD nor Pareto/NBD holds")
    assert found.purchase_model.time_unit == unit
    x, t_x, T = (frame.column(name).to_numpy() for name in frame.features.names[:3])
    scale = 7 if unit == "week" else 1
    p = found.purchase_model.p_no_purchase(91 / scale, x, t_x / scale, T / scale)
    wanted = assume_btyd(frame, "week").purchase_model.p_no_purchase(13, x, t_x / 7, T / 7)
    np.testing.assert_allclose(p, wanted, rtol=1e-9)
    assert found.gamma_gamma == fit_btyd(frame, unit).gamma_gamma


def with_bot(frame, days, orders, each):
    """Return the frame with one more customer: so many orders, spread over as many days."""
    money = [orders * each / days] * 2
    bot = {
        "rfm.frequency": days - 1,
        "rfm.recency_days": days - 1,
        "rfm.age_days": 399,
        "rfm.monetary_value": money[0] if days > 1 else np.nan,
        "rfm.average_order_value": each,
        "rfm.orders": orders,
    }
    return build_frame({name: [*frame.values[name], float(value)] for name, value in bot.items()})


@pytest.fixture(scope="module")
def clean():
    return fit_btyd(invented(90), "week")


@pytest.mark.parametrize("days", [1, 3, 40, 365])
@pytest.mark.parametrize("each", [0.01, 30.0])
def test_a_bot_of_5000_orders_moves_no_parameter_however_it_spreads_them(clean, days, each):
    found = fit_btyd(with_bot(invented(90), days, 5_000, each), "week")
    assert (found.purchase_model, found.gamma_gamma) == (clean.purchase_model, clean.gamma_gamma)
    assert "1 customers with inhuman order counts were left out of the fit." in found.remarks
