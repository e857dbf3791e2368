"""``fedele demo`` on a tenth of the real log: everything once, and the five customers worth a contact."""

import json

import pytest

from cli import cdnow
from cli.cdnow import HEADER, read_cdnow, save_cdnow
from contracts.workspace import open_workspace
from training.bundle import read_champion

pytestmark = pytest.mark.xdist_group("demo")


def test_the_log_inside_lifetimes_is_the_published_one():
    rows = list(read_cdnow())
    assert len(rows) == 69_659
    assert len({customer for customer, _, _ in rows}) == 23_570
    assert (min(day for _, day, _ in rows), max(day for _, day, _ in rows)) == ("1997-01-01", "1998-06-30")
    assert sum(round(float(amount) * 100) for _, _, amount in rows) == 250_031_563


def test_the_log_is_saved_as_orders_without_ids(tmp_path, monkeypatch):
    monkeypatch.setattr(cdnow, "read_cdnow", lambda: iter([("00001", "1997-01-01", "11.77")]))
    assert save_cdnow(tmp_path / "log.csv") == 1
    assert (tmp_path / "log.csv").read_text(encoding="utf-8").splitlines() == [
        ",".join(HEADER),
        "00001,1997-01-01,11.77",
    ]


@pytest.fixture(scope="module")
def tenth():
    """Every tenth customer's purchases."""
    return [row for row in read_cdnow() if int(row[0]) % 10 == 0]


@pytest.fixture
def said(fedele, tmp_path, monkeypatch, tenth):
    monkeypatch.setattr(cdnow, "read_cdnow", lambda: iter(tenth))
    monkeypatch.chdir(tmp_path)
    return fedele("demo", "--no-serve", "--json")


def test_one_command_leads_from_purchases_to_five_customers_and_why(said, tmp_path, tenth, fedele):
    assert said.status == 0
    found = json.loads(said.out)
    assert found["read"] == found["loaded"] + found["duplicate"] == len(tenth)
    customers = len({customer for customer, _, _ in tenth})
    assert found["scored"] + sum(found["not_scored"].values()) == customers
    assert set(found["not_scored"]) <= {"no_first_order"}
    assert found["churn"]["auc"] > 0.7
    assert found["feedback"] > len(tenth) / 5
    assert f"the {found['feedback']:,} answers and comments are simulated" in said.err
    worth = found["worth_a_contact"]
    assert len(worth) == 5
    values = [record["contact_value"] for record in worth]
    assert values == sorted(values, reverse=True)
    assert all(record["reasons"] and record["segment"] != "lapsed" for record in worth)
    assert all(f"Customer {record['customer_id']}: " in said.err for record in worth)
    assert "Traceback" not in said.err
    workspace = open_workspace(tmp_path / "demo-workspace")
    assert read_champion(workspace)[0] == found["model_version"] == "1"
    assert workspace.settings.workspace.as_of == "1998-07-01"
    assert not workspace.settings.training.histories
    assert "simulated feedback" in workspace.settings.workspace.name
    shown = [*worth, *found["heard"]]
    spoken = [reason for record in shown for reason in record["reasons"] if reason["family"] == "voice"]
    assert spoken
    assert spoken[0]["text"] in said.err
