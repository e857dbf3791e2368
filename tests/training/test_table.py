import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ContractError, NotEnoughData
from testkit.tables import TV_COSTS, find_tv_file
from training.table import Table, read_table
from training.table_columns import group_rows, is_identifier, to_texts, type_column, words_of


@pytest.fixture
def write(tmp_path):
    def write_lines(*lines, name="frame.csv"):
        file = tmp_path / name
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file

    return write_lines


def test_numbers_written_as_text_and_blanks_become_numbers_and_missing(write):
    table = read_table(write("fee,plan,left", "12.5,a,Yes", ' ,"b, c",No', '"7",,no'), "left")
    assert table.columns["fee"].tolist()[::2] == [12.5, 7.0]
    assert np.isnan(table.columns["fee"][1])
    assert table.columns["plan"].tolist() == ["a", "b, c", None]
    assert table.churned.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("yes", "no"), [("Yes", "No"), ("1", "0"), ("TRUE", "false"), ("sì", "no"), ("y", "n")]
)
def test_the_usual_spellings_of_yes_and_no_are_understood(write, yes, no):
    table = read_table(write("fee,left", f"1,{yes}", f"2,{no}", f"3,{no}"), "left")
    assert table.churned.tolist() == [1, 0, 0]


def test_any_value_of_the_label_may_be_the_positive_one(write):
    file = write("fee,state", "1,gone", "2,here", "3,new")
    assert read_table(file, "state", positive="gone").churned.tolist() == [1, 0, 0]
    with pytest.raises(
        ContractError, match=r"'state': 3 of its 3 values are neither yes nor no .* --positive"
    ):
        read_table(file, "state")
    with pytest.raises(ContractError, match="'state' never says 'left'"):
        read_table(file, "state", positive="left")


def test_the_column_of_the_customer_is_dropped_and_so_is_one_that_is_different_in_every_row(write):
    rows = [f"c{n},{n},{n % 7},k{n},{n % 2}" for n in range(80)]
    table = read_table(write("who,row_id,fee,code,left", *rows), "left", customer_id="who")
    assert list(table.columns.columns) == ["fee"]
    assert [remark.split("'")[1] for remark in table.remarks] == ["row_id", "code"]


def test_text_that_only_churners_left_is_kept_though_no_two_say_the_same(write):
    rows = [f"{n},{'reason ' + str(n) if n % 2 else ''},{n % 2}" for n in range(200)]
    table = read_table(write("fee,why,left", *rows), "left")
    assert table.columns["why"].isna().sum() == 100


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_the_first_line_has_most_of(write, delimiter):
    rows = [["fee", "plan", "left"], ["1", "a", "1"], ["2", "b", "0"]]
    table = read_table(write(*(delimiter.join(row) for row in rows)), "left")
    assert table.columns["fee"].tolist() == [1, 2]


def test_a_decimal_comma_is_read_where_semicolons_part_the_columns_and_refused_elsewhere(write):
    table = read_table(write("fee;left", "12,5;1", "7;0"), "left")
    assert table.columns["fee"].tolist() == [12.5, 7.0]
    with pytest.raises(ContractError, match="Column 'fee' writes numbers with a comma"):
        read_table(write("fee,left", '"12,5",1', "7,0"), "left")


def test_a_mixture_of_numbers_and_text_is_refused_by_its_name(write):
    rows = [f"{'t' + str(n) if n % 3 == 0 else n},{n % 2}" for n in range(120)]
    with pytest.raises(ContractError, match="Column 'fee' mixes 80 numbers with 40 cells of text"):
        read_table(write("fee,left", *rows), "left")


def test_a_few_odd_words_among_numbers_count_as_missing_and_are_told(write):
    rows = [f"{'unknown' if n == 5 else n * 1.5},{n % 2}" for n in range(120)]
    table = read_table(write("fee,left", *rows), "left")
    assert table.columns["fee"].isna().sum() == 1
    assert table.remarks == ("Column 'fee': 1 of 120 filled cells are no numbers and count as missing.",)


def test_few_different_values_of_mixed_kind_are_a_category(write):
    rows = [f"{['1', '2', '3 or more'][n % 3]},{n % 2}" for n in range(60)]
    assert set(read_table(write("lines,left", *rows), "left").columns["lines"]) == {"1", "2", "3 or more"}


def test_a_date_is_a_number_of_days():
    typed, _ = type_column(pd.Series(["1970-01-02", "", "1970-01-01T12:00:00Z"]), "since")
    assert typed.tolist()[::2] == [1.0, 0.5]
    with pytest.raises(ContractError, match="Column 'since' holds a date that is none"):
        type_column(pd.Series(["1970-13-02"]), "since")


