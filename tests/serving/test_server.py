import pytest

from contracts.errors import SettingsError, WorkspaceError
from contracts.settings import read_variable
from serving.server import WORKERS, WORKSPACES, build_command, set_environment, start_server


@pytest.fixture
def clean(monkeypatch):
    """Put the environment back after a test that sets it."""
    for name in (WORKSPACES, WORKERS, "PYTHONPATH", "BENTOML_HOME", "OMP_NUM_THREADS", "DO_NOT_TRACK"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_the_server_is_told_to_stop_gently_and_to_keep_to_itself(clean, tmp_path):
    command = build_command("127.0.0.1", 3000)
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--timeout-graceful-shutdown") + 1] == "20"
    set_environment([tmp_path / "a", tmp_path / "b"], workers=2)
    assert read_variable(WORKSPACES) == f"{tmp_path / 'a'}\n{tmp_path / 'b'}"
    assert read_variable(WORKERS) == "2"
    assert read_variable("BENTOML_DO_NOT_TRACK") == "True"
    assert read_variable("OMP_NUM_THREADS") == "1"


def test_an_environment_that_says_otherwise_is_not_overruled_in_silence(clean, monkeypatch, tmp_path):
    monkeypatch.setenv(WORKSPACES, "/elsewhere")
    with pytest.raises(SettingsError, match="FEDELE_WORKSPACES is set to something else"):
        set_environment([tmp_path], workers=1)


def test_nothing_is_started_without_a_workspace(tmp_path):
    with pytest.raises(WorkspaceError, match="fedele init"):
        start_server([tmp_path], "127.0.0.1", 3000)
