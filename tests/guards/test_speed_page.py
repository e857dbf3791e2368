"""The page of figures says what the pages of proof say."""

import re

import pytest

from testkit.tree import ROOT

DOCS = ROOT / "docs"
_ROW = re.compile(r"^\| (.*) \| (.*) \| .*\]\(proof/([a-z_]+)\.md\) \|$", re.MULTILINE)
_MEASURED = re.compile(r"^\| .* \| ([-0-9.e]+) \| .* \| (?:holds|noted|MISSED) \|$", re.MULTILINE)
ROWS = _ROW.findall((DOCS / "speed.md").read_text(encoding="utf-8"))


def test_the_page_has_a_row_for_each_promise():
    claims = {claim for _, _, claim in ROWS}
    assert {"open_loop", "overload", "schema_fuzz", "killed_writes", "hot_swap"} <= claims
    assert {"bundle_mutants", "closed_doors", "erasure", "replay"} <= claims


@pytest.mark.parametrize(("promise", "seen", "claim"), ROWS)
def test_each_number_stands_on_the_page_it_names(promise, seen, claim):
    page = (DOCS / "proof" / f"{claim}.md").read_text(encoding="utf-8")
    measured = [float(each) for each in _MEASURED.findall(page)]
    numbers = re.findall(r"[0-9][0-9,]*(?:\.[0-9]+)?", seen)
    assert numbers, promise
    for number in numbers:
        digits = len(number.partition(".")[2])
        assert float(number.replace(",", "")) in [round(each, digits) for each in measured], number
