"""The list as a file: every row once, numbers as numbers, no cell that acts."""

import csv
import io
import json

import pytest

from serving.desk.export import COLUMNS, make_inert, write_list
from serving.desk.state import ListState
from serving.desk.words import load_words
from serving.store.generations import open_store
from serving.store.rows import Selection
from testkit.desk import build_row, make_workspace, write_generation

PAYLOADS = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    '=HYPERLINK("http://x","y")',
    "＋1",
    "－1",
    "＠x",
]


def read_csv(answer, language):
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    text = answer.content.decode("utf-8")
    assert text.startswith("\ufeff") == (language == "it")
    rows = list(
        csv.reader(
            io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=";" if language == "it" else ","
        )
    )
    assert rows[0] == [load_words(language)(f"csv.{column}") for column in COLUMNS]
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows[1:]]


def test_the_file_holds_the_whole_list_in_its_order(person, tenants, monkeypatch):
    monkeypatch.setattr("serving.desk.export.ROWS_AT_ONCE", 20)
    (tenant,) = tenants
    rows = read_csv(person.get("/desk/export.csv?lang=en&sort=value_at_risk&after=1"), "en")
    stored = tenant.store.page(Selection("value_at_risk"), "en", 500)
    assert [row["customer"] for row in rows] == [score.customer_id for score in stored]
    assert [int(row["rank"]) for row in rows] == list(range(1, len(stored) + 1))
    for row, score in zip(rows, stored, strict=True):
        record = json.loads(score.record_en)
        assert float(row["value_at_risk"]) == record["value_at_risk"]
        assert float(row["chance"]) == pytest.approx(100 * record["churn_probability"], abs=0.051)


def test_the_filters_of_the_list_hold_for_the_file(person):
    rows = read_csv(person.get("/desk/export.csv?lang=en&band=high&segment=lapsed"), "en")
    assert rows
    assert {(row["risk"], row["segment"]) for row in rows} == {("high", "lapsed")}


def test_italian_excel_gets_semicolons_commas_and_its_mark(person):
    answer = person.get("/desk/export.csv?lang=it")
    rows = read_csv(answer, "it")
    assert 'filename="clienti-a-rischio-2026-11-20.csv"' in answer.headers["content-disposition"]
    assert all("," in row["value_at_risk"] and "." not in row["value_at_risk"] for row in rows)
    assert {row["risk"] for row in rows} <= {"alto", "medio", "basso"}


@pytest.mark.parametrize("language", ["en", "it"])
def test_no_cell_acts_and_negative_numbers_stay_numbers(tmp_path, visit, language):
    workspace = make_workspace(tmp_path / "shop", count=0)
    store = open_store(workspace)
    rows = [build_row(1, customer_id=text, segment="regular", value_at_risk=-12.5) for text in PAYLOADS]
    write_generation(store, iter(rows))
    store.close()
    read = read_csv(visit([workspace]).get(f"/desk/export.csv?lang={language}"), language)
    assert sorted(row["customer"] for row in read) == sorted(f"'{text}" for text in PAYLOADS)
    assert {row["value_at_risk"] for row in read} == {"-12,50" if language == "it" else "-12.50"}


def test_text_that_cannot_act_is_left_alone():
    assert [make_inert(text) for text in ("C-1", "", "a=b", "'x")] == ["C-1", "", "a=b", "'x"]


def test_a_file_that_must_end_early_says_so_in_its_last_row(tenants, monkeypatch):
    monkeypatch.setattr("serving.desk.export.ROWS_AT_ONCE", 20)
    (tenant,) = tenants
    info = tenant.store.current()
    rows = list(csv.reader(io.StringIO("".join(write_list(tenant.store, ListState("en"), info, seconds=0)))))
    assert len(rows) == 22
    assert rows[-1][0].startswith("The file ends here, after 20 customers")


def test_missing_numbers_are_empty_cells(tmp_path, visit):
    workspace = make_workspace(tmp_path / "shop", count=0)
    store = open_store(workspace)
    write_generation(store, iter([build_row(2, p_alive=None, reasons=())]))
    store.close()
    (row,) = read_csv(visit([workspace]).get("/desk/export.csv?lang=en"), "en")
    assert (row["alive"], row["reason"], row["reasons"]) == ("", "", "")


def test_a_link_to_the_file_keeps_order_and_filters():
    state = ListState("it", sort="value_at_risk", band="high", trail=(3,), generation="g")
    assert (
        state.at_start().address("/desk/export.csv")
        == "/desk/export.csv?lang=it&sort=value_at_risk&band=high"
    )
