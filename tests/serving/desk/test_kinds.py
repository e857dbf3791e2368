"""Shoppers and subscribers never share a list without saying so: in words, on each row, in the file."""

import re
from html import unescape

import pytest

from contracts.scores import LANGUAGES
from serving.desk.state import ListState, read_state
from testkit.desk import build_row

MIXED = {
    "en": "This list holds 3 shoppers and 2 subscribers together.",
    "it": "contiene insieme 3 clienti di",
}


def read(answer):
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def ids(page):
    return re.findall(r'<th role="rowheader".*?<bdi>(.*?)</bdi>', page)


def shops(*numbers, **changes):
    return [build_row(number, segment="regular", flags=(), **changes) for number in numbers]


def subscribers(*numbers, **changes):
    changes = {"p_alive": None, "flags": ()} | changes
    return [build_row(number, kind="subscription", segment="regular", **changes) for number in numbers]


@pytest.fixture
def mixed(desk_with):
    return desk_with(*shops(1, 2, 3), *subscribers(4, 6))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_list_of_both_kinds_says_so_and_each_row_names_its_own(mixed, language):
    page = read(mixed.get(f"/desk?lang={language}"))
    assert MIXED[language] in page
    words = {"en": ("Shopper", "Subscriber"), "it": ("Cliente di negozio", "Abbonato")}[language]
    assert [page.count(f'<span class="kind">{word}</span>') for word in words] == [3, 2]
    fees = {"en": "fees expected in 90 days", "it": "canoni attesi in 90 giorni"}[language]
    assert page.count(fees) == 2


@pytest.mark.parametrize(("kind", "count"), [("shop", 3), ("subscription", 2)])
def test_the_filter_shows_one_kind_alone_and_can_be_taken_off(mixed, kind, count):
    page = read(mixed.get(f"/desk?lang=en&kind={kind}"))
    assert len(ids(page)) == count
    assert "This list holds" not in page
    assert f'<option value="{kind}" selected>' in page
    assert 'aria-label="Remove filter: Kind:' in page


def test_a_list_of_one_kind_asks_nobody_about_kinds(desk_with):
    page = read(desk_with(*shops(1, 2)).get("/desk?lang=en"))
    assert "This list holds" not in page
    assert 'name="kind"' not in page
    assert '<span class="kind">' not in page


@pytest.mark.parametrize(("language", "words"), [("en", ["shopper", "subscriber"]), ("it", ["abbonato"])])
def test_the_file_names_the_kind_of_each_customer(mixed, language, words):
    text = mixed.get(f"/desk/export.csv?lang={language}").content.decode("utf-8")
    assert all(f'"{word}"' in text for word in words)
    only = mixed.get(f"/desk/export.csv?lang={language}&kind=subscription").content.decode("utf-8")
    assert len(only.splitlines()) == 3


def test_a_flag_of_one_kind_stands_on_its_rows_where_others_are_on_the_page(desk_with):
    page = read(desk_with(*shops(1, 2), *subscribers(4, flags=("degraded",))).get("/desk?lang=en"))
    assert page.count("Some kinds of data are missing, or the model is not proved yet.") == 1


def test_the_kind_travels_in_the_address_and_a_wrong_one_is_left_out():
    assert ListState("en", kind="subscription").address() == "/desk?lang=en&kind=subscription"
    assert read_state({"kind": "robot"}, "en").kind is None


def test_a_subscriber_s_page_speaks_of_fees_and_of_the_end(mixed):
    (row,) = subscribers(4)
    page = read(mixed.get(f"/desk/customers/{row.customer_id}?lang=en"))
    assert "chance that the subscription ends in the next 90 days" in page
    assert "Expected fees" in page
    assert "what is left of a fee after its costs has not been told" in page
