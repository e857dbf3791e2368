"""The code stays small, named and told apart: what a reviewer would otherwise measure by hand."""

import ast
import re

import pytest

from testkit.tree import PACKAGES, ROOT, find_files, find_modules, find_test_modules, parse

SAY_NOTHING = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "base",
    "misc",
    "process",
    "handle",
    "manage",
    "do",
    "run",
}
LINES_OF_A_MODULE = 400
LINES_OF_A_TEST_MODULE = 600
LINES_OF_A_BODY = 60
PARAMETERS = 6
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def functions_of(path):
    return [node for node in ast.walk(parse(path)) if isinstance(node, FUNCTIONS)]


def body_lines(function):
    body = function.body
    if ast.get_docstring(function, clean=False) is not None:
        body = body[1:]
    return 0 if not body else body[-1].end_lineno - body[0].lineno + 1


def parameters_of(function):
    arguments = function.args
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls")]


def is_an_entry(function):
    """A command or a route: its parameters are options or a query, declared one by one."""
    return any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute)
        for each in function.decorator_list
    )


def count_lines(path):
    return len((ROOT / path).read_text(encoding="utf-8").splitlines())


def test_no_module_is_longer_than_it_should_be():
    assert {path: count_lines(path) for path in find_modules() if count_lines(path) > LINES_OF_A_MODULE} == {}


def test_no_test_module_is_longer_than_it_should_be():
    lengths = {path: count_lines(path) for path in find_test_modules()}
    assert {path: lines for path, lines in lengths.items() if lines > LINES_OF_A_TEST_MODULE} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_function_body_is_longer_than_it_should_be(package):
    paths = [path for path in find_modules() if path.startswith(f"{package}/")]
    lengths = {f"{path}:{each.name}": body_lines(each) for path in paths for each in functions_of(path)}
    assert {name: lines for name, lines in lengths.items() if lines > LINES_OF_A_BODY} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_function_takes_more_parameters_than_a_reader_can_hold(package):
    paths = [path for path in find_modules() if path.startswith(f"{package}/")]
    counts = {
        f"{path}:{each.name}": len(parameters_of(each))
        for path in paths
        for each in functions_of(path)
        if not is_an_entry(each)
        and path != f"cli/{each.name}.py"  # a command: its parameters are its options
    }
    assert {name: count for name, count in counts.items() if count > PARAMETERS} == {}


def test_no_module_has_a_name_that_says_nothing():
    parts = {
        part.removesuffix(".py")
        for path in (*find_modules(), *find_test_modules())
        for part in path.split("/")
    }
    assert parts & SAY_NOTHING == set()


def test_every_module_says_what_it_holds():
    assert [path for path in find_modules() if ast.get_docstring(parse(path)) is None] == []


def test_only_the_test_kit_is_a_package_among_the_tests():
    packages = [path for path in find_test_modules() if path.endswith("__init__.py")]
    assert [path for path in packages if not path.startswith("tests/kit/testkit/")] == []


def test_every_test_name_is_a_sentence():
    names = {
        f"{path}:{each.name}": each.name.removeprefix("test_").split("_")
        for path in find_test_modules()
        for each in functions_of(path)
        if each.name.startswith("test_")
    }
    assert [name for name, words in names.items() if len(words) < 4] == []


def test_no_test_waits_by_sleeping():
    sleep = re.compile(r"\btime\.sleep\(|\bimport sleep\b")
    here = "tests/guards/test_shape.py"
    texts = {path: (ROOT / path).read_text(encoding="utf-8") for path in find_test_modules() if path != here}
    assert [path for path, text in texts.items() if sleep.search(text)] == []


def test_nothing_swallows_an_error_or_promises_work_for_later():
    swallowed = re.compile(
        r"except( Exception| BaseException)?:\s*(pass|\.\.\.)|# type: ignore$|# noqa$", re.MULTILINE
    )
    promised = re.compile("TO" + "DO|FIX" + "ME")
    paths = [*find_modules(), *find_test_modules()]
    texts = {
        path: (ROOT / path).read_text(encoding="utf-8")
        for path in paths
        if path != "tests/guards/test_shape.py"
    }
    assert [path for path, text in texts.items() if swallowed.search(text) or promised.search(text)] == []


def test_no_file_that_runs_code_when_read_is_kept_in_the_repository():
    kept = [file.relative_to(ROOT).as_posix() for file in find_files()]
    assert [name for name in kept if name.endswith((".pkl", ".pickle", ".joblib", ".dill", ".npy"))] == []
