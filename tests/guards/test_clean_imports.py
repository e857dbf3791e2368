"""Importing Fedele does nothing: no file, no folder, no network, no child process, no log set-up."""

import json
import os
import subprocess
import sys

import pytest

from testkit.tree import PACKAGES, ROOT, find_modules, import_name

# Runs in a child: the modules to import come as arguments, what they did goes out as JSON.
OBSERVER = """
import importlib, json, logging, sys

seen = []

def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        seen.append(event)
    elif event == "socket.bind" and arguments[1] != ("::1", 0):  # so urllib3 asks whether there is IPv6
        seen.append(f"{event} {arguments[1]}")
    elif event in ("subprocess.Popen", "os.system", "os.mkdir", "os.rename", "os.remove"):
        seen.append(f"{event} {arguments[0]}")
    elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        if arguments[0] != "/dev/null":
            seen.append(f"open {arguments[0]} {arguments[1]}")

sys.addaudithook(watch)
did = {}
for name in sys.argv[1:]:
    importlib.import_module(name)
    if seen:
        did[name] = seen[:]
        seen.clear()
packages = ("contracts", "features", "training", "serving", "cli")
loggers = {"root": logging.getLogger()} | {
    name: logger for name, logger in logging.root.manager.loggerDict.items()
    if name.split(".")[0] in (*packages, "fedele") and isinstance(logger, logging.Logger)
}
handlers = {name: len(logger.handlers) for name, logger in loggers.items() if logger.handlers}
print(json.dumps({"did": did, "handlers": handlers, "modules": sorted(sys.modules)}))
"""


@pytest.fixture(scope="module")
def observe(tmp_path_factory):
    """Import modules in a clean process with a read-only home; return what they did and what is loaded."""

    def import_in_child(*names):
        empty = tmp_path_factory.mktemp("home")
        empty.chmod(0o500)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(empty),
            "TMPDIR": str(empty),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        child = subprocess.run(
            [sys.executable, "-c", OBSERVER, *names],
            cwd=empty,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert child.returncode == 0, child.stderr
        assert [str(path) for path in empty.rglob("*")] == []
        return json.loads(child.stdout.splitlines()[-1])

    return import_in_child


def modules_of(package):
    return [import_name(path) for path in find_modules() if path.startswith(f"{package}/")]


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_every_module_of_a_package_does_nothing_outside_the_process(observe, package):
    answer = observe(*modules_of(package))
    assert answer["did"] == {}
    assert answer["handlers"] == {}


def test_the_service_loads_neither_mlflow_nor_shap_nor_lifetimes(observe):
    loaded = observe(*modules_of("serving"))["modules"]
    assert {"mlflow", "shap", "lifetimes", "empulse", "matplotlib"}.isdisjoint(loaded)


def test_the_command_starts_without_any_heavy_library(observe):
    if "cli/main.py" not in find_modules():
        pytest.fail("cli/main.py is missing")
    loaded = observe("cli.main")["modules"]
    heavy = {
        "bentoml",
        "deltalake",
        "duckdb",
        "ibis",
        "lightgbm",
        "mlflow",
        "numpy",
        "pandas",
        "sklearn",
        "sqlalchemy",
    }
    assert heavy.isdisjoint(loaded)
