"""The page of every kind of document, in both languages: whole, self-contained, honest where figures lack."""

import json
import re
from importlib.resources import files

import pytest

from contracts.errors import SettingsError, WorkspaceError
from contracts.scores import LANGUAGES
from testkit.documents import VARIANTS, build_document
from training.documents import check_document
from training.page.rendering import POLICY, render_files, render_page

CSS = files("training.page").joinpath("page.css").read_text(encoding="utf-8")
OPTIONAL = sorted(set(build_document("both")) - {"schema_version", "model_version", "as_of", "currency"})
OPTIONAL = [name for name in OPTIONAL if name not in ("gate", "horizon_days")]
TEXTS = [("text", "page"), ("text", "panel"), ("text", "strong-back"), ("muted", "page"), ("muted", "panel")]
TEXTS += [("link", "page"), ("link", "panel"), ("brand-text", "brand")]
MARKS = [
    ("served", "panel"),
    ("rule", "panel"),
    ("chance", "panel"),
    ("control", "panel"),
    ("served", "band"),
]
MARKS += [("served", "rail"), ("rule", "rail"), ("chance", "rail"), ("served", "within")]


def words_of(page):
    """Return the page's text without marks, spaces made single."""
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL))


def read_tokens(scheme):
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    light = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", blocks[0]))
    dark = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", blocks[1]))
    assert set(dark) == set(light)
    return light if scheme == "light" else dark


def contrast(one, other):
    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_page_is_whole_and_holds_nothing_that_asks_for_more(variant, language):
    page = render_page(build_document(variant), language)
    assert f'<html lang="{language}">' in page
    assert page.count("<h1") == 1
    assert page.rstrip().endswith("</html>")
    assert POLICY.replace("'", "&#39;") in page
    assert (
        re.findall(r"<script|<link(?! rel=\"icon\" href=\"data:,\")|\ssrc=|https?://|@import|url\(", page)
        == []
    )
    assert re.findall(r"\son[a-z]+=|\sstyle=|javascript:", page) == []
    assert re.findall(r"\bNone\b|\bnan\b|\binf\b|Undefined|\{\{", page) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_tables_have_captions_and_scopes_and_pictures_have_names(variant, language):
    page = render_page(build_document(variant), language)
    assert page.count("<table") == page.count("<caption>")
    assert re.findall(r"<th(?![^>]*scope=)[ >]", page) == []
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    named = re.findall(r'aria-labelledby="([^"]+)"', page)
    assert set(named) <= set(ids)
    assert re.findall(r"<svg(?![^>]*(?:aria-hidden=\"true\"|aria-labelledby=))", page) == []
    anchors = re.findall(r'href="#([^"]+)"', page)
    assert set(anchors) <= set(ids)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", OPTIONAL)
def test_the_page_is_drawn_without_any_one_part_of_the_document(name, language):
    page = render_page(build_document("both", **{name: None}), language)
    assert page.rstrip().endswith("</html>")
    assert "None" not in words_of(page)


def find_inner_keys(value, way=()):
    """Yield the way to every key below the first level, of lists through their first item."""
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1] if value else ())
    for key, item in inner:
        if len(way) >= 1 and isinstance(value, dict):
            yield (*way, key)
        if isinstance(item, dict | list):
            yield from find_inner_keys(item, (*way, key))


def build_small_document():
    """A document of both kinds with every part, and one family only."""
    whole = build_document("both")
    own = {"served": whole["families"]["served"]}
    segment = whole["segments"]["regular"] | {"families": own}
    coverage = whole["coverage"] | {"segments": {"regular": whole["coverage"]["segments"]["regular"]}}
    return whole | {
        "families": own,
        "everyone": own,
        "errors": {"served": whole["errors"]["served"]},
        "segments": {"regular": segment},
        "coverage": coverage,
        "cutoffs": [whole["cutoffs"][-1] | {"families": {"served": {"log_loss": 0.5, "auc": 0.7}}}],
    }


def test_whatever_the_door_lets_pass_can_be_drawn():
    whole = build_small_document()
    refused, drawn = 0, 0
    for way in find_inner_keys(whole):
        document = json.loads(json.dumps(whole))
        inner = document
        for key in way[:-1]:
            inner = inner[key]
        del inner[way[-1]]
        try:
            check_document(document, "5")
        except WorkspaceError:
            refused += 1
            continue
        assert render_page(document, "en").rstrip().endswith("</html>"), way
        drawn += 1
    assert 40 < refused < 80
    assert drawn > 100


