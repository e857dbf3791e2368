"""The ranked list: what it says, in which order, and what it says when something is missing."""

import gzip
import json
import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest

from contracts.workspace import open_workspace
from serving.store.generations import open_store
from serving.store.rows import Selection
from testkit.desk import AS_OF, NOW, build_info, build_row, build_rows, make_workspace, write_generation


def read(answer):
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def ids(page):
    return re.findall(r'<th role="rowheader".*?<bdi>(.*?)</bdi>', page)


@pytest.fixture
def ranked(tenants):
    """The records of a list, straight from the store."""
    (tenant,) = tenants

    def read_ranked(**selection):
        rows = tenant.store.page(Selection(**selection), "en", 500)
        return [json.loads(row.record_en) for row in rows]

    return read_ranked


@pytest.mark.parametrize("sort", ["contact_value", "value_at_risk", "churn_probability"])
def test_the_list_is_in_the_order_asked_and_marks_only_that_column(person, ranked, sort):
    page = read(person.get(f"/desk?lang=en&sort={sort}"))
    assert ids(page) == [record["customer_id"] for record in ranked(sort=sort)[:50]]
    assert page.count("aria-sort=") == 1


def test_the_title_counts_the_list_and_names_the_horizon_in_both_languages(person, ranked):
    total = len(ranked())
    assert f"<strong>{total} customers</strong> · Who may not come back in the next 90 days" in read(
        person.get("/desk?lang=en")
    )
    page = read(person.get("/desk?lang=it"))
    assert '<html lang="it">' in page
    assert "<h1>Clienti a rischio</h1>" in page
    assert f"<strong>{total} clienti</strong> · Chi potrebbe non tornare nei prossimi 90 giorni" in page


def test_the_language_is_what_the_browser_asks_for_when_the_address_does_not_say(person):
    assert '<html lang="it">' in person.get("/desk", headers={"accept-language": "it-CH, en;q=0.5"}).text
    assert '<html lang="en">' in person.get("/desk?lang=fr", headers={"accept-language": "de"}).text


def test_the_freshness_line_says_when_the_scores_and_the_facts_are_from(person):
    page = read(person.get("/desk?lang=it"))
    for part in (
        "Data di riferimento 20 nov 2026",
        "dato più recente 19 nov 2026",
        "modello 14",
        "elenco g-2026",
    ):
        assert part in page
    assert "notice amber" not in page


def test_a_row_shows_risk_by_shape_word_number_and_range(person, ranked):
    first = ranked()[0]
    page = read(person.get("/desk?lang=en"))
    row = page[page.index("<tbody") : page.index("</tr>", page.index("<tbody"))]
    assert f"</svg> {first['risk_band'].capitalize()}</span>" in row
    assert f"<b>{first['churn_probability']:.0%}</b>" in row
    low, high = (round(100 * first["churn_range"][end]) for end in ("low", "high"))
    assert f"range {low}–{high}%" in row
    assert f"€{first['value_at_risk']:,.2f}" in row
    assert f"€{first['clv']['p10']:,.2f} to €{first['clv']['p90']:,.2f}" in row
    raising = next(reason for reason in first["reasons"] if reason["direction"] == "raises")
    assert raising["text"] in row


def test_the_line_stands_after_the_last_customer_who_can_be_contacted(person, ranked):
    page = read(person.get("/desk?lang=en&contact=8"))
    chosen = ranked()[:8]
    leavers = sum(record["churn_probability"] for record in chosen)
    money = sum(record["value_at_risk"] for record in chosen)
    text = re.sub("<.*?>", "", page)
    assert f"Of these 8, about {leavers:.0f} would leave within 90 days" in text
    assert f"and €{money:,.0f} is expected to be lost." in text
    before, _, after = page.partition('class="cut"')
    assert before.count('role="rowheader"') == 8
    assert after.count('role="rowheader"') == 42


