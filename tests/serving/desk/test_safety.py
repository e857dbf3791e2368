"""What holds for every answer of the desk: headers, no script in the page, readable colours."""

import re
from pathlib import Path

import pytest

import serving.desk
from serving.desk.rendering import STATIC

FOLDER = Path(serving.desk.__file__).parent
CSS = (FOLDER / "static" / "desk.css").read_text(encoding="utf-8")
TEMPLATES = sorted(FOLDER.glob("templates/*.html"))
PAGES = ["/desk", "/desk/customers/C-10001", "/desk/help", "/desk/enter", "/desk/nothing", "/desk/export.csv"]
PAIRS = [
    *(("text", ground) for ground in ("page", "panel", "within", "note-back")),
    *(("muted", ground) for ground in ("page", "panel", "within", "note-back")),
    *(("link", ground) for ground in ("page", "panel", "within", "note-back")),
    *((f"{name}-text", f"{name}-back") for name in ("high", "medium", "low", "note")),
    *((f"{name}-text", "panel") for name in ("high", "low")),
    ("high-text", "page"),
    ("medium-text", "page"),
    ("brand-text", "brand"),
    ("panel", "link"),
    ("panel", "cut"),
    ("panel", "text"),
]
MARKS = [("control", "panel"), ("control", "page"), ("up", "panel"), ("down", "panel"), ("cut", "panel")]


def read_tokens(scheme):
    """Return the colours of a scheme; dark overrides light."""
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    light = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", blocks[0]))
    dark = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", blocks[1]))
    assert set(dark) == set(light)
    return light if scheme == "light" else dark


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("pair", PAIRS)
def test_text_stands_out_from_its_ground(scheme, pair):
    tokens = read_tokens(scheme)
    assert contrast(*(tokens[name] for name in pair)) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("pair", MARKS)
def test_marks_and_borders_of_controls_stand_out(scheme, pair):
    tokens = read_tokens(scheme)
    assert contrast(*(tokens[name] for name in pair)) >= 3


def test_contrast_is_measured_as_the_guidelines_do():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#8c1d18", "#fce8e6") == pytest.approx(7.7, abs=0.1)


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_keeps_to_itself(person, path):
    headers = person.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("name", STATIC)
def test_what_goes_with_the_pages_is_served_to_anyone_and_kept(visitor, name):
    answer = visitor.get(f"/desk/static/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == STATIC[name]
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("name", ["pages.py", "..%2fpages.py", "en.toml", "desk.css/.."])
def test_nothing_else_in_the_folder_is_served(visitor, name):
    assert visitor.get(f"/desk/static/{name}").status_code in (401, 404)


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_no_template_holds_script_style_or_an_address_elsewhere(file):
    text = file.read_text(encoding="utf-8")
    assert re.findall(r"\son[a-z]+=|\sstyle=|<style|javascript:|https?://|\|\s*safe", text) == []
    assert re.findall(r"<script(?! src=\"\{\{ asset)", text) == []


@pytest.mark.parametrize("path", PAGES[:-1])
def test_every_page_has_a_language_a_title_one_heading_and_a_way_past_the_menu(person, path):
    page = person.get(path, headers={"accept-language": "it"}).text
    assert '<html lang="it">' in page
    assert re.search(r"<title>\S.* · Fedele</title>", page)
    assert page.count("<h1") == 1
    assert 'class="skip" href="#main"' in page
    assert '<main id="main"' in page


@pytest.mark.parametrize("path", PAGES[:-1])
def test_every_field_has_a_label_and_every_table_a_caption(person, path):
    page = person.get(path).text
    fields = re.findall(r"<(?:input|select)(?![^>]*hidden)[^>]*\bid=\"([^\"]+)\"", page)
    assert [field for field in fields if f'<label for="{field}"' not in page] == []
    assert page.count("<input") == len(re.findall(r"<input[^>]*(?:hidden|\bid=)", page))
    assert len(re.findall(r"<table", page)) == len(re.findall(r"<caption", page))
    assert re.findall(r"<th(?![^>]*scope=)[ >]", page) == []


def test_the_link_to_the_other_language_keeps_the_place(person):
    page = person.get("/desk?lang=en&band=high&contact=9").text
    assert '<a href="/desk?lang=it&amp;band=high&amp;contact=9" lang="it"' in page


def test_words_in_the_address_are_shown_as_text(person):
    page = person.get("/desk", params={"lang": "en", "id": "<b>x</b>", "contact": '"><script>'}).text
    assert "<b>x</b>" not in page
    assert "<script>" not in page
