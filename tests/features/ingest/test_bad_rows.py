"""Every kind of bad row is quarantined with line, column and code; the good ones are loaded."""

import pytest

from features.ingest.reasons import REASONS, explain_reason
from features.store.quarantine import read_listing
from testkit.stores import load_lines, make_workspace, read_rows

HEADER = "order_id,customer_id,occurred_at,amount,currency,margin,channel,refund_of"
GOOD = (
    "g1,c1,2026-01-02,100.00,EUR,,web,",
    "g2,c2,2026-01-02T10:00:00+01:00,0.00,EUR,0.5,,",
    "g3,c1,2026-01-05T10:00:00Z,-40.00,EUR,,,g1",
    "g4,c1,2026-01-06,-60.00,EUR,,,",
    "g5,c3,2026-06-01T12:04:00Z,1e2,eur,,,",
)
BAD = {
    "b1,,2026-01-02,5,EUR,,,": ("customer_id", "blank_id"),
    "b2,NULL,2026-01-02,5,EUR,,,": ("customer_id", "blank_id"),
    "b3,nan,2026-01-02,5,EUR,,,": ("customer_id", "blank_id"),
    "b4,None,2026-01-02,5,EUR,,,": ("customer_id", "blank_id"),
    "b5,n/a,2026-01-02,5,EUR,,,": ("customer_id", "blank_id"),
    "b6,-,2026-01-02,5,EUR,,,": ("customer_id", "blank_id"),
    "b7,   ,2026-01-02,5,EUR,,,": ("customer_id", "blank_id"),
    'b8,"",2026-01-02,5,EUR,,,': ("customer_id", "blank_id"),
    f"b9,{'x' * 257},2026-01-02,5,EUR,,,": ("customer_id", "too_long"),
    "c1,c\x00d,2026-01-02,5,EUR,,,": ("customer_id", "nul_byte"),
    ",c9,2026-01-02,5,EUR,,,": ("order_id", "blank_id"),
    "d1,c9,2026-02-30,5,EUR,,,": ("occurred_at", "no_such_date"),
    "d2,c9,31/12/2025,5,EUR,,,": ("occurred_at", "date_format"),
    "d3,c9,2026-01-02 10:00,5,EUR,,,": ("occurred_at", "no_timezone"),
    "d4,c9,1970-01-01,5,EUR,,,": ("occurred_at", "too_early"),
    "d5,c9,2999-01-01,5,EUR,,,": ("occurred_at", "in_future"),
    "d6,c9,2026-06-01T12:06:00Z,5,EUR,,,": ("occurred_at", "in_future"),
    "d7,c9,,5,EUR,,,": ("occurred_at", "missing"),
    "d8,c9,2026-01-02T25:00:00Z,5,EUR,,,": ("occurred_at", "no_such_date"),
    'e1,c9,2026-01-02,"12,50",EUR,,,': ("amount", "decimal_comma"),
    'e2,c9,2026-01-02,"1.234,56",EUR,,,': ("amount", "decimal_comma"),
    'e3,c9,2026-01-02,"1,234.56",EUR,,,': ("amount", "decimal_point"),
    "e4,c9,2026-01-02,€12,EUR,,,": ("amount", "currency_sign"),
    "e5,c9,2026-01-02,1e400,EUR,,,": ("amount", "out_of_range"),
    "e6,c9,2026-01-02,NaN,EUR,,,": ("amount", "not_a_number"),
    "e7,c9,2026-01-02,,EUR,,,": ("amount", "missing"),
    "e8,c9,2026-01-02,2000000000,EUR,,,": ("amount", "out_of_bounds"),
    "e9,c9,2026-01-02,twelve,EUR,,,": ("amount", "not_a_number"),
    "f0,c9,2026-01-02,inf,EUR,,,": ("amount", "not_a_number"),
    "f1,c9,2026-01-02,5,GBP,,,": ("currency", "currency_other"),
    "f2,c9,2026-01-02,5,JPY,,,": ("currency", "currency_other"),
    "f3,c9,2026-01-02,5,EURO,,,": ("currency", "currency_malformed"),
    "f4,c9,2026-01-02,5,,,,": ("currency", "currency_missing"),
    "f5,c9,2026-01-02,5,EUR,1.5,,": ("margin", "out_of_bounds"),
    "h1,c1,2026-01-09,-5,EUR,,,": ("refund_of", "refund_unmatched"),
    "h2,c1,2026-01-09,-5,EUR,,,nowhere": ("refund_of", "refund_unmatched"),
    "h3,c1,2026-01-01,-5,EUR,,,g1": ("refund_of", "refund_unmatched"),
    "h4,c1,2026-01-09,-900,EUR,,,g1": ("amount", "refund_exceeds"),
    "h5,c1,2026-01-09,5,EUR,,,g1": ("amount", "refund_positive"),
    "i1,c9,2026-01-02,5,EUR,,,": ("order_id", "conflict"),
    "i1,c9,2026-01-02,6,EUR,,,": ("order_id", "conflict"),
    "j1,c9,2026-01-02": ("", "broken_line"),
    "j2,c9,2026-01-02,5,EUR,,,,,": ("", "broken_line"),
    'j3,c9,2026-01-02,5,EUR,,"never closed,': ("", "broken_line"),
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    workspace = make_workspace(tmp_path_factory.mktemp("bad"))
    lines = [*GOOD[:2], *BAD, *GOOD[2:]]
    report = load_lines(workspace, "orders", HEADER, *lines)
    return workspace, report, lines


def test_the_good_rows_around_bad_ones_are_loaded(loaded):
    workspace, report, _ = loaded
    assert [row["row_key"] for row in read_rows(workspace, "orders")] == ["g1", "g2", "g3", "g4", "g5"]
    assert (report.loaded, report.clamped) == (len(GOOD), 1)


def test_every_row_read_is_loaded_duplicate_or_quarantined(loaded):
    _, report, lines = loaded
    assert report.read == len(lines) == report.loaded + report.duplicate + report.quarantined
    assert report.quarantined == len(BAD)


@pytest.mark.parametrize("line", BAD)
def test_a_bad_row_is_listed_with_its_line_column_and_reason(loaded, line):
    workspace, _, lines = loaded
    listed = {row["line"]: row for row in read_listing(workspace.events)}
    column, code = BAD[line]
    row = listed[lines.index(line) + 2]
    assert (row["column"], row["code"]) == (column, code)
    assert row["reason"] == explain_reason(code, column)


def test_no_reason_repeats_what_the_row_said(loaded):
    workspace, _, _ = loaded
    assert not any(
        "c9" in row["reason"] or "nowhere" in row["reason"] for row in read_listing(workspace.events)
    )


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_reads_as_a_sentence_part(code):
    assert explain_reason(code, "amount").islower() or len(explain_reason(code, "amount")) > 20


def test_a_time_in_the_hour_of_the_clock_change_is_quarantined(tmp_path):
    workspace = make_workspace(tmp_path)
    lines = ("a,c,2025-03-30 02:30,5", "b,c,2025-10-26 02:30,5", "d,c,2025-10-26 03:30,5")
    report = load_lines(
        workspace, "orders", "order_id,customer_id,occurred_at,amount", *lines, timezone="Europe/Rome"
    )
    assert report.reasons == {"time_skipped": 1, "time_twice": 1}
    assert read_rows(workspace, "orders")[0]["occurred_at"].isoformat() == "2025-10-26T02:30:00+00:00"


@pytest.mark.parametrize(
    ("dates", "text", "instant"),
    [
        ("%d/%m/%Y", "31/12/2025", "2025-12-30T23:00:00+00:00"),
        ("DD.MM.YYYY HH:mm", "31.12.2025 10:15", "2025-12-31T09:15:00+00:00"),
        ("%Y%m%d", "20250701", "2025-06-30T22:00:00+00:00"),
        (None, "2025-07-01", "2025-06-30T22:00:00+00:00"),
        (None, "2025-07-01T10:00:00.5Z", "2025-07-01T10:00:00.500000+00:00"),
        (None, "2025-07-01 10:00 +02:00", "2025-07-01T08:00:00+00:00"),
    ],
)
def test_a_declared_format_and_zone_are_followed(tmp_path, dates, text, instant):
    workspace = make_workspace(tmp_path)
    load_lines(
        workspace,
        "orders",
        "order_id,customer_id,occurred_at,amount",
        f"a,c,{text},5",
        dates=dates,
        timezone="Europe/Rome",
    )
    assert read_rows(workspace, "orders")[0]["occurred_at"].isoformat() == instant


@pytest.mark.parametrize(
    ("decimal", "text", "amount"),
    [
        (",", "12,50", "12.50"),
        (",", "1.234,56", "1234.56"),
        (".", "1,234.56", "1234.56"),
        (None, "12.505", "12.51"),
    ],
)
def test_a_declared_decimal_sign_is_followed(tmp_path, decimal, text, amount):
    workspace = make_workspace(tmp_path)
    lines = ("order_id;customer_id;occurred_at;amount", f"a;c;2026-01-02;{text}")
    load_lines(workspace, "orders", *lines, decimal=decimal, delimiter=";")
    assert str(read_rows(workspace, "orders")[0]["amount"]) == amount


def test_another_currency_is_converted_at_the_rate_of_its_day(tmp_path):
    rates = [
        {"currency": "GBP", "date": day, "rate": rate}
        for day, rate in (("2026-01-01", 1.15), ("2026-02-01", 1.2))
    ]
    workspace = make_workspace(tmp_path, rates=rates)
    lines = ("a,c,2026-01-31,10.01,GBP", "b,c,2026-02-01,10.00,GBP", "d,c,2025-12-31,10.00,GBP")
    report = load_lines(workspace, "orders", "order_id,customer_id,occurred_at,amount,currency", *lines)
    stored = read_rows(workspace, "orders")
    assert [(str(row["amount"]), row["currency"]) for row in stored] == [("11.51", "EUR"), ("12.00", "EUR")]
    assert report.reasons == {"currency_other": 1}


def test_bytes_of_another_encoding_cost_their_own_line_only(tmp_path):
    workspace = make_workspace(tmp_path)
    file = tmp_path / "latin.csv"
    file.write_bytes(
        b"order_id,customer_id,occurred_at,amount,channel\na,c,2026-01-02,5,caf\xe9\nb,c,2026-01-02,5,web\n"
    )
    from contracts.settings import SourceSection
    from features.ingest.load import ingest_file
    from testkit.stores import NOW

    report = ingest_file(workspace, "orders", file, SourceSection(), source="shop", now=NOW)
    assert (report.loaded, report.reasons) == (1, {"encoding": 1})
    again = ingest_file(workspace, "orders", file, SourceSection(encoding="cp1252"), source="shop", now=NOW)
    assert (again.loaded, again.duplicate) == (1, 1)
    assert read_listing(workspace.events) == []


def test_feedback_outside_its_own_scale_is_quarantined(tmp_path):
    workspace = make_workspace(tmp_path)
    lines = (
        "f1,c,2026-01-02,nps_relational,11,,",
        "f2,c,2026-01-02,csat,4,1,5",
        "f3,c,2026-01-02,csat,6,1,5",
    )
    header = "feedback_id,customer_id,occurred_at,kind,score,scale_min,scale_max"
    report = load_lines(workspace, "feedback", header, *lines, "f4,c,2026-01-02,mood,4,1,5")
    assert (report.loaded, report.reasons) == (1, {"out_of_bounds": 2, "not_allowed": 1})


def test_a_state_earlier_than_its_row_is_quarantined_and_a_future_end_is_not(tmp_path):
    workspace = make_workspace(tmp_path)
    header = "subscription_id,customer_id,occurred_at,ended_at,monthly_fee"
    lines = ("s1,c,2026-01-02,2026-01-01,5", "s2,c,2026-01-02,2027-01-01,5", "s3,c,2026-01-02,NULL,5")
    report = load_lines(workspace, "subscriptions", header, *lines)
    assert (report.loaded, report.reasons) == (2, {"before_start": 1})
