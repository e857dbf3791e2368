"""The customer page: the stored record in words, and the way back and on."""

import json
import re
from html import unescape

import pytest

from contracts.scores import to_json
from serving.store.rows import build_not_scored
from testkit.desk import build_record, build_row

STRANGE = [
    "a/b",
    "../../x",
    ".",
    "..",
    "a b+c%",
    "<script>alert(1)</script>",
    '"><img src=x>',
    "è‘日本",
    "\\",
    "?#&=",
]


def read(answer, status=200):
    assert answer.status_code == status, answer.text
    return unescape(answer.text)


def test_the_page_says_what_the_record_says_in_both_languages(person):
    english = read(person.get("/desk/customers/C-10001?lang=en"))
    italian = read(person.get("/desk/customers/C-10001?lang=it")).replace("\u00a0", " ")
    record = build_record(1, "it")
    for reason in build_record(1, "en").reasons:
        assert reason.text in english
    for reason in record.reasons:
        assert reason.text in italian
    assert f"{record.churn_probability:.0%} chance of no order in the next 90 days" in english
    money = f"{record.value_at_risk:,.2f}".translate(str.maketrans(",.", ".,"))
    assert f"{money} €" in italian
    assert "These are patterns in past customers, not proven causes." in english


def test_reasons_stand_under_what_they_do_and_tell_what_one_can_act_on(person):
    page = read(person.get("/desk/customers/C-10001?lang=en"))
    raising, _, lowering = page.partition('class="group lowers"')
    for reason in build_record(1, "en").reasons:
        part = raising if reason.direction == "raises" else lowering
        assert f"<p>{reason.text}</p>" in part
    assert page.count("you can act on it") == sum(
        reason.actionable for reason in build_record(1, "en").reasons
    )


def test_every_picture_has_a_table_or_a_text_that_says_the_same(person):
    page = read(person.get("/desk/customers/C-10001?lang=en"))
    for picture in re.findall(r"<svg.*?>", page):
        assert 'aria-hidden="true"' in picture or 'role="img"' in picture
    for point in build_record(1, "en").curve:
        row = f'<th scope="row">{point.days}</th><td class="number">{point.churn_probability:.0%}</td>'
        assert row in page


def test_absent_numbers_are_named(desk_with):
    person = desk_with(build_row(1, p_alive=None, risk_percentile=None, reasons=(), flags=()))
    page = read(person.get("/desk/customers/C-10001?lang=en"))
    for text in (
        "Cannot be told before a second order.",
        "not ranked: lapsed customers are a list of their own",
        "Nothing stands out that raises it.",
        "Unknown: it needs the margin and the costs to serve.",
        "None: nothing about this score is unusual.",
    ):
        assert text in page


def test_a_subscriber_is_spoken_of_as_one(desk_with):
    person = desk_with(build_row(1, kind="subscription"))
    page = read(person.get("/desk/customers/C-10001?lang=it"))
    assert "che l'abbonamento termini" in page
    assert "Active: the subscription is running." in read(person.get("/desk/customers/C-10001?lang=en"))


def test_neighbours_lead_through_the_whole_list_and_back(person):
    listing = read(person.get("/desk?lang=en"))
    address = re.search(r'<th role="rowheader".*?href="(.*?)"', listing).group(1)
    walked = []
    for rank in range(1, 110):
        page = read(person.get(address))
        assert f"{rank} of 109" in page
        walked.append(re.search(r"<h1><bdi>(.*?)</bdi>", page).group(1))
        link = re.search(r'rel="next" href="(.*?)"', page)
        address = link and link.group(1)
    assert address is None
    assert len(set(walked)) == 109
    back = re.search(r'rel="prev" href="(.*?)"', page).group(1)
    for expected in reversed(walked[:-1]):
        page = read(person.get(back))
        assert f"<h1><bdi>{expected}</bdi>" in page
        link = re.search(r'rel="prev" href="(.*?)"', page)
        back = link and link.group(1)
    assert back is None


def test_a_customer_opened_from_elsewhere_has_no_place_but_a_way_to_the_list(person):
    page = read(person.get("/desk/customers/C-10001?lang=en&band=low&segment=lapsed"))
    assert 'rel="next"' not in page
    assert 'href="/desk?lang=en&band=low&segment=lapsed"' in page


def test_an_unknown_customer_is_a_friendly_404(person):
    for address in ("/desk/customers/nobody?lang=it", "/desk/customers/%00", "/desk/customers/" + "x" * 300):
        answer = person.get(address, headers={"accept-language": "it"})
        assert "Cliente sconosciuto" in read(answer, 404)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("customer_id", "said"),
    [("N-0", "There is no order that counts yet"), ("S-1", "may not be profiled"), ("E-1", "has ended")],
)
def test_a_customer_without_a_score_says_why(person, customer_id, said):
    page = read(person.get(f"/desk/customers/{customer_id}?lang=en"))
    assert "No score for this customer" in page
    assert said in page


@pytest.mark.parametrize("customer_id", STRANGE)
def test_an_id_of_any_characters_is_reached_from_the_list_and_shown_as_text(desk_with, customer_id):
    person = desk_with(build_row(1, customer_id=customer_id, segment="regular"), build_row(2))
    listing = person.get("/desk?lang=en").text
    assert "<script>alert" not in listing
    assert "<img src=x" not in listing
    links = [unescape(link) for link in re.findall(r'<th role="rowheader".*?href="(.*?)"', listing)]
    pages = [read(person.get(link)) for link in links]
    assert any(f"<h1><bdi>{customer_id}</bdi></h1>" in page for page in pages)


def test_the_json_link_gives_the_stored_bytes(person):
    page = read(person.get("/desk/customers/C-10001?lang=it"))
    address = re.search(r'href="(/desk/record\.json.*?)"', page).group(1)
    answer = person.get(address)
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == to_json(build_record(1, "it"))
    assert json.loads(answer.content)["customer_id"] == "C-10001"
    assert person.get("/desk/record.json?id=nobody").status_code == 404


def test_the_help_page_explains_each_number(person):
    page = read(person.get("/desk/help?lang=it"))
    for term in ("Valore a rischio", "Valore del contatto", "CLV", "Motivi", "La linea"):
        assert f"<dt>{term}</dt>" in page


def test_rows_without_a_score_are_not_in_the_list(desk_with):
    person = desk_with(build_row(1), build_not_scored("N-9", "no_first_order"))
    assert "N-9" not in person.get("/desk?lang=en").text
