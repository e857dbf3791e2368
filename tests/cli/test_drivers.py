"""``fedele drivers`` writes a page and its figures, says the headline, and prints JSON."""

import json
from pathlib import Path


def test_a_page_and_its_figures_are_written_and_the_headline_is_said(fedele, shop):
    said = fedele("drivers")
    assert said.status == 0, said.err
    assert said.out.startswith("As of 15 May 2025")
    assert (
        (shop.reports / "drivers.20250515.en.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    )
    figures = json.loads((shop.reports / "drivers.20250515.json").read_text(encoding="utf-8"))
    assert figures["currency"] == "EUR"
    assert {each["moment"] for each in figures["moments"]} >= {"delivery.late", "ticket.slow"}


def test_json_goes_to_one_file_in_the_language_asked_for(fedele, shop, tmp_path):
    said = fedele(
        "drivers", "--as-of", "2025-04-01", "--lang", "it", "--out", str(tmp_path / "a.html"), "--json"
    )
    found = json.loads(said.out)
    assert (found["language"], found["figures"], found["as_of"]) == ("it", None, "2025-04-01T00:00:00Z")
    assert '<html lang="it">' in Path(found["file"]).read_text(encoding="utf-8")
    assert said.err.splitlines()[-1] == f"Page: {found['file']}"


def test_a_file_that_cannot_be_written_is_named_with_the_next_step(fedele, shop):
    said = fedele("drivers", "--out", str(shop.root / "fedele.toml" / "page.html"))
    assert said.status == 1
    assert "name another file with --out" in said.err
