"""A person opens the report page in a real browser: from a file, without script, on a narrow screen."""

from itertools import pairwise

import pytest
from playwright.sync_api import sync_playwright

from testkit.documents import VARIANTS, build_document
from training.page.rendering import render_page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

NARROW = {"width": 320, "height": 800}
SCROLLS_SIDEWAYS = """() => {
  const room = document.documentElement.clientWidth;
  return [...document.querySelectorAll("body *")]
    .filter(each => !each.closest(".region table") && !each.closest(".hush") && !each.closest("svg"))
    .filter(each => each.getBoundingClientRect().right > room + 1)
    .map(each => each.outerHTML.slice(0, 120));
}"""
CUT_OFF = """() => [...document.querySelectorAll("svg.plot text")]
  .filter(each => {
    const own = each.getBoundingClientRect(), all = each.ownerSVGElement.getBoundingClientRect();
    return own.left < all.left - 1 || own.right > all.right + 1 || own.bottom > all.bottom + 1; })
  .map(each => each.textContent)"""
SMALL_TARGETS = """() => [...document.querySelectorAll("a, summary")]
  .filter(each => each.offsetParent !== null && !each.matches(".skip"))
  .filter(each => { const box = each.getBoundingClientRect(); return box.height < 24 || box.width < 24; })
  .map(each => each.outerHTML.slice(0, 120))"""
UNNAMED = """() => [...document.querySelectorAll("a, summary, [role=region], [role=group], [role=img], nav")]
  .filter(each => !(each.innerText || each.getAttribute("aria-label")
    || each.getAttribute("aria-labelledby")))
  .map(each => each.outerHTML.slice(0, 120))"""
LEVELS = "[...document.querySelectorAll('h1, h2, h3')].map(each => +each.tagName[1])"
FOCUSED = """() => { const style = getComputedStyle(document.activeElement);
  return [document.activeElement.innerText, style.outlineStyle, parseFloat(style.outlineWidth)]; }"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The addresses of every page, as files."""
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for variant in VARIANTS:
        for language in ("en", "it"):
            file = folder / f"{variant}.{language}.html"
            file.write_text(render_page(build_document(variant), language), encoding="utf-8")
            found[variant, language] = file.as_uri()
    return found


@pytest.fixture(scope="module")
def browser(chromium):
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_pages(browser, pages):
    """Yield every page opened in turn; what one complains of, or asks anyone for, fails the test."""
    contexts, complaints, asked = [], [], []

    def open_each(**options):
        context = browser.new_context(java_script_enabled=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        for name, address in pages.items():
            page.goto(address)
            yield name, page

    yield open_each
    for context in contexts:
        context.close()
    assert complaints == []
    assert {url for url in asked if not url.startswith("data:")} <= set(pages.values())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_on_a_narrow_screen_scrolls_sideways_in_tables_only(open_pages, scheme):
    for name, page in open_pages(viewport=NARROW, color_scheme=scheme):
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], name
        assert page.evaluate(SCROLLS_SIDEWAYS) == [], name


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_nothing_of_a_chart_is_cut_off_and_all_to_press_is_large_and_named(open_pages, width):
    for name, page in open_pages(viewport={"width": width, "height": 900}):
        assert page.evaluate(CUT_OFF) == [], name
        assert page.evaluate(SMALL_TARGETS) == [], name
        assert page.evaluate(UNNAMED) == [], name


def test_headings_of_a_report_follow_one_another(open_pages):
    for name, page in open_pages():
        levels = page.evaluate(LEVELS)
        assert levels.count(1) == 1, name
        assert all(after <= before + 1 for before, after in pairwise(levels)), name


def test_the_keyboard_reaches_contents_and_tables_and_shows_where_it_is(open_pages):
    _, page = next(iter(open_pages(viewport={"width": 1280, "height": 900})))
    reached = []
    for _ in range(24):
        page.keyboard.press("Tab")
        text, outline, width = page.evaluate(FOCUSED)
        assert outline != "none", text
        assert width >= 2, text
        reached.append(text)
    assert reached[0] == "Skip to the content"
    assert {"Show as a table", "All families", "Terms"} <= set(reached)


def test_a_folded_table_opens_without_script(browser, pages):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(pages["full", "en"])
    table = page.locator("#money").get_by_role("table")
    assert not table.is_visible()
    page.locator("#money").get_by_text("Show as a table").click()
    assert table.is_visible()
    assert table.get_by_role("row").count() == 13
    context.close()


def test_a_report_prints_its_headline_without_the_contents(open_pages):
    _, page = next(iter(open_pages()))
    page.emulate_media(media="print")
    assert page.get_by_text("47 left").is_visible()
    assert not page.get_by_role("navigation").is_visible()
