"""How often the last cutoff of a data set has been looked at, and the pages that go along with a run."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from contracts.settings import Settings, TrackingSection
from contracts.workspace import Workspace
from testkit.documents import build_document
from training import tracking
from training.page.rendering import render_files
from training.tracking import RunRecord, count_looks, open_client, record_run

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DIGEST = "ab" * 32


def record_of(version="1", **changes):
    facts = {"parameters": {"seed": 0}, "metrics": {"churn.auc": 0.7}, "folds": (), "data_digest": DIGEST}
    return RunRecord(version, version * 64, START, START, **{**facts, **changes})


def out_of_reach(workspace):
    return Workspace(workspace.root, Settings(tracking=TrackingSection(uri="http://127.0.0.1:9")))


def test_nobody_has_looked_where_nothing_was_ever_recorded(workspace):
    assert count_looks(workspace, DIGEST) == 0
    assert list(workspace.root.iterdir()) == []


def test_looks_are_runs_on_equal_data_whatever_their_version(tracked):
    for version, digest in (("1", DIGEST), ("2", DIGEST), ("3", "cd" * 32)):
        record_run(tracked, record_of(version, data_digest=digest))
    assert count_looks(tracked, DIGEST) == 2
    assert count_looks(tracked, "cd" * 32) == 1
    assert count_looks(tracked, "ef" * 32) == 0


def test_a_run_that_someone_deleted_was_a_look_all_the_same(tracked):
    reference = record_run(tracked, record_of())
    with open_client(tracked) as client:
        client.delete_run(reference.run_id)
    assert count_looks(tracked, DIGEST) == 1


def test_a_run_half_sent_that_still_waits_counts_once(tracked, monkeypatch):
    def fail(*given):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(tracking, "_log_files", fail)
        assert record_run(tracked, record_of(pages={"report.json": b"{}"})) is None
    assert count_looks(tracked, DIGEST) == 1


def test_more_runs_than_one_page_of_answers_are_all_counted(tracked, monkeypatch):
    from mlflow import MlflowClient

    genuine = MlflowClient.search_runs
    asked = []

    def search_one_at_a_time(self, *given, **named):
        asked.append(named.get("page_token"))
        return genuine(self, *given, **named, max_results=1)

    for version in ("1", "2", "3"):
        record_run(tracked, record_of(version))
    monkeypatch.setattr(MlflowClient, "search_runs", search_one_at_a_time)
    assert count_looks(tracked, DIGEST) == 3
    assert len(asked) >= 3


@pytest.mark.parametrize("fault", ["away", "no database", "damaged spool"])
def test_the_count_is_unknown_rather_than_too_low_where_mlflow_cannot_be_asked(tracked, monkeypatch, fault):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    workspace = tracked
    if fault == "away":
        workspace = out_of_reach(tracked)
    elif fault == "no database":
        (tracked.root / "mlflow.db").write_bytes(b"this is no database" * 100)
    else:
        (tracked.root / "mlflow-spool").mkdir()
        (tracked.root / "mlflow-spool" / "000000001-x.json").write_text("{", encoding="utf-8")
    assert count_looks(workspace, DIGEST) is None


def test_pages_and_document_lie_beside_the_plots_of_a_run(tracked):
    pages = render_files(build_document("few"))
    reference = record_run(tracked, record_of(pages=pages))
    with open_client(tracked) as client:
        found = {item.path for item in client.list_artifacts(reference.run_id, "report")}
    assert found == {"report/report.json", "report/report.en.html", "report/report.it.html"}
    logged = next(tracked.artifacts.rglob("report.it.html"))
    assert logged.read_bytes() == pages["report.it.html"]


def test_a_record_spooled_before_there_were_pages_keeps_its_name_and_content():
    record = record_of()
    old = {name: value for name, value in record.to_dict().items() if name != "pages"}
    again = RunRecord.from_dict(json.loads(json.dumps(old)))
    assert again == record
    assert again.name == record.name
    assert "pages" not in again.to_dict()


def test_pages_survive_their_wait_in_the_spool():
    record = record_of(pages={"report.en.html": "<p>€</p>".encode()})
    again = RunRecord.from_dict(json.loads(json.dumps(record.to_dict())))
    assert again == record
    assert again.name == record.name != replace(record, pages={}).name
