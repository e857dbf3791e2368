"""``fedele ingest`` and ``fedele check`` as a person or a program calls them."""

import json

import pytest
import typer
from typer.testing import CliRunner

from cli.check import check
from cli.ingest import ingest
from testkit.stores import write_lines

app = typer.Typer()
app.command()(ingest)
app.command()(check)


@pytest.fixture
def call(tmp_path, monkeypatch):
    (tmp_path / "fedele.toml").write_text("schema_version = 1\n")
    lines = ("id;customer_id;When;amount", "a;c;31/12/2025;1.234,50", "b;c;31/12/2025;x")
    write_lines(tmp_path / "orders.csv", *lines)
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, words)


OPTIONS = (
    "--map",
    "id=order_id",
    "--map",
    "When=occurred_at",
    "--delimiter",
    ";",
    "--decimal",
    ",",
    "--dates",
    "%d/%m/%Y",
)


def test_a_load_prints_one_object_with_its_account_and_keeps_the_options(call):
    first = call("ingest", "orders", "orders.csv", "--source", "till", *OPTIONS, "--json")
    account = json.loads(first.stdout)
    names = ("table", "read", "loaded", "duplicate", "quarantined")
    assert [account[name] for name in names] == ["orders", 2, 1, 0, 1]
    assert account["loads"][0]["reasons"] == {"not_a_number": 1}
    again = json.loads(call("ingest", "orders", "orders.csv", "--source", "till", "--json").stdout)
    assert (again["loaded"], again["duplicate"], again["quarantined"]) == (0, 1, 1)


def test_the_prose_names_counts_reasons_and_what_was_kept(call):
    told = call("ingest", "orders", "orders.csv", "--source", "till", *OPTIONS).stdout
    assert "2 rows read = 1 loaded + 0 duplicate + 1 quarantined" in told
    assert "1 x not_a_number: the field is no number" in told
    assert "kept in fedele.toml under [sources.till]" in told


def test_a_dry_run_ends_with_a_line_that_loads_the_file(call):
    seen = json.loads(
        call(
            "ingest",
            "orders",
            "orders.csv",
            "--dry-run",
            "--map",
            "id=order_id",
            "--map",
            "When=occurred_at",
            "--json",
        ).stdout
    )
    assert seen["rows"][0]["amount"] == "1234.50"
    assert seen["rows"][0]["occurred_at"] == "2025-12-31T00:00:00Z"
    words = [word.strip("'") for word in seen["command"].split()[1:]]
    assert json.loads(call(*words, "--json").stdout)["loaded"] == 1


def test_loads_are_listed_and_taken_back(call):
    call("ingest", "orders", "orders.csv", *OPTIONS)
    listed = json.loads(call("ingest", "--list", "--json").stdout)
    assert [row["line"] for row in listed["quarantine"]] == [3]
    undone = json.loads(call("ingest", "--undo", listed["loads"][0]["load"], "--json").stdout)
    assert (undone["removed"], undone["restored"], undone["replaced"]) == (1, 0, 0)
    assert "undo" in call("ingest", "--list").stdout


def test_a_template_is_printed_anywhere(call):
    assert call("ingest", "--template", "tickets").stdout.startswith(
        "ticket_id,customer_id,occurred_at,priority"
    )


def test_naming_no_file_is_bad_usage(call):
    assert call("ingest", "orders").exit_code == 2


def test_check_prints_the_verdict_and_the_tables(call):
    call("ingest", "orders", "orders.csv", *OPTIONS)
    found = json.loads(call("check", "--as-of", "2026-01-31", "--json").stdout)
    assert found["ready"] is False
    assert found["tables"]["orders"] == {
        "rows": 1, "customers": 1, "from": "2025-12-31T00:00:00Z", "to": "2025-12-31T00:00:00Z",
    }  # fmt: skip
    assert call("check", "--as-of", "2026-01-31").stdout.startswith("Not ready to train yet.")
