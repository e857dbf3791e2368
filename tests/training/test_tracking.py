"""Runs reach MLflow whole, or wait for it; MLflow's global state and the current folder stay as they were."""

import json
import logging
import os
import socket
import threading
import warnings
from datetime import UTC, datetime, timedelta

import mlflow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.settings import Settings, TrackingSection
from contracts.workspace import Workspace
from training import tracking
from training.bundle import find_digest
from training.tracking import RunRecord, open_client, record_run, send_waiting

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n"


def record_of(workspace, version="1", **changes):
    facts = {
        "version": version,
        "digest": find_digest(workspace.bundles / version),
        "started_at": START,
        "ended_at": START + timedelta(minutes=2),
        "parameters": {"horizon_days": 90, "currency": "EUR", "unset": None, "long": "x" * 2000},
        "metrics": {"churn.auc": 0.76, "clv.mae": 12.5, "unset": None},
        "folds": ({"churn.auc": 0.71}, {"churn.auc": 0.73}, {"churn.auc": None}),
        "data_digest": "ab" * 32,
        "plots": {"gain.png": PNG},
    }
    return RunRecord(**{**facts, **changes})


def with_uri(workspace, uri):
    return Workspace(workspace.root, Settings(tracking=TrackingSection(uri=uri)))


def waiting(workspace):
    return sorted(file.name for file in (workspace.root / "mlflow-spool").glob("*"))


def fetch_runs(workspace):
    with open_client(workspace) as client:
        experiment = client.get_experiment_by_name("fedele")
        return client.search_runs([experiment.experiment_id])


