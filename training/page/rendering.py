"""The page as HTML: one file, no script, no request to anyone."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from contracts.scores import LANGUAGES, Language
from training.manifest import encode
from training.page.blocks import Part
from training.page.curves import (
    tell_deciles,
    tell_gains,
    tell_history,
    tell_pit,
    tell_reliability,
    tell_subscriptions,
)
from training.page.headline import answer
from training.page.plots import FOOT, HEIGHT, LEFT, RIGHT, WIDTH
from training.page.ranges import BAND, find_place, tell_coverage, tell_remarks, tell_terms, tell_weights
from training.page.reading import Reading, read_document
from training.page.tables import (
    tell_cutoffs,
    tell_differences,
    tell_everyone,
    tell_families,
    tell_segments,
)

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""Inline style and nothing else: a browser refuses whatever a mistake would let the page ask for."""


PICTURE = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "foot": FOOT}
ARROWS = {"lower": "↓", "higher": "↑", "zero": "→ 0", "eighty": "→ 80"}


def render_page(document: Mapping[str, Any], language: Language, zone: str = "UTC") -> str:
    """Return the report page of a document as one HTML file.

    Args:
        document: of ``load_document``; parts that are absent are said to be.
        language: ``en`` or ``it``; sentences that training wrote stay English and are marked so.
        zone: whose days instants are printed in.

    Raises:
        SettingsError: no such zone is known.
    """
    reading = read_document(document, language, zone)
    return (
        _environment()
        .get_template("page.html")
        .render(
            t=reading.t,
            language=language,
            document=document,
            policy=POLICY,
            style=_read_style(),
            lead=_lead(reading),
            answers=answer(reading),
            parts=_prove(reading),
            proved=reading.report_cutoff is not None,
            picture=PICTURE,
            arrows=ARROWS,
            rail=tuple(map(find_place, BAND)),
        )
    )


def render_files(document: Mapping[str, Any], zone: str = "UTC") -> dict[str, bytes]:
    """Return what is logged of a report, by file name: the document, and the page in each language.

    Raises:
        BundleRefused: a value is no plain data, or a number is not finite.
    """
    pages = {f"report.{each}.html": render_page(document, each, zone).encode() for each in LANGUAGES}
    return {"report.json": encode(dict(document)), **pages}


def _lead(reading: Reading) -> str:
    population, day = reading.part("population"), reading.day(reading.document["as_of"])
    if "scored" not in population:
        return reading.t("page.lead_unknown", day=day)
    lead = reading.t(
        "page.lead",
        scored=reading.t.count("page.customers", population["scored"]),
        in_play=reading.f.whole(population.get("in_play", population["scored"])),
        lapsed=reading.f.whole(population.get("lapsed", 0)),
        day=day,
    )
    return f"{lead} {reading.t('page.in_play')}"


def _prove(reading: Reading) -> tuple[Part, ...]:
    """Return the parts for a data scientist, in the order in which trust is built."""
    subscriptions = tell_subscriptions(reading)
    return (
        tell_families(reading),
        tell_everyone(reading),
        tell_differences(reading),
        tell_segments(reading),
        tell_cutoffs(reading),
        tell_reliability(reading),
        tell_gains(reading),
        tell_deciles(reading),
        tell_coverage(reading),
        tell_pit(reading),
        tell_history(reading),
        tell_weights(reading),
        *([subscriptions] if subscriptions else []),
        tell_remarks(reading),
        tell_terms(reading),
    )


@cache
def _read_style() -> Markup:
    return Markup(_read("page.css"))


def _read(name: str) -> str:
    return files("training.page").joinpath(name).read_text(encoding="utf-8")


def build_environment(read: Callable[[str], str]) -> Environment:
    """Return templates that escape whatever they print and refuse what they were not given."""
    return Environment(
        loader=FunctionLoader(read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _environment() -> Environment:
    return build_environment(_read)