def test_a_capacity_beyond_the_list_says_that_everyone_fits(person, ranked):
    page = read(person.get("/desk?lang=en&contact=4000"))
    assert f"The whole list has {len(ranked())} customers: it fits." in page
    assert 'class="cut"' not in page


@pytest.mark.parametrize("typed", ["0", "-3", "many", "5001", "1e3", "٣", " ", "9" * 400])
def test_a_capacity_that_is_no_number_is_said_beside_the_field_and_kept(person, typed):
    page = read(person.get("/desk", params={"lang": "en", "contact": typed}))
    assert "Write a whole number from 1 to 5,000." in page
    assert f'value="{typed}" aria-invalid="true"' in page


def test_filters_narrow_the_list_and_can_be_taken_away_one_by_one(person, ranked):
    page = read(person.get("/desk?lang=en&band=high&segment=regular&contact=7"))
    found = ranked(band="high", segment="regular")
    assert ids(page) == [record["customer_id"] for record in found[:50]]
    links = re.findall(r'class="chip" href="(.*?)"', page)
    assert links == ["/desk?lang=en&segment=regular&contact=7", "/desk?lang=en&band=high&contact=7"]
    assert 'class="clear" href="/desk?lang=en&contact=7"' in page


def test_a_filter_that_does_not_exist_is_ignored(person, ranked):
    page = read(person.get("/desk?lang=en&band=huge&segment=all&sort=name&after=x&generation=../y"))
    assert ids(page) == [record["customer_id"] for record in ranked()[:50]]


def test_lapsed_customers_have_a_list_of_their_own(person, ranked):
    page = read(person.get("/desk?lang=it&segment=lapsed"))
    assert "<h1>Clienti da riconquistare</h1>" in page
    assert ids(page) == [record["customer_id"] for record in ranked(segment="lapsed")]


def test_everyone_left_out_is_counted_with_the_reason(person):
    page = read(person.get("/desk?lang=en"))
    tail = page[page.index('id="excluded"') :]
    for text in ("21 lapsed", "7 without an order that counts", "1 who may not be profiled"):
        assert text in tail
    assert "1 whose subscription has ended" in tail


def test_every_customer_is_on_exactly_one_page_and_the_way_back_is_the_way_on(person, ranked):
    address, seen, addresses = "/desk?lang=en", [], []
    while address:
        page = read(person.get(address))
        addresses.append(address)
        seen += ids(page)
        link = re.search(r'rel="next" href="(.*?)"', page)
        address = link and link.group(1)
    assert seen == [record["customer_id"] for record in ranked()]
    back = re.search(r'rel="prev" href="(.*?)"', page).group(1)
    assert ids(read(person.get(back))) == seen[50:100]
    assert "101–109 of 109" in page
    first = re.search(r'rel="prev" href="(.*?)"', read(person.get(back))).group(1)
    assert ids(read(person.get(first))) == seen[:50]


def test_a_search_that_finds_goes_to_the_customer_and_one_that_does_not_says_so(person):
    found = person.get("/desk?lang=it&id=C-10001&band=high")
    assert found.status_code == 303
    assert found.headers["location"] == "/desk/customers/C-10001?lang=it&band=high"
    page = read(person.get("/desk?lang=en&id=c-10001"))
    assert "No customer is called c-10001." in page
    assert 'value="c-10001"' in page


def test_a_list_without_a_match_says_so_and_offers_the_whole_list(tmp_path, visit):
    workspace = make_workspace(tmp_path / "shop", count=0)
    store = open_store(workspace)
    write_generation(store, iter([build_row(1, risk_band="low", segment="regular")]))
    store.close()
    page = read(visit([workspace]).get("/desk?lang=en&band=high"))
    assert "No customers match these filters" in page
    assert ">Clear the filters: 1 customer<" in page
    assert "<table" not in page