@pytest.fixture
def server():
    """A server on this machine that answers every request with what the test says."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()
    says = {"reply": b""}

    def answer():
        listener.settimeout(0.1)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.recv(65536)
                connection.sendall(says["reply"])

    thread = threading.Thread(target=answer)
    thread.start()
    says["uri"] = f"http://127.0.0.1:{listener.getsockname()[1]}"
    yield says
    stop.set()
    thread.join()
    listener.close()


def test_a_run_holds_parameters_metrics_folds_plots_and_the_bundle(tracked):
    reference = record_run(tracked, record_of(tracked))
    with open_client(tracked) as client:
        run = client.get_run(reference.run_id)
        history = client.get_metric_history(reference.run_id, "fold/churn.auc")
        artifacts = {
            item.path
            for folder in ("plots", "bundle")
            for item in client.list_artifacts(reference.run_id, folder)
        }
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 120_000
    assert run.data.params == {
        "horizon_days": "90", "currency": "EUR", "long": "x" * 500, "data_digest": "ab" * 32,
    }  # fmt: skip
    assert run.data.metrics["churn.auc"] == 0.76
    assert "unset" not in run.data.metrics
    assert [(point.step, point.value) for point in history] == [(0, 0.71), (1, 0.73)]
    assert artifacts >= {"plots/gain.png", "bundle/manifest.json", "bundle/churn.lgb.txt"}
    assert run.data.tags["fedele.version"] == "1"
    assert waiting(tracked) == []


def test_recording_twice_makes_one_run(tracked):
    first, second = (record_run(tracked, record_of(tracked)) for _ in range(2))
    assert first == second
    assert len(fetch_runs(tracked)) == 1


def test_more_numbers_than_one_batch_takes_all_arrive(tracked):
    metrics = {f"m{place}": float(place) for place in range(250)}
    parameters = {f"p{place}": place for place in range(120)}
    record_run(tracked, record_of(tracked, metrics=metrics, parameters=parameters))
    (run,) = fetch_runs(tracked)
    assert {name: run.data.metrics[name] for name in metrics} == metrics
    assert len(run.data.params) == 121


def test_artifacts_stay_in_the_workspace_and_nothing_lands_in_the_current_folder(
    tracked, tmp_path, monkeypatch
):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    record_run(tracked, record_of(tracked))
    assert list(here.iterdir()) == []
    assert next(tracked.artifacts.rglob("manifest.json")).is_file()


def test_the_global_state_of_mlflow_and_of_the_logs_is_untouched(tracked):
    chatty = logging.getLogger("mlflow.store.db.utils")
    before = (mlflow.get_tracking_uri(), mlflow.active_run(), chatty.level, list(warnings.filters))
    record_run(tracked, record_of(tracked))
    after = (mlflow.get_tracking_uri(), mlflow.active_run(), chatty.level, list(warnings.filters))
    assert after == before
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_telemetry_is_off_and_a_dead_server_costs_seconds(tracked):
    with open_client(tracked):
        assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
        assert os.environ["BENTOML_DO_NOT_TRACK"].lower() == "true"
        assert int(os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]) == 1
        assert int(os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"]) == 5


REPLIES = {
    "refused": None,
    "reset": b"",
    "cut": b'HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{"experiment"',
    "another site": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
    "forbidden": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
    "broken": b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("fault", REPLIES)
def test_a_server_that_fails_makes_the_record_wait_and_the_next_sends_it(
    tracked, server, monkeypatch, caplog, fault
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    server["reply"] = REPLIES[fault] or b""
    uri = server["uri"] if REPLIES[fault] is not None else "http://127.0.0.1:9"
    away = with_uri(tracked, uri.replace("http://", "http://ada:secret@"))
    assert record_run(away, record_of(tracked)) is None
    assert [name[:9] for name in waiting(tracked)] == ["000000001"]
    assert "MLflow did not take a run" in caplog.text
    assert "secret" not in caplog.text + "".join(map(str, waiting(tracked)))
    assert record_run(tracked, record_of(tracked, "2")) is not None
    assert {run.data.tags["fedele.version"] for run in fetch_runs(tracked)} == {"1", "2"}
    assert waiting(tracked) == []


def test_a_store_that_is_no_database_makes_the_record_wait(tracked):
    (tracked.root / "mlflow.db").write_bytes(b"this is no database" * 100)
    assert record_run(tracked, record_of(tracked)) is None
    assert len(waiting(tracked)) == 1


def test_a_folder_for_a_store_is_refused_by_mlflow_and_the_record_waits(tracked, tmp_path):
    assert record_run(with_uri(tracked, (tmp_path / "mlruns").as_uri()), record_of(tracked)) is None
    assert len(waiting(tracked)) == 1


def test_a_run_half_sent_is_completed_and_not_doubled(tracked, monkeypatch):
    def fail(*given):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(tracking, "_log_numbers", fail)
        assert record_run(tracked, record_of(tracked)) is None
    assert [run.info.status for run in fetch_runs(tracked)] == ["RUNNING"]
    assert len(send_waiting(tracked)) == 1
    (run,) = fetch_runs(tracked)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["churn.auc"] == 0.76


def test_a_bundle_that_is_gone_does_not_hold_up_its_run(tracked):
    record = record_of(tracked)
    (tracked.bundles / "1").rename(tracked.bundles / "away")
    assert record_run(tracked, record) is not None


def test_an_error_that_is_no_fault_of_mlflow_is_not_hidden():
    with pytest.raises(ZeroDivisionError, match="division"), tracking.contain_faults():
        _ = 1 / 0


NUMBERS = st.dictionaries(
    st.text("abc.", min_size=1), st.none() | st.floats(allow_nan=False, allow_infinity=False)
)


@given(NUMBERS, st.lists(NUMBERS, max_size=3), st.binary(max_size=30), st.datetimes(timezones=st.just(UTC)))
def test_a_record_survives_its_wait_unchanged(metrics, folds, plot, at):
    record = RunRecord("12", "d" * 64, at, at, {"a": 1.5}, metrics, tuple(folds), "e" * 64, {"a.png": plot})
    again = RunRecord.from_dict(json.loads(json.dumps(record.to_dict())))
    assert again == record
    assert again.name == record.name
