import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from contracts.errors import BundleRefused, ModelRefused
from contracts.randomness import generator
from testkit.tables import build_table
from training import metrics
from training.models.grouped_folds import assign_folds, split_folds
from training.models.logistic import Expansion, Logistic
from training.models.tabular import TabularModel, TabularSettings, find_weight
from training.models.trees import TreeSettings
from training.table import Table

QUICK = TabularSettings(bags=3, trees=TreeSettings(rounds=60, patience=20, learning_rate=0.1, leaf_rows=20))


@pytest.fixture(scope="module")
def table():
    return build_table(900, seed=1)


@pytest.fixture(scope="module")
def fitted(table):
    return TabularModel(QUICK).fit(table.frame, table.churned, table.groups)


def test_it_finds_what_a_straight_line_cannot(table, fitted):
    later = build_table(2000, seed=2)
    p = fitted.predict(later.frame)
    is_category = [name in fitted.encoder_.categorical for name in fitted.encoder_.names]
    line = Logistic.fit(fitted.encoder_.encode(table.frame), is_category, table.churned)
    straight = 1 / (1 + np.exp(-line.raw(fitted.encoder_.encode(later.frame))))
    assert metrics.log_loss(later.churned, p) < metrics.log_loss(later.churned, straight)
    assert metrics.auc(later.churned, p) > 0.75


def test_it_leans_on_the_partner_where_the_truth_is_a_line():
    draw = generator(3, "line")
    columns = pd.DataFrame(draw.normal(size=(600, 5)), columns=list("abcde"))
    log_odds = columns.to_numpy() @ np.array([1.0, -1.0, 0.5, 0.5, 0.8])
    churned = (draw.random(600) < 1 / (1 + np.exp(-log_odds))).astype(float)
    assert TabularModel(QUICK).fit(Table(columns, churned).frame, churned).weight_ <= 0.3


def test_equal_seeds_give_equal_bytes_and_other_seeds_other_bags(table):
    def fit(seed):
        model = TabularModel(QUICK, seed).fit(table.frame, table.churned, table.groups)
        return json.dumps(model.to_dict())

    assert fit(0) == fit(0)
    assert fit(0) != fit(1)


def test_it_survives_being_written_as_plain_data(table, fitted):
    plain = json.loads(json.dumps(fitted.to_dict()))
    again = TabularModel.from_dict(plain)
    np.testing.assert_array_equal(again.predict(table.frame), fitted.predict(table.frame))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda plain: plain.update(weight=1.5), "a weight outside 0 to 1"),
        (lambda plain: plain.update(bags=[]), "no bags"),
        (lambda plain: plain.pop("encoder"), "KeyError"),
        (lambda plain: plain["bags"][0].update(offset=float("nan")), "no bags, or a weight"),
        (lambda plain: plain["bags"][0]["logistic"]["coefficients"].pop(), "coefficients for"),
        (lambda plain: plain["bags"][0]["logistic"].pop("intercept"), "Regression: KeyError"),
    ],
)
def test_damaged_plain_data_is_refused(fitted, spoil, message):
    plain = json.loads(json.dumps(fitted.to_dict()))
    spoil(plain)
    with pytest.raises(BundleRefused, match=message):
        TabularModel.from_dict(plain)


def test_probabilities_stay_inside_for_blanks_unseen_levels_and_wild_numbers(table, fitted):
    columns = table.columns.head(3).copy()
    columns["plan"] = pd.Series([None, "never seen", "gold"], dtype=object)
    columns["tenure"] = [np.nan, 1e300, -1e300]
    p = fitted.predict(Table(columns, np.array([0.0, 1.0, 0.0])).frame)
    assert ((p > 0) & (p < 1)).all()


def test_each_row_is_predicted_by_itself_and_nothing_is_changed(table, fitted):
    before = table.frame.values.copy()
    order = generator(1, "order").permutation(len(table))
    turned = Table(table.columns.iloc[order].reset_index(drop=True), table.churned[order])
    np.testing.assert_allclose(fitted.predict(turned.frame), fitted.predict(table.frame)[order], rtol=1e-12)
    pd.testing.assert_frame_equal(table.frame.values, before)


@pytest.mark.parametrize(
    ("churned", "groups", "message"),
    [
        (
            np.repeat([1.0, 0.0], [1, 99]),
            None,
            "too few different churners or stayers among 100 rows for 3 bags",
        ),
        (np.tile([1.0, 0.0], 45), None, "100 groups for 90 labels"),
        (np.tile([1.0, 0.0], 50), np.zeros(90, dtype=np.int64), "90 groups for 100 labels"),
    ],
)
def test_what_it_cannot_learn_from_is_refused(churned, groups, message):
    frame = build_table(100, seed=5).frame
    with pytest.raises(ModelRefused, match=message):
        TabularModel(QUICK).fit(frame, churned, groups)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 30)), min_size=10, max_size=80),
    folds=st.integers(2, 5),
    seed=st.integers(0, 9),
)
def test_a_group_is_in_one_fold_and_every_row_in_exactly_one(rows, folds, seed):
    churned, groups = np.array([row[0] for row in rows], dtype=float), np.array([row[1] for row in rows])
    fold = assign_folds(churned, groups, folds, seed)
    assert all(len(set(fold[groups == group])) == 1 for group in groups)
    seen = sum(outside.astype(int) for _, outside in split_folds(fold))
    assert (seen == 1).all()
    assert all((inside != outside).all() for inside, outside in split_folds(fold))


@given(rows=st.lists(st.integers(0, 1), min_size=10, max_size=80), folds=st.integers(2, 5))
def test_rows_that_stand_alone_are_spread_to_within_one(rows, folds):
    churned = np.array(rows, dtype=float)
    fold = assign_folds(churned, np.arange(len(rows)), folds, seed=1)
    for label in (0, 1):
        assert np.ptp(np.bincount(fold[churned == label], minlength=folds)) <= 1


def test_the_partner_is_the_regression_of_scikit_learn_on_the_columns_it_says():
    draw = generator(4, "partner")
    number, level = draw.normal(3, 2, 300), draw.integers(0, 3, 300).astype(float)
    number[:40] = np.nan
    churned = (draw.random(300) < 0.4).astype(float)
    own = Logistic.fit(np.column_stack([number, level]), [False, True], churned)
    center, scale = np.nanmean(number), np.nanstd(number)
    columns = [
        np.nan_to_num((number - center) / scale),
        np.isnan(number),
        *(level == code for code in (0, 1, 2)),
    ]
    wanted = LogisticRegression(max_iter=2000).fit(np.column_stack(columns), churned)
    np.testing.assert_allclose(
        own.raw(np.column_stack([number, level])),
        wanted.decision_function(np.column_stack(columns)),
        atol=1e-3,
    )


def test_a_column_without_any_value_and_a_constant_one_add_nothing():
    for values in (np.full(5, np.nan), np.full(5, 7.0)):
        assert (Expansion.fit(values, is_category=False).expand(values) == 0).all()


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.integers(0, 1)), min_size=1))
def test_the_blend_is_never_worse_than_either_part_on_the_rows_that_chose_it(rows):
    trees, partner, churned = (np.array(part, dtype=float) for part in zip(*rows, strict=True))
    weight = find_weight(trees, partner, churned)
    blended = metrics.log_loss(churned, weight * trees + (1 - weight) * partner)
    assert blended <= min(metrics.log_loss(churned, trees), metrics.log_loss(churned, partner)) + 1e-12
