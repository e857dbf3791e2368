"""The guide knows every reason of quarantine."""

from pathlib import Path

import pytest

from features.ingest.reasons import REASONS

GUIDE = Path(__file__).parents[3] / "docs" / "ingest.md"


@pytest.mark.parametrize("code", REASONS)
def test_each_reason_stands_in_the_guide_as_the_program_says_it(code):
    assert f"| `{code}` | {REASONS[code].format(column='the field')} |" in GUIDE.read_text(encoding="utf-8")
