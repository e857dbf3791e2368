"""Scores in a file are the records themselves: what was flattened out comes back byte for byte."""

import math

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import StoreError
from contracts.scores import FIELDS, dumps, flatten, to_dict, to_json, unflatten
from serving.export import check_export_name, save_export
from testkit.score_strategies import score_records
from testkit.stored import build_record

COLUMNS = tuple(flatten(dict.fromkeys(FIELDS) | {"reasons": [], "curve": [], "flags": []}))


def read_back(file):
    """Return the rows of an export: texts as texts, whatever they look like."""
    if file.suffix == ".parquet":
        return pq.read_table(file).to_pylist()
    texts = [name for name, value in flatten(to_dict(build_record("c"))).items() if isinstance(value, str)]
    options = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(texts, pa.string()), strings_can_be_null=False
    )
    parsing = pyarrow.csv.ParseOptions(newlines_in_values=True)
    return pyarrow.csv.read_csv(file, convert_options=options, parse_options=parsing).to_pylist()


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@given(records=st.lists(score_records(), min_size=1, max_size=3))
@settings(max_examples=20)
def test_records_come_back_from_the_file_byte_for_byte(tmp_path_factory, ending, records):
    file = tmp_path_factory.mktemp("export") / f"scores.{ending}"
    assert save_export(file, map(to_dict, records)) == len(records)
    back = [dumps(unflatten(row)) for row in read_back(file)]
    assert back == [to_json(record) for record in records]


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_ids_that_look_like_numbers_or_formulas_stay_texts(tmp_path, ending):
    ids = ["007", "1e5", "NaN", "=1+1", 'a"b', "a,b", "null", "-0"]
    file = tmp_path / f"scores.{ending}"
    save_export(file, (to_dict(build_record(name)) for name in ids))
    assert [row["customer_id"] for row in read_back(file)] == ids


def test_columns_have_the_order_of_the_contract_and_one_type_each(tmp_path):
    file = tmp_path / "scores.parquet"
    save_export(file, [to_dict(build_record("c"))])
    schema = pq.read_schema(file)
    assert tuple(schema.names) == COLUMNS
    assert {"clv_mean", "clv_p10", "churn_range_low", "satisfaction_detractor"} <= set(schema.names)
    kinds = {name: schema.field(name).type for name in schema.names}
    assert kinds["customer_id"] == kinds["reasons"] == kinds["flags"] == kinds["as_of"] == pa.string()
    assert kinds["p_alive"] == kinds["clv_mean"] == kinds["net_clv"] == pa.float64()
    assert kinds["horizon_days"] == pa.int64()
    assert kinds["satisfaction_observed"] == pa.bool_()


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_no_records_make_a_file_with_columns_and_no_rows(tmp_path, ending):
    file = tmp_path / f"scores.{ending}"
    assert save_export(file, []) == 0
    assert read_back(file) == []


def test_a_run_that_fails_half_way_leaves_no_file_under_the_name(tmp_path):
    file = tmp_path / "scores.csv"
    file.write_text("the last good one\n", encoding="utf-8")

    def broken():
        yield to_dict(build_record("a"))
        raise StoreError("the store went away")

    with pytest.raises(StoreError, match="the store went away"):
        save_export(file, broken())
    assert file.read_text(encoding="utf-8") == "the last good one\n"


@pytest.mark.parametrize("name", ["scores.xlsx", "scores", "scores.CSV", "csv"])
def test_another_kind_of_file_is_refused_by_its_name(tmp_path, name):
    with pytest.raises(StoreError, match=f"{name} ends neither in .parquet nor in .csv"):
        check_export_name(tmp_path / name)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"There is no folder .*nowhere for scores.csv: make it"):
        check_export_name(tmp_path / "nowhere" / "scores.csv")


def test_a_number_that_is_missing_is_empty_and_never_zero(tmp_path):
    file = tmp_path / "scores.parquet"
    save_export(file, [to_dict(build_record("c", p_alive=None, satisfaction=None, net_clv=None))])
    (row,) = pq.read_table(file).to_pylist()
    assert row["p_alive"] is row["net_clv"] is row["satisfaction_promoter"] is None
    assert row["satisfaction_observed"] is None
    frame = pq.read_table(file).to_pandas()
    assert math.isnan(frame.loc[0, "p_alive"])
