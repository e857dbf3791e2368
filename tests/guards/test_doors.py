"""Each dangerous thing has one door: clock, environment, randomness, file formats, libraries."""

import ast
import importlib.metadata
import re
import sys
import tomllib

import pytest

from testkit.tree import PACKAGES, ROOT, find_imports, find_modules, parse

CLOCKS = {
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "Timestamp.now",
    "Timestamp.today",
    "Timestamp.utcnow",
    "ibis.now",
    "ibis.today",
}
CLOCK_DOOR = "contracts/time.py"
ENVIRONMENT_DOORS = {"contracts/settings.py", "serving/service.py"}
RANDOMNESS_DOOR = "contracts/randomness.py"
NOT_PLAIN_DATA = {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal", "skops"}


def dotted_names(path):
    """Yield (last two parts of a dotted name, line) for every attribute in a module."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Attribute):
            owner = node.value
            left = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            yield f"{left}.{node.attr}", node.lineno


def names_from(path, module):
    """Return what a module imports by ``from module import ...``."""
    nodes = (
        node for node in ast.walk(parse(path)) if isinstance(node, ast.ImportFrom) and node.module == module
    )
    return {alias.name for node in nodes for alias in node.names}


def find_uses(wanted, doors):
    return [
        f"{path}:{line} {name}"
        for path in find_modules()
        if path not in doors
        for name, line in dotted_names(path)
        if name in wanted
    ]


def test_no_module_reads_a_clock_outside_its_door():
    assert find_uses(CLOCKS, {CLOCK_DOOR}) == []
    assert [
        path
        for path in find_modules()
        if path != CLOCK_DOOR and names_from(path, "time") & {"time", "time_ns"}
    ] == []


def test_only_the_command_and_the_service_ask_for_the_time():
    askers = [path for path in find_modules() if "read_clock" in names_from(path, "contracts.time")]
    askers += [
        path for path in find_modules() if any(name.endswith(".read_clock") for name, _ in dotted_names(path))
    ]
    assert [path for path in askers if not path.startswith("cli/") and path != "serving/service.py"] == []


def test_the_environment_is_read_in_the_settings_only():
    assert find_uses({"os.environ", "os.getenv", "os.putenv"}, ENVIRONMENT_DOORS) == []
    readers = [path for path in find_modules() if names_from(path, "os") & {"environ", "getenv", "putenv"}]
    assert set(readers) <= ENVIRONMENT_DOORS


def test_random_numbers_come_from_one_door():
    paths = [path for path in find_modules() if path != RANDOMNESS_DOOR]
    makers = re.compile(r"\b(np|numpy)\.random\.(?!Generator\b)")
    trees = {path: ast.unparse(parse(path)) for path in paths}  # unparsed: comments do not count
    assert [path for path, code in trees.items() if makers.search(code)] == []
    assert [path for path in paths if {"random", "numpy.random"} & set(find_imports(path))] == []


def test_no_module_reads_or_writes_a_format_that_runs_code():
    users = [(path, name) for path in find_modules() for name in find_imports(path)]
    assert [(path, name) for path, name in users if name.split(".")[0] in NOT_PLAIN_DATA] == []


def test_no_module_saves_a_lifetimes_model_which_would_hold_customer_data():
    tests_and_modules = [name for path in find_modules() for name, _ in dotted_names(path)]
    assert [name for name in tests_and_modules if name.endswith((".load_model", ".save_pickle"))] == []


def test_no_module_ignores_all_warnings():
    blanket = re.compile(r"simplefilter\(\s*[\"']ignore[\"']\s*\)|filterwarnings\(\s*[\"']ignore[\"']\s*\)")
    assert [
        path for path in find_modules() if blanket.search((ROOT / path).read_text(encoding="utf-8"))
    ] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_library_a_package_imports_is_declared(package):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    requirements = [*project["dependencies"], *extras["postgres"], *extras["telemetry"]]
    declared = {
        re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-") for requirement in requirements
    }
    distributions = importlib.metadata.packages_distributions()
    ours = {*PACKAGES, *sys.stdlib_module_names}
    used = {
        name.split(".")[0]
        for path in find_modules()
        if path.startswith(f"{package}/")
        for name in find_imports(path)
    }
    undeclared = {
        name
        for name in used - ours
        if declared.isdisjoint(each.lower().replace("_", "-") for each in distributions.get(name, ()))
    }
    assert undeclared == set()