def test_parquet_types_are_kept_and_text_in_it_is_read_like_a_csv(tmp_path):
    frame = pd.DataFrame(
        {
            "fee": ["1", " ", "3"],
            "active": [True, False, True],
            "since": pd.to_datetime(["1970-01-02", None, "1970-01-03"]),
            "lines": pd.array([1, None, 2], dtype="Int64"),
            "plan": pd.Categorical(["a", None, "b"]),
            "left": [1, 0, 0],
        }
    )
    frame.to_parquet(tmp_path / "f.parquet")
    columns = read_table(tmp_path / "f.parquet", "left").columns
    expected = {
        "fee": [1, np.nan, 3],
        "active": [1, 0, 1],
        "since": [1, np.nan, 2],
        "lines": [1, np.nan, 2],
        "plan": ["a", None, "b"],
    }
    for name, values in expected.items():
        pd.testing.assert_series_equal(columns[name], pd.Series(values, dtype=columns[name].dtype, name=name))


@pytest.mark.parametrize(
    ("values", "message"),
    [([[1], [2]], "Column 'x' holds list"), ([1.0, float("inf")], "Column 'x' holds an infinite value")],
)
def test_what_is_neither_number_nor_text_is_refused_by_its_name(tmp_path, values, message):
    pd.DataFrame({"x": values, "left": [1, 0]}).to_parquet(tmp_path / "f.parquet")
    with pytest.raises(ContractError, match=message):
        read_table(tmp_path / "f.parquet", "left")


@pytest.mark.parametrize(
    ("lines", "error", "message"),
    [
        (("fee,gone", "1,1"), ContractError, "Column 'left' is not among the 2 columns of frame.csv"),
        (("fee,left", "1,1", "2,"), ContractError, "Label 'left' is blank in 1 rows"),
        (("fee,left", "1,1", "2,1"), NotEnoughData, "Label 'left' is the same in all 2 rows"),
        (("fee,left",), NotEnoughData, "Label 'left' is the same in all 0 rows"),
        (("left,left", "1,1"), ContractError, "frame.csv has the column 'left' twice"),
        (("left", "1", "0"), NotEnoughData, "no column is left beside the label"),
        (("fee,left", "1,1,1"), ContractError, "frame.csv cannot be read as UTF-8 CSV"),
        (("",), ContractError, "frame.csv"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(write, lines, error, message):
    with pytest.raises(error, match=message):
        read_table(write(*lines), "left")


def test_a_file_that_is_not_there_or_not_parquet_says_so(tmp_path, write):
    with pytest.raises(ContractError, match=r"There is no file gone\.csv"):
        read_table(tmp_path / "gone.csv", "left")
    with pytest.raises(ContractError, match="cannot be read as Parquet"):
        read_table(write("fee,left", name="no.parquet"), "left")


def test_a_compressed_file_is_read_like_a_plain_one(tmp_path):
    with gzip.open(tmp_path / "f.csv.gz", "wt", encoding="utf-8") as file:
        file.write("\ufefffee,left\n1,1\n2,0\n")
    assert list(read_table(tmp_path / "f.csv.gz", "left").columns.columns) == ["fee"]


def test_the_tv_subscriptions_are_read_with_their_published_counts():
    table = read_table(find_tv_file(), "target", "id").without(*TV_COSTS)
    assert table.columns.shape == (9379, 46)
    assert table.churned.sum() == 449


@given(rows=st.lists(st.tuples(st.sampled_from([1.0, 2.0, None]), st.sampled_from(["a", None])), min_size=1))
def test_rows_are_in_one_group_exactly_where_they_are_equal(rows):
    columns = pd.DataFrame(rows, columns=["x", "y"]).astype({"x": float, "y": object})
    columns["y"] = columns["y"].where(columns["y"].notna(), None)
    groups = group_rows(columns)
    assert [[a == b for b in groups] for a in groups] == [[a == b for b in rows] for a in rows]


@given(cells=st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(-1000, 1000)), min_size=1))
def test_numbers_survive_being_written_as_text(cells):
    texts = pd.Series([None if cell is None else f" {cell!r} " for cell in cells], dtype=object)
    expected = [np.nan if cell is None else float(cell) for cell in cells]
    typed, remark = type_column(texts, "x")
    if any(cell is not None for cell in cells):
        np.testing.assert_array_equal(typed.to_numpy(dtype=float), expected)
    assert remark == ""


def test_the_frame_has_slugs_for_names_and_keeps_the_own_ones_as_labels():
    columns = pd.DataFrame({"Città": [1.0, 2.0], "Piano (nuovo)": pd.Series(["a", None], dtype=object)})
    features = Table(columns, np.array([0.0, 1.0])).frame.features
    assert features.names == ("column.citta", "column.piano_nuovo")
    assert [(each.dtype, each.label) for each in features] == [
        ("float64", "Città"),
        ("category", "Piano (nuovo)"),
    ]


def test_names_fall_into_whole_words_and_ids_are_told_from_measures():
    assert words_of("CustomerStatusCode") == ("customer", "status", "code")
    assert words_of("motivo_disdetta") == ("motivo", "disdetta")
    distinct = pd.Series(np.arange(60.0))
    assert is_identifier(distinct, "RowID")
    assert not is_identifier(distinct, "paid")
    assert not is_identifier(distinct.where(distinct > 0), "id")
    assert to_texts(pd.Series(["N/A", "None"])) == [None, "None"]
