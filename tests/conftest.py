"""What every test stands on: no outside network, no settings of the person who runs it, seeds that repeat."""

import ipaddress
import os
import shutil
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Third parties read these when they are imported, so they are set before any of them is.
os.environ.update(
    MPLBACKEND="Agg",
    MLFLOW_DISABLE_TELEMETRY="true",
    DO_NOT_TRACK="true",
    BENTOML_DO_NOT_TRACK="True",
    NO_COLOR="1",
)

settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("search", settings.get_profile("repeatable"), derandomize=False, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

KEPT = ("FEDELE_CHROMIUM", "FEDELE_TEST_POSTGRES")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def is_local(address: object) -> bool:
    host = address[0] if isinstance(address, tuple) else address
    if not isinstance(host, str) or host in ("", "localhost") or host.startswith(("/", "\0")):
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def no_outside_network(monkeypatch):
    """Let tests reach this machine only, so that a run without a network is the same run."""

    def guard(name):
        genuine = getattr(socket.socket, name)

        def connect(self, address):
            if not is_local(address):
                raise PermissionError(f"A test tried to reach {address!r}; tests work offline.")
            return genuine(self, address)

        monkeypatch.setattr(socket.socket, name, connect)

    guard("connect")
    guard("connect_ex")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch):
    """Take away the settings of the shell the tests are started from."""
    for name in os.environ:
        if name.startswith(("FEDELE_", "MLFLOW_TRACKING", "MLFLOW_REGISTRY")) and name not in KEPT:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The Chromium that pages are looked at with."""
    named = os.environ.get("FEDELE_CHROMIUM")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        pytest.fail("No Chromium: `make setup` installs one, or FEDELE_CHROMIUM names it.")
    return Path(found)
