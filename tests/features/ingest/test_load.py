"""Files of several makes give the same rows; what cannot be read as a whole says why."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.errors import IngestError, SettingsError
from contracts.events import TABLES
from contracts.settings import SourceSection
from features.ingest.load import ingest_file
from features.ingest.template import render_template
from features.store.delta import column_kinds
from features.store.quarantine import read_listing
from testkit.stores import NOW, load_lines, make_workspace, read_rows, write_lines

HEADER = "order_id,customer_id,occurred_at,amount"


def contents_of(workspace, table="orders"):
    return [(row["row_key"], row["content"]) for row in read_rows(workspace, table)]


def test_parquet_gives_the_same_rows_as_csv(tmp_path):
    text, typed = make_workspace(tmp_path / "csv"), make_workspace(tmp_path / "parquet")
    load_lines(text, "orders", f"{HEADER},margin", "a,c1,2026-01-02,5.10,0.5", "b,c2,2026-01-03T10:00:00Z,7,")
    instants = pa.array(["2026-01-02T00:00:00Z", "2026-01-03T10:00:00Z"]).cast(pa.timestamp("ns", "UTC"))
    columns = {"order_id": ["a", "b"], "customer_id": ["c1", "c2"], "occurred_at": instants}
    file = typed.root / "orders.parquet"
    pq.write_table(pa.table(columns | {"amount": [5.1, 7.0], "margin": [0.5, None]}), file)
    report = ingest_file(typed, "orders", file, SourceSection(decimal=","), source="shop", now=NOW)
    assert report.loaded == 2
    assert contents_of(typed) == contents_of(text)


def test_a_naive_parquet_time_needs_a_zone_too(tmp_path):
    workspace = make_workspace(tmp_path)
    instants = pa.array(["2026-01-02T10:00:00"]).cast(pa.timestamp("us"))
    pq.write_table(
        pa.table({"customer_id": ["c"], "occurred_at": instants, "amount": [5]}), tmp_path / "o.parquet"
    )
    report = ingest_file(workspace, "orders", tmp_path / "o.parquet", SourceSection(), source="shop", now=NOW)
    assert report.reasons == {"no_timezone": 1}


@pytest.mark.parametrize("broken", [False, True])
def test_the_patient_and_the_quick_reader_give_the_same_rows(tmp_path, broken):
    workspace = make_workspace(tmp_path)
    lines = (
        f"{HEADER},channel",
        'a,c1,2026-01-02,5,"web, ""big"""',
        "b,c2,2026-01-03,7,",
        " d ,c3,2026-01-03, 7 ,x",
    )
    load_lines(workspace, "orders", *lines, *(["oops"] if broken else []))
    channels = {row["row_key"]: row["channel"] for row in read_rows(workspace, "orders")}
    assert channels == {"a": 'web, "big"', "b": None, "d": "x"}
    assert [row["line"] for row in read_rows(workspace, "orders")] == [2, 3, 4]


def test_a_field_over_several_lines_keeps_the_numbers_of_those_after_it(tmp_path):
    workspace = make_workspace(tmp_path)
    lines = (
        'f1,c,2026-01-02,verbatim,"one\ntwo\nthree"',
        "f2,c,2026-02-30,verbatim,x",
        "",
        "f3,c,2026-01-02,verbatim,y",
    )
    report = load_lines(workspace, "feedback", "feedback_id,customer_id,occurred_at,kind,text", *lines)
    assert [row["line"] for row in read_rows(workspace, "feedback")] == [2, 7]
    assert (report.read, [row["line"] for row in read_listing(workspace.events)]) == (3, [5])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_declared_encoding_is_followed(tmp_path, encoding):
    workspace = make_workspace(tmp_path)
    file = write_lines(tmp_path / "f.csv", f"{HEADER},channel", "a,c,2026-01-02,5,caffè", encoding=encoding)
    ingest_file(workspace, "orders", file, SourceSection(encoding=encoding), source="shop", now=NOW)
    assert read_rows(workspace, "orders")[0]["channel"] == "caffè"


def test_columns_are_mapped_and_unknown_ones_counted(tmp_path):
    workspace = make_workspace(tmp_path)
    lines = ("Invoice,Customer,When,Total,Note", "a,c,2026-01-02,5,hello")
    mapping = {"Invoice": "order_id", "Customer": "customer_id", "When": "occurred_at", "Total": "amount"}
    report = load_lines(workspace, "orders", *lines, map=mapping)
    assert (report.loaded, report.ignored) == (1, ("Note",))


