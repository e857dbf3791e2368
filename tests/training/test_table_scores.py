"""A new table scored: found by name, conformed, refused by name, worded in both languages."""

import json

import numpy as np
import pandas as pd
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest

from contracts.errors import ContractError, NotEnoughData, StoreError
from features.wording.catalogue import load_catalogue
from testkit.tables import build_columns
from training.models.table_model import TableModel
from training.models.tabular import TabularModel, TabularSettings
from training.models.trees import TreeSettings
from training.table import read_table
from training.table_scores import count_unseen, read_new_table, save_scores, score_table

QUICK = TabularSettings(bags=3, trees=TreeSettings(rounds=40, patience=20, learning_rate=0.1, leaf_rows=20))


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A model of a CSV with an id and a date, and the columns it was written from."""
    columns, churned = build_columns(400, seed=1)
    columns.insert(0, "who", [f"c{place}" for place in range(400)])
    columns["since"] = (np.datetime64("2024-01-01") + np.arange(400)).astype(str)
    file = tmp_path_factory.mktemp("learned") / "old.csv"
    columns.assign(left=churned).to_csv(file, index=False)
    table = read_table(file, "left", "who")
    model = TabularModel(QUICK).fit(table.frame, table.churned, table.groups)
    return TableModel.fit(model, table.frame), columns, table


@pytest.fixture
def new(tmp_path, learned):
    """``new(columns)`` writes a CSV of the first rows, changed, and reads it for the model."""

    def build(change=lambda columns: columns, **options):
        file = tmp_path / "new.csv"
        change(learned[1].head(8).copy()).to_csv(file, index=False)
        return read_new_table(file, learned[0].features, **options)

    return build


def test_the_same_rows_have_the_probabilities_they_had(learned, new):
    model, _, table = learned
    read = new(customer_id="who")
    assert read.ids[:2] == ["c0", "c1"]
    np.testing.assert_allclose(model.predict(read.frame), model.predict(table.frame)[:8], rtol=1e-12)


def test_columns_in_another_order_and_extra_ones_change_nothing_and_are_counted(learned, new):
    read = new(lambda columns: columns[columns.columns[::-1]].assign(more=1, label="x"), usual_id="who")
    assert (read.ignored, read.ids[0]) == (2, "c0")
    np.testing.assert_array_equal(learned[0].predict(read.frame), learned[0].predict(new().frame))


def test_without_a_column_for_the_customer_rows_are_numbered(new):
    read = new(lambda columns: columns.drop(columns="who"), usual_id="who")
    assert read.ids == [str(row) for row in range(1, 9)]


@pytest.mark.parametrize("name", ["fee", "plan", "since"])
def test_a_missing_column_is_an_error_that_names_it(new, name):
    with pytest.raises(ContractError, match=f"Column '{name}' is not among the 5 columns of new.csv"):
        new(lambda columns: columns.drop(columns=name))


def test_a_missing_id_is_an_error_that_names_it_when_it_was_asked_for(new):
    with pytest.raises(ContractError, match="Column 'customer' is not among"):
        new(customer_id="customer")


def test_text_where_numbers_were_learned_is_an_error_without_a_value(new):
    with pytest.raises(
        ContractError, match="Column 'fee' holds numbers in the model and text in 8 cells"
    ) as said:
        new(lambda columns: columns.assign(fee="plenty"))
    assert "plenty" not in str(said.value)


def test_an_empty_column_is_missing_and_an_empty_file_is_refused(learned, new):
    read = new(lambda columns: columns.assign(fee="", plan=None))
    assert read.frame.values["column.fee"].isna().all()
    assert read.frame.values["column.plan"].isna().all()
    assert np.isfinite(learned[0].predict(read.frame)).all()
    with pytest.raises(NotEnoughData, match=r"new\.csv has no rows"):
        new(lambda columns: columns.head(0))


def test_a_level_never_met_counts_as_other_and_is_counted_by_column(learned, new):
    read = new(lambda columns: columns.assign(plan=["platinum"] * 3 + ["gold"] * 5))
    assert count_unseen(learned[0], read.frame) == {"plan": 3}
    assert np.isfinite(learned[0].predict(read.frame)).all()
    assert count_unseen(learned[0], new().frame) == {}


def test_numbers_that_were_levels_are_read_as_text_again(tmp_path):
    columns, churned = build_columns(200, seed=2)
    code = np.where(np.arange(200) % 2, "7", "B")
    old = tmp_path / "old.csv"
    columns.assign(code=code, left=churned).to_csv(old, index=False)
    table = read_table(old, "left")
    model = TableModel.fit(TabularModel(QUICK).fit(table.frame, table.churned), table.frame)
    new = tmp_path / "new.parquet"
    columns.head(5).assign(code=[7, 7, 7, 7, 7]).to_parquet(new)
    read = read_new_table(new, model.features)
    assert read.frame.values["column.code"].tolist() == ["7"] * 5
    assert count_unseen(model, read.frame) == {}


def test_blank_ids_are_scored_and_remarked(new):
    read = new(lambda columns: columns.assign(who=["c0", "", *columns["who"][2:]]), customer_id="who")
    assert read.ids[1] is None
    assert "Column 'who' is blank in 1 rows" in read.remarks[0]


@pytest.mark.parametrize(("language", "typical"), [("en", "typical customer"), ("it", "cliente tipico")])
def test_reasons_are_worded_with_value_direction_and_what_is_typical(learned, new, language, typical):
    model = learned[0]
    read = new(usual_id="who")
    scores = score_table(model, read, language)
    assert scores.column_names == ["customer_id", "churn_probability", "reasons"]
    said = [reason for text in scores["reasons"].to_pylist() for reason in json.loads(text)]
    assert {reason["column"] for reason in said} <= {"tenure", "fee", "plan", "calls", "since"}
    assert all((reason["contribution"] > 0) == (reason["direction"] == "raises") for reason in said)
    assert any(typical in reason["text"] for reason in said)
    assert scores["churn_probability"].to_pylist() == pytest.approx(model.predict(read.frame), abs=1e-6)


def test_a_date_is_worded_as_a_date(learned):
    catalogue = load_catalogue().for_company(learned[0].features)
    said = catalogue.sentence("column.since", "en", {"column.since": 19723.0}, learned[0].peers)
    assert said == "Since: 1 Jan 2024 (typical customer: 18 Jul 2024)."


def test_many_rows_are_scored_in_parts_with_progress(learned, new, monkeypatch):
    monkeypatch.setattr("training.table_scores.ROWS_AT_ONCE", 3)
    told = []
    parted = score_table(learned[0], new(), "en", lambda done, total: told.append((done, total)))
    monkeypatch.undo()
    assert told == [(3, 8), (6, 8), (8, 8)]
    assert parted.equals(score_table(learned[0], new(), "en"))


def test_the_file_is_parquet_or_csv_by_its_name(learned, new, tmp_path):
    scores = score_table(learned[0], new(), "en")
    for name, read in (("s.csv", pcsv.read_csv), ("s.parquet", pq.read_table)):
        save_scores(tmp_path / name, scores)
        assert read(tmp_path / name)["reasons"].to_pylist() == scores["reasons"].to_pylist()
    with pytest.raises(StoreError, match=r"s\.xlsx ends neither in"):
        save_scores(tmp_path / "s.xlsx", scores)
    assert not list(tmp_path.glob(".*"))


def test_reading_again_gives_the_same_columns_as_training(learned, tmp_path):
    model, columns, table = learned
    file = tmp_path / "again.csv"
    columns.to_csv(file, index=False)
    read = read_new_table(file, model.features, usual_id="who")
    pd.testing.assert_frame_equal(read.frame.values, table.frame.values)
