"""Buy-till-you-die parameters of one frame, and what people must be told of them."""

import numpy as np
import pytest

from contracts.errors import NotEnoughData
from contracts.randomness import generator
from testkit.frames import build_frame
from training.btyd import fit_btyd


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


def test_enough_repeat_buyers_need_no_remark_on_the_prior_or_the_shapes():
    said = " ".join(fit_btyd(invented(900), "week").remarks)
    assert "prior" not in said
    assert "published shapes" not in said


def test_few_repeat_buyers_are_told_of_the_prior_and_the_published_shapes():
    remarks = fit_btyd(invented(90), "week").remarks
    assert any("repeat buyers are under 200: BG/NBD leans on its prior" in said for said in remarks)
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
    assert found.beta_geo.p_no_purchase(13, [0.0], [0.0], [61 / 7])[0] > 0
    assert len(found.remarks) == 2


def test_a_frame_without_customers_is_too_little_data():
    with pytest.raises(NotEnoughData, match="0 customers to fit a model on"):
        fit_btyd(frame_of([], [], [], []), "week")


def test_the_order_of_the_rows_changes_no_parameter():
    frame = invented(400)
    rows = generator(2, "rows").permutation(len(frame))
    shuffled = build_frame({name: frame.values[name].to_numpy()[rows] for name in frame.features.names})
    assert fit_btyd(shuffled, "week") == fit_btyd(frame, "week")


def test_days_and_weeks_tell_the_same_story():
    frame = invented(900)
    weeks, days = (fit_btyd(frame, unit).beta_geo for unit in ("week", "day"))
    x, t_x, T = (frame.column(name).to_numpy() for name in frame.features.names[:3])
    np.testing.assert_allclose(
        days.p_no_purchase(91, x, t_x, T), weeks.p_no_purchase(13, x, t_x / 7, T / 7), atol=2e-3
    )


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
    assert (found.beta_geo, found.gamma_gamma) == (clean.beta_geo, clean.gamma_gamma)
    assert "1 customers with inhuman order counts were left out of the fit." in found.remarks
