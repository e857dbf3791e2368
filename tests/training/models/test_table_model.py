import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import BundleRefused
from contracts.randomness import generator
from testkit.tables import build_table
from training.models.table_model import LEAST_POINTS, MOST, TableModel, _line
from training.models.tabular import TabularModel, TabularSettings, find_pace, probability_of
from training.models.trees import TreeSettings
from training.table import Table

QUICK = TabularSettings(bags=3, trees=TreeSettings(rounds=60, patience=20, learning_rate=0.1, leaf_rows=20))


@pytest.fixture(scope="module")
def table():
    return build_table(800, seed=1)


@pytest.fixture(scope="module")
def model(table):
    return TableModel.fit(TabularModel(QUICK).fit(table.frame, table.churned, table.groups), table.frame)


def rebuild(model):
    manifest, files = model.to_parts()
    return TableModel.from_parts(json.loads(json.dumps(manifest)), json.loads(json.dumps(files)))


def test_what_the_columns_add_and_the_base_are_the_probability(table, model):
    points, base = model.explain(table.frame)
    np.testing.assert_allclose(points.sum(axis=1) + base, model.predict(table.frame), atol=1e-9)
    assert 0.1 < base < 0.6


def test_a_column_that_says_nothing_adds_next_to_nothing(table):
    columns = table.columns.assign(noise=generator(1, "noise").normal(size=len(table)))
    noisy = Table(columns, table.churned)
    model = TableModel.fit(TabularModel(QUICK).fit(noisy.frame, noisy.churned), noisy.frame)
    size = np.abs(model.explain(noisy.frame)[0]).mean(axis=0)
    by_name = dict(zip(noisy.columns.columns, size, strict=True))
    assert by_name["noise"] < min(by_name[name] for name in ("tenure", "plan", "calls")) / 2


def test_each_row_has_one_to_three_columns_strongest_first(table, model):
    points = model.explain(table.frame)[0]
    for row, parts in zip(points, model.strongest(table.frame), strict=True):
        sizes = [abs(part.points) for part in parts]
        assert 1 <= len(parts) <= MOST
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[0] == np.abs(row).max()
        assert all(size >= LEAST_POINTS for size in sizes[1:])


def test_it_survives_being_written_as_plain_data(table, model):
    again = rebuild(model)
    np.testing.assert_array_equal(again.predict(table.frame), model.predict(table.frame))
    np.testing.assert_array_equal(again.explain(table.frame)[0], model.explain(table.frame)[0])
    assert again.peers == model.peers


def test_typical_values_are_medians_and_the_most_frequent_level(table, model):
    assert model.peers["column.fee"] == pytest.approx(table.columns["fee"].median())
    assert model.peers["column.plan"] == table.columns["plan"].mode()[0]


def test_a_level_that_few_carry_is_neither_kept_nor_typical(table):
    name = pd.Series(["Ada"] * 4 + [None] * (len(table) - 4), dtype=object)
    named = Table(table.columns.assign(name=name), table.churned)
    model = TableModel.fit(TabularModel(QUICK).fit(named.frame, named.churned), named.frame)
    assert model.peers["column.name"] is None
    assert "Ada" not in json.dumps(model.to_parts())


def test_rows_by_name_are_answered_like_the_frame_and_a_column_left_out_is_missing(table, model):
    values = table.frame.values.head(4)
    rows = values.astype(object).where(values.notna(), None).to_dict("records")
    answers = model.predict_rows([*rows, {}])
    wanted = model.predict(table.frame)[:4]
    assert [answer["churn_probability"] for answer in answers[:4]] == pytest.approx(wanted, abs=1e-12)
    assert 0 < answers[4]["churn_probability"] < 1
    assert all(answer["lowest"] <= answer["highest"] for answer in answers)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda manifest, rest: rest.pop("offsets"), "KeyError"),
        (lambda manifest, rest: rest["partners"].pop(), "ValueError"),
        (lambda manifest, rest: rest["centers"].pop(), "typical values do not fit"),
        (lambda manifest, rest: rest["peers"].pop("column.fee"), "typical values do not fit"),
        (lambda manifest, rest: manifest.pop("vocabularies"), "KeyError"),
        (lambda manifest, rest: rest.update(weight=-1), "a weight outside 0 to 1"),
    ],
)
def test_damaged_parts_are_refused_in_words(model, spoil, message):
    manifest, files = json.loads(json.dumps(model.to_parts()))
    spoil(manifest, files["table.json"])
    with pytest.raises(BundleRefused, match=message):
        TableModel.from_parts(manifest, files)


@settings(deadline=None)
@given(raw=st.lists(st.floats(-30, 30), min_size=1, max_size=8), start=st.floats(-8, 8))
def test_the_straight_line_ends_at_the_probability_and_rises(raw, start):
    raw = np.array([*raw, start])
    slope, level = _line(raw, start)
    np.testing.assert_allclose(level + slope * (raw - start), probability_of(raw), atol=1e-9)
    assert (slope >= 0).all()


def test_large_tables_take_larger_steps_and_small_ones_the_published_ones():
    slow = TreeSettings(learning_rate=0.03)
    assert find_pace(slow, 7_500) == slow
    assert find_pace(slow, 10**6).learning_rate == pytest.approx(0.09)
