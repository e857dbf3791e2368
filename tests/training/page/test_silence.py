"""The page says what the silent may hide: with lots and without, in both languages."""

import pytest

from contracts.scores import LANGUAGES
from testkit.documents import build_document
from training.page.reading import read_document
from training.page.silence import tell_silence


def tell(language="en", **changes):
    document = build_document("both")
    document["satisfaction"] |= changes
    return tell_silence(read_document(document, language))


def test_raw_corrected_and_range_stand_in_sentences_and_in_the_table():
    part = tell()
    assert "4,120 answered in the last 180 days; their NPS is 21.4" in part.said[0]
    assert "the NPS of all customers is 8.2 (95% interval 3.9 to 12.5)" in part.said[1]
    assert "from -9.6 to 37.8; with the chance of the sample, from -13.2 to 40.9" in part.said[2]
    cells = [row.cells for row in part.tables[0].rows]
    assert cells[1] == ("All customers, 95% interval", "8.2", "3.9", "12.5")
    assert cells[4] == ("Without any assumption", "", "-80.3", "87.2")


def test_a_ratio_beyond_what_the_range_allows_is_said_with_its_interval():
    said = tell().said[-1]
    assert said.startswith("Silence seems to depend on mood more than a factor of 2.0 allows")
    assert "0.31 for detractors (0.21 to 0.46)" in said


def test_a_ratio_inside_the_range_is_said_too():
    said = tell(beyond=False).said[-1]
    assert "not clearly beyond that factor of 2.0" in said


def test_without_lots_the_page_says_what_cannot_be_known():
    part = tell(lots=None)
    assert part.said[-1].startswith("No survey request drawn by lot tells")
    assert "Beyond a factor of 2.0 the figure would leave that range." in part.said[-1]
    assert "held back by lot" not in part.said[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_part_is_whole_in_both_languages(language):
    part = tell(language)
    assert len(part.said) == 4
    assert len(part.tables[0].rows) == 5
