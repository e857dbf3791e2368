import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from contracts.errors import ContractError, NotEnoughData
from contracts.randomness import generator
from testkit.tables import build_columns, build_table, resample, shuffle_labels
from training.evaluation import METRICS, Plan, cross_validate, evaluate_table, find_twins
from training.models.tabular import TabularModel, TabularSettings
from training.models.trees import TreeSettings
from training.table import Table

ONCE = Plan(folds=3, repeats=1, seed=0)
KEYS = [
    "rows", "base_rate", "auc", "auc_sd", "log_loss", "brier", "lift_at_10", "empc", "empc_sd", "suspicious",
    "seconds",
]  # fmt: skip


class Memory:
    """Knows by heart the label of each row it has met, and says one half elsewhere."""

    def __init__(self, seed):
        self.met = {}

    def fit(self, frame, churned, groups):
        self.met = dict(zip(map(str, frame.values.to_numpy().tolist()), churned, strict=True))

    def predict(self, frame):
        return np.array([self.met.get(str(row), 0.5) for row in frame.values.to_numpy().tolist()])


def quick(seed):
    trees = TreeSettings(rounds=60, patience=20, learning_rate=0.1, leaf_rows=20)
    return TabularModel(TabularSettings(bags=3, trees=trees), seed)


def test_the_answer_has_the_keys_the_design_fixes_in_its_order():
    found = evaluate_table(build_table(400, seed=1), ONCE)
    result = found.to_dict(seconds=1.5)
    assert list(result) == KEYS
    assert result["rows"] == 400
    assert result["suspicious"] == []
    assert result["seconds"] == 1.5
    assert found.scores["auc"].shape == (3,)
    assert result["auc"] == pytest.approx(found.scores["auc"].mean())
    assert result["auc_sd"] == pytest.approx(np.std(found.scores["auc"], ddof=1))
    assert 0.7 < result["auc"] < 0.95


def test_every_fold_is_judged_on_rows_it_has_not_learnt_from():
    table = build_table(300, seed=2)
    scores = cross_validate(table, Plan(folds=3, repeats=2), Memory)
    assert (scores["auc"] == 0.5).all()
    assert set(scores) == set(METRICS)


def test_identical_rows_share_a_fold_so_that_memory_gains_nothing():
    columns, churned = build_columns(300, seed=3)
    copied = Table(*resample(columns, churned, seed=3))
    assert len(copied) > 330
    assert (cross_validate(copied, ONCE, Memory)["auc"] == 0.5).all()
    naive = generator(1, "naive").integers(0, 3, len(copied)) == 0
    model = Memory(0)
    model.fit(copied.frame.rows(~naive), copied.churned[~naive], None)
    assert roc_auc_score(copied.churned[naive], model.predict(copied.frame.rows(naive))) > 0.6


def test_equal_seeds_give_equal_figures_and_repeats_part_the_table_anew():
    table = build_table(300, seed=4)
    scores = cross_validate(table, Plan(3, 2, 7), quick)
    again = cross_validate(table, Plan(3, 2, 7), quick)
    assert all((scores[name] == again[name]).all() for name in METRICS)
    assert not np.allclose(scores["auc"][:3], scores["auc"][3:])


def test_shuffled_labels_have_an_auc_of_one_half():
    table = shuffle_labels(build_table(1500, seed=5), seed=5)
    scores = cross_validate(table, Plan(3, 1, 0), quick)
    assert abs(scores["auc"].mean() - 0.5) < 0.06


def test_a_high_auc_is_shown_again_without_the_strongest_column_and_without_its_twins():
    columns, churned = build_columns(400, seed=6)
    spoilt = columns.assign(
        points=3 * churned, badge=pd.Series(np.where(churned > 0, "b", "a"), dtype=object)
    )
    table = Table(spoilt, churned)
    found = evaluate_table(table, ONCE, classifier=quick)
    assert find_twins(table, "points") == ("badge",)
    assert found.leaks.columns == ("points", "badge")
    assert found.mean("auc") > 0.99
    assert found.without["auc_without_strongest"] > 0.99
    honest = cross_validate(Table(columns, churned), ONCE, quick)["auc"].mean()
    assert found.without["auc_without_twins"] == pytest.approx(honest)
    assert set(found.to_dict(0)) == {*KEYS, "auc_without_strongest", "auc_without_twins"}


def test_a_table_of_nothing_but_the_label_falls_to_one_half_without_it():
    churned = build_columns(200, seed=7)[1]
    draw = generator(7, "disguise")
    found = evaluate_table(
        Table(pd.DataFrame({"x": churned + draw.random(200) / 9}), churned), ONCE, classifier=quick
    )
    assert found.without == {"auc_without_strongest": 0.5, "auc_without_twins": 0.5}


def test_progress_is_told_in_sentences():
    said = []
    evaluate_table(build_table(200, seed=8), ONCE, progress=said.append, classifier=quick)
    assert said == ["Looking for leaks in 4 columns ...", "Repeat 1 of 1, 3 folds ..."]


def test_what_cannot_be_parted_is_refused():
    few = build_table(200, seed=9)
    few = Table(few.columns, (np.arange(200) < 5).astype(float))
    with pytest.raises(NotEnoughData, match="200 rows with 5 churners are too few for 5 folds"):
        evaluate_table(few)
    coarse = Table(pd.DataFrame({"x": np.arange(200.0) % 9}), (np.arange(200) % 2).astype(float))
    with pytest.raises(
        NotEnoughData, match="different rows of churners and of stayers are needed, one label has 9"
    ):
        evaluate_table(coarse)
    with pytest.raises(ContractError, match="Allowed column 'nobody' is not in the table"):
        evaluate_table(few, allowed=["nobody"])
    with pytest.raises(ContractError, match="1 folds and 3 repeats"):
        Plan(folds=1)


def test_many_identical_rows_leave_both_labels_in_each_fold_or_are_refused():
    kind = np.repeat(np.arange(6.0), [50, 50, 50, 2, 2, 2])
    churned = np.where(kind < 3, np.arange(156) % 50 > 0, np.arange(156) % 2).astype(float)
    table = Table(pd.DataFrame({"kind": kind}), churned)
    scores = cross_validate(table, Plan(2, 1, 0), Memory)
    assert np.isfinite(scores["auc"]).all()
    apart = Table(pd.DataFrame({"kind": kind}), (kind > 2).astype(float))
    with pytest.raises(NotEnoughData, match="one label has 3"):
        cross_validate(apart, Plan(2, 1, 0), Memory)