def test_a_workspace_without_scores_says_who_makes_them(tmp_path, visit):
    person = visit([make_workspace(tmp_path / "new", count=0)])
    for address in ("/desk?lang=en", "/desk?lang=en&id=C-1"):
        page = read(person.get(address))
        assert "No scores yet" in page
        assert "fedele score" in page
    assert person.get("/desk/export.csv").status_code == 303
    assert person.get("/desk/customers/C-1").status_code == 404


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"flags": ("stale",)}, "The data are old: the newest fact is from 19 Nov 2026."),
        ({"flags": ("stale",), "facts_until": None}, "The data are old. The list may miss recent orders."),
        ({"flags": ("hindsight",)}, "for study only"),
        ({"as_of": AS_OF - timedelta(days=40)}, "This list is from 11 Oct 2026."),
    ],
)
def test_a_list_that_asks_for_care_says_why(tmp_path, visit, changes, said):
    workspace = make_workspace(tmp_path / "shop", count=0)
    store = open_store(workspace)
    write_generation(store, build_rows(3), build_info(**changes))
    store.close()
    page = read(visit([workspace]).get("/desk?lang=en"))
    assert said in page[page.index("notice amber") :]


def test_what_holds_for_every_customer_is_said_once_above(tmp_path, visit):
    workspace = make_workspace(tmp_path / "shop", count=0)
    store = open_store(workspace)
    write_generation(store, build_rows(5, flags=("degraded", "disagreement", "range_unproven")))
    store.close()
    page = read(visit([workspace]).get("/desk?lang=en"))
    assert page.count("Some kinds of data were missing") == 1
    assert page.count("ranges hold has not been checked") == 1
    assert page.count("The models disagree about this customer.") == 5


def test_a_workspace_that_looks_back_on_purpose_does_not_age(tmp_path, visit):
    workspace = make_workspace(tmp_path / "shop", count=5)
    file = workspace.root / "fedele.toml"
    text = file.read_text(encoding="utf-8").replace('# as_of = "2026-01-31"', 'as_of = "2026-11-20"')
    file.write_text(text, encoding="utf-8")
    page = read(visit([open_workspace(workspace.root)], now=NOW + timedelta(days=400)).get("/desk?lang=en"))
    assert "notice amber" not in page


def test_a_page_opened_before_new_scores_came_does_not_shift(tmp_path, visit):
    workspace = make_workspace(tmp_path / "shop", count=130)
    person = visit([workspace])
    first = read(person.get("/desk?lang=en"))
    onward = re.search(r'rel="next" href="(.*?)"', first).group(1)
    expected = ids(read(person.get(onward)))
    store = open_store(workspace)
    for number in range(3):
        name = f"g-{number}"
        write_generation(store, build_rows(60, generation=name), build_info(name))
        if number == 0:
            page = read(person.get(onward))
            assert ids(page) == expected
            assert "Newer scores have come." in page
    store.close()
    page = read(person.get(onward))
    assert "New scores have come since that page was opened." in page
    assert "1–50 of 50" in page


def test_fifty_rows_stay_under_sixty_kilobytes_on_the_wire(person):
    answer = person.get("/desk?lang=it")
    assert answer.headers["content-encoding"] == "gzip"
    assert len(gzip.compress(answer.content)) < 60_000


def test_a_list_far_down_ends_with_a_way_out(person, monkeypatch):
    monkeypatch.setattr("serving.desk.listing.MOST_PAGES", 1)
    page = read(person.get("/desk?lang=en"))
    assert "The list goes on." in page
    assert 'rel="next"' not in page


def test_money_is_written_in_the_currency_of_the_scores(tmp_path, visit):
    workspace = make_workspace(tmp_path / "shop", count=0)
    store = open_store(workspace)
    row = build_row(2, currency="USD", value_at_risk=1234.5)
    write_generation(store, iter([row]), replace(build_info(), facts_until=None))
    store.close()
    person = visit([workspace])
    assert "US$1,234.50" in read(person.get("/desk?lang=en"))
    italian = read(person.get("/desk?lang=it")).replace("\u00a0", " ")
    assert "1.234,50 USD" in italian
    assert "età dei dati non registrata" in italian
