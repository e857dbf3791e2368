"""The page that says which test shows what names tests that exist, for all thirty bad inputs."""

import ast
import re

import pytest

from testkit.tree import ROOT

PAGE = ROOT / "docs" / "security.md"
ROWS = re.findall(r"^\| (\d+) \| .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
NAMED = sorted(set(re.findall(r"`(tests/[a-z_/]+\.py)::(test_\w+)`", PAGE.read_text(encoding="utf-8"))))


def test_each_of_the_thirty_bad_inputs_has_a_row():
    assert [str(number) for number in range(1, 31)] == ROWS


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_that_the_page_names_exists(file, name):
    found = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    assert name in {each.name for each in found if isinstance(each, ast.FunctionDef)}


def test_every_file_that_the_page_names_exists():
    files = re.findall(r"`((?:tests/)?[\w/]+/test_\w+\.py)`", PAGE.read_text(encoding="utf-8"))
    homes = (ROOT, ROOT / "tests" / "serving")
    assert [each for each in files if not any((home / each).is_file() for home in homes)] == []
