"""A person uses the desk in a real browser: by link, by keyboard, without script, on a narrow screen."""

from itertools import pairwise

import pytest
from playwright.sync_api import expect, sync_playwright

from serving.desk.entry import create_link
from testkit.desk import NOW, make_workspace, serve_desk

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

NARROW = {"width": 320, "height": 800}
PAGES = [
    "/desk",
    "/desk?segment=lapsed&band=high&contact=x&id=nobody",
    "/desk/customers/C-10001",
    "/desk/help",
]
SCROLLS_SIDEWAYS = """() => {
  const room = document.documentElement.clientWidth;
  return [...document.querySelectorAll("main *, header *, footer *")]
    .filter(each => !each.closest(".region table") && !each.closest(".hush") && !each.closest("svg"))
    .filter(each => each.getBoundingClientRect().right > room + 1)
    .map(each => each.outerHTML.slice(0, 120));
}"""
SMALL_TARGETS = """() => [...document.querySelectorAll(
    "a, button, input:not([type=hidden]), select, summary")]
  .filter(each => each.offsetParent !== null && !each.matches(".skip, p a, li a:not(.chip)"))
  .filter(each => { const box = each.getBoundingClientRect(); return box.height < 24 || box.width < 24; })
  .map(each => each.outerHTML.slice(0, 120))"""
UNNAMED = """() => [...document.querySelectorAll(
    "a, button, input:not([type=hidden]), select, summary, [role=region]")]
  .filter(each => !(each.innerText || each.getAttribute("aria-label") || each.labels?.length
    || each.getAttribute("aria-labelledby")))
  .map(each => each.outerHTML.slice(0, 120))"""
SPACED = """* {
  line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important;
}"""
FOCUSED = """() => {
  const each = document.activeElement, style = getComputedStyle(each);
  return [each.tagName, each.name || each.innerText, style.outlineStyle, parseFloat(style.outlineWidth)];
}"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("browser") / "shop", count=130)


@pytest.fixture(scope="module")
def desk(workspace):
    with serve_desk([workspace]) as address:
        yield address


@pytest.fixture(scope="module")
def browser(chromium):
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser, desk, workspace):
    """Return a page in a browser of its own, signed in by a link; whatever it complains of fails the test."""
    contexts, complaints = [], []

    def sign_in(language="en", **options):
        context = browser.new_context(base_url=desk, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        address = create_link(workspace, NOW, int(desk.rpartition(":")[2])).address
        place, _, code = address.partition("#")
        if options.get("java_script_enabled", True):
            page.goto(f"{place}?lang={language}#{code}")
            page.wait_for_url(f"{desk}/desk?lang={language}")
        else:
            page.goto(f"{place}?lang={language}")
            page.get_by_role("textbox").fill(address)
            page.get_by_role("textbox").press("Enter")
        return page

    yield sign_in
    for context in contexts:
        context.close()
    assert complaints == []


def test_a_link_opens_the_desk_at_once_and_leaves_no_code_behind(open_page):
    page = open_page("it")
    assert page.get_by_role("heading", level=1).inner_text() == "Clienti a rischio"
    page.go_back()
    assert "#" not in page.url


def test_the_whole_way_works_without_script(open_page):
    page = open_page("en", java_script_enabled=False)
    page.get_by_label("We can contact").fill("12")
    page.get_by_role("button", name="Draw the line").click()
    expect(page.get_by_text("Up to here: the 12 you can contact")).to_be_visible()
    page.get_by_label("Risk", exact=True).select_option("high")
    page.get_by_role("button", name="Apply").click()
    assert "contact=12" in page.url
    page.get_by_role("link", name="Remove filter: Risk: high").click()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("51–100 of 109")).to_be_visible()
    page.locator("tbody th a").first.click()
    expect(page.get_by_text("51 of 109")).to_be_visible()
    page.get_by_role("link", name="Previous").click()
    expect(page.get_by_text("50 of 109")).to_be_visible()
    page.get_by_text("Show as a table").click()
    expect(page.get_by_role("columnheader", name="Weight")).to_be_visible()
    page.get_by_role("link", name="Italiano").click()
    assert page.locator("html").get_attribute("lang") == "it"
    page.get_by_role("button", name="Esci").click()
    expect(page.get_by_role("heading", name="Sei uscito")).to_be_visible()


def test_the_keyboard_alone_reaches_the_list_and_shows_where_it_is(open_page):
    page = open_page("en")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED)[1] == "Skip to the content"
    page.keyboard.press("Enter")
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        tag, text, outline, width = page.evaluate(FOCUSED)
        assert outline != "none", (tag, text)
        assert width >= 2, (tag, text)
        reached.append(text)
    for expected in ("contact", "Draw the line", "band", "segment", "id", "Download as CSV", "Value at risk"):
        assert expected in reached
    assert any(text.startswith("C-") for text in reached)


def test_an_id_with_signs_of_an_address_is_opened_by_its_link(open_page):
    page = open_page("en")
    name = (
        page.locator("tbody th a")
        .filter(has_text="&")
        .or_(page.locator("tbody th a").filter(has_text=" "))
        .first
    )
    expected = name.inner_text()
    name.click()
    assert page.get_by_role("heading", level=1).inner_text() == expected


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "it"])
def test_a_narrow_screen_never_scrolls_sideways_but_in_a_table(open_page, language, scheme):
    page = open_page(language, viewport=NARROW, color_scheme=scheme)
    for path in PAGES:
        page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], path
        assert page.evaluate(SCROLLS_SIDEWAYS) == [], path


def test_wider_letter_and_line_spacing_loses_nothing(open_page):
    page = open_page("it", viewport=NARROW, bypass_csp=True)
    page.add_style_tag(content=SPACED)
    assert page.evaluate(SCROLLS_SIDEWAYS) == []


@pytest.mark.parametrize("width", [320, 1280])
def test_everything_to_press_is_large_enough_and_has_a_name(open_page, width):
    page = open_page("en", viewport={"width": width, "height": 900})
    for path in PAGES:
        page.goto(path)
        assert page.evaluate(SMALL_TARGETS) == [], path
        assert page.evaluate(UNNAMED) == [], path


def test_headings_follow_one_another_and_no_id_comes_twice(open_page):
    page = open_page("it")
    for path in PAGES:
        page.goto(path)
        levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(each => +each.tagName[1])")
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
        assert len(ids) == len(set(ids))


def test_cards_keep_the_table_for_those_who_do_not_see_it(open_page):
    page = open_page("en", viewport=NARROW)
    assert page.get_by_role("table").count() == 1
    assert page.get_by_role("rowheader").count() == 50
    assert page.get_by_role("row").nth(1).get_by_role("cell").count() >= 7


def test_a_page_asks_nobody_else_for_anything(open_page, desk):
    page = open_page("en")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/desk?lang=it")
    assert asked
    assert [url for url in asked if not url.startswith(desk)] == []
    assert len(asked) <= 6


def test_the_downloaded_file_has_the_name_of_the_day(open_page):
    page = open_page("it")
    with page.expect_download() as download:
        page.get_by_role("link", name="Scarica in CSV").click()
    assert download.value.suggested_filename == "clienti-a-rischio-2026-11-20.csv"


def test_the_list_prints_without_its_controls(open_page):
    page = open_page("en")
    page.emulate_media(media="print")
    assert not page.get_by_role("button", name="Sign out").is_visible()
    assert page.get_by_role("table").is_visible()