def test_lines_of_an_order_become_one_order(tmp_path):
    workspace = make_workspace(tmp_path)
    lines = (
        "a,c,2026-01-02T10:00:00Z,5",
        "a,c,2026-01-02T09:00:00Z,7.5",
        "b,c,2026-01-03,1",
        "b,c,2026-01-03,1",
    )
    report = load_lines(workspace, "orders", HEADER, *lines, lines=True)
    stored = read_rows(workspace, "orders")
    assert (report.read, report.loaded) == (4, 4)
    assert [str(row["amount"]) for row in stored] == ["12.50", "2.00"]
    assert stored[0]["occurred_at"].isoformat() == "2026-01-02T09:00:00+00:00"
    assert load_lines(workspace, "orders", HEADER, *lines[::-1], lines=True, name="b.csv").duplicate == 4


def test_no_line_of_an_order_is_loaded_when_one_is_bad(tmp_path):
    workspace = make_workspace(tmp_path)
    lines = (
        "a,c,2026-01-02,5",
        "a,c,2026-01-02,x",
        "b,c,2026-01-03,1",
        "b,d,2026-01-03,1",
        "e,c,2026-01-04,-9",
        "e,c,2026-01-04,-9",
    )
    report = load_lines(workspace, "orders", HEADER, *lines, lines=True)
    assert report.reasons == {
        "line_differs": 2,
        "refund_unmatched": 2,
        "line_of_bad_order": 1,
        "not_a_number": 1,
    }
    assert [row["line"] for row in read_listing(workspace.events)] == [2, 3, 4, 5, 6, 7]


def test_further_columns_of_customers_become_typed_attributes(tmp_path):
    workspace = make_workspace(tmp_path)
    lines = (
        "customer_id,occurred_at,Tenure Months,Paperless,Città,Load",
        "c1,2026-01-02,3,yes,Roma,",
        "c2,2026-01-02,4.5,no,,",
    )
    load_lines(workspace, "customers", *lines)
    stored = read_rows(workspace, "customers")
    assert [(row["tenure_months"], row["paperless"], row["citta"]) for row in stored] == [
        (3.0, True, "Roma"),
        (4.5, False, None),
    ]
    kinds = column_kinds(workspace.events / "customers")
    assert (kinds["tenure_months"], kinds["paperless"], kinds["citta"]) == ("number", "flag", "string")
    assert "load_value" not in kinds
    report = load_lines(
        workspace, "customers", lines[0], "c3,2026-01-02,many,no,,", "c4,2026-01-02,5,no,7,x", name="b.csv"
    )
    assert (report.loaded, report.reasons) == (1, {"attribute_type": 1})
    assert read_rows(workspace, "customers")[-1]["citta"] == "7"


@pytest.mark.parametrize("table", TABLES)
def test_the_template_of_a_table_loads_as_it_stands(tmp_path, table):
    workspace = make_workspace(tmp_path)
    report = load_lines(workspace, table, *render_template(table).splitlines())
    assert (report.loaded, report.reasons) == (2, {})


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        (
            (HEADER.replace("amount", "total"), "a,c,2026-01-02,5"),
            {},
            "has no column for amount: name it with --map THEIRS=amount",
        ),
        ((HEADER.replace(",", ";"), "a;c;2026-01-02;5"), {}, "--delimiter ';'"),
        ((), {}, "is empty"),
        ((f"{HEADER},amount", "a,c,2026-01-02,5,5"), {}, "two columns for amount"),
        ((HEADER, "a,c,2026-01-02,5"), {"recorded_at": "seen"}, "no column 'seen' for --recorded-at"),
        ((HEADER, "a,c,2026-01-02,5"), {"encoding": "klingon"}, "does not read as klingon"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(tmp_path, lines, options, message):
    with pytest.raises(IngestError, match=message):
        load_lines(make_workspace(tmp_path), "orders", *lines, **options)


def test_an_unknown_table_zone_or_file_is_refused(tmp_path):
    workspace = make_workspace(tmp_path)
    with pytest.raises(IngestError, match="There is no table 'order': choose one of customers, orders"):
        load_lines(workspace, "order", HEADER)
    with pytest.raises(SettingsError, match="'Rome' is no time zone"):
        load_lines(workspace, "orders", HEADER, "a,c,2026-01-02,5", timezone="Rome")
    with pytest.raises(IngestError, match=r"absent\.csv cannot be read"):
        ingest_file(workspace, "orders", tmp_path / "absent.csv", SourceSection(), source="shop", now=NOW)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1nonsense")
    with pytest.raises(IngestError, match="damaged Parquet file"):
        ingest_file(workspace, "orders", tmp_path / "bad.parquet", SourceSection(), source="shop", now=NOW)