def test_the_figures_of_the_document_stand_on_the_page():
    words = words_of(render_page(build_document("both"), "en"))
    for printed in (
        "0.5684 ± 0.0047",  # what is served: log loss and its error
        "-0.0297",  # its difference to the rule of silence
        "16.5",  # the same in errors
        "79.8% (78.1% to 81.2%)",
        "Interval score 143.50, a constant band 171.20",
        "0.0142",  # spread over cutoffs
        "US$142.30",
        "0.2711",  # the subscription model
        "86.2%",
        "3 customers with inhuman order counts",
    ):
        assert printed in words, printed


def test_the_spread_over_cutoffs_is_never_called_a_standard_error():
    words = words_of(render_page(build_document(), "en"))
    assert "Spread over cutoffs (standard deviation)" in words
    assert "The spread over cutoffs is no standard error" in words


def test_terms_state_horizons_discounting_refit_seed_and_data():
    words = words_of(render_page(build_document(), "en"))
    for term in (
        "Churn horizon 90 days",
        "Value horizon 365 days",
        "Discounting 10.0% a year, in scores and in the discounted curve",
        "judged on undiscounted amounts",
        "figures precede the refit on all matured cutoffs",
        "Seed 0",
        f"Data digest {'5c' * 32}",
        "68 customers. No score: no order with an amount above 0 yet.",
    ):
        assert term in words, term
    shorter = words_of(render_page(build_document(window_days=30), "en"))
    assert "30 days: shorter than the horizon" in shorter


def test_every_part_says_so_where_no_past_period_has_ended():
    page = words_of(render_page(build_document("few"), "en"))
    assert page.count("Not known yet: no past period has ended that this model could be judged by.") >= 10
    italian = words_of(render_page(build_document("few"), "it"))
    assert italian.count("Non si sa ancora: nessun periodo passato") >= 10


def test_sentences_that_training_wrote_are_marked_as_english_on_an_italian_page():
    page = render_page(build_document("failed"), "it")
    assert re.search(r'<ul class="listed" lang="en"><li>Log loss 0\.6012 of lgbm_btyd', page)


def test_names_and_remarks_from_a_document_are_shown_as_text():
    wild = "<script>alert(1)</script>"
    document = build_document(remarks=[wild], data_digest=wild, weights={wild: 1.0}, currency="EUR")
    page = render_page(document, "en")
    assert wild not in page
    assert "&lt;script&gt;" in page


def test_an_unknown_family_and_metric_are_shown_by_their_own_names():
    families = {"served": {"churn": {"log_loss": 0.5}}, "own_model": {"churn": {"log_loss": 0.6}}}
    difference = {"metric": "own_metric", "family": "own_model", "difference": 0, "se": 0, "verdict": "tie"}
    words = words_of(render_page(build_document(families=families, differences=[difference]), "en"))
    assert "own_model" in words
    assert "own_metric" in words


def test_a_document_is_not_changed_by_being_drawn():
    document = build_document("both")
    before = json.dumps(document)
    render_files(document)
    assert json.dumps(document) == before


def test_what_is_logged_is_the_document_and_a_page_in_each_language():
    document = build_document()
    found = render_files(document, "Europe/Rome")
    assert set(found) == {"report.json", "report.en.html", "report.it.html"}
    assert json.loads(found["report.json"]) == document
    assert found["report.it.html"].decode() == render_page(document, "it", "Europe/Rome")


def test_a_zone_that_does_not_exist_is_refused():
    with pytest.raises(SettingsError, match="'Rome' is no time zone"):
        render_page(build_document(), "en", "Rome")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_text_of_the_page_can_be_read_on_its_ground(scheme, text, ground):
    tokens = read_tokens(scheme)
    assert contrast(tokens[text], tokens[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("mark", "ground"), MARKS)
def test_marks_of_the_page_stand_out_from_their_ground(scheme, mark, ground):
    tokens = read_tokens(scheme)
    assert contrast(tokens[mark], tokens[ground]) >= 3
