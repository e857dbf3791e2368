"""The page as HTML: one file, no script, no request to anyone."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from contracts.scores import Language
from training.drivers.page.sayings import lead, say_channels, say_placebo, say_unclear, say_verdicts
from training.drivers.page.scene import draw_map
from training.drivers.page.steps import draw_steps
from training.drivers.page.tables import (
    tabulate_channels,
    tabulate_kinds,
    tabulate_map,
    tabulate_moments,
    tabulate_steps,
    tabulate_topics,
    tabulate_touches,
)
from training.drivers.page.words import Reading, read_document
from training.page.rendering import POLICY, build_environment

SHARED = {"tabulate.html": "training.page", "page.css": "training.page"}
PLACES = ("touchpoints", "owners", "stages")


def render_page(document: Mapping[str, Any], language: Language, zone: str = "UTC") -> str:
    """Return the page of a document of ``find_drivers`` as one HTML file.

    Args:
        document: plain JSON; lists may be empty, and the page says so.
        language: ``en`` or ``it``; quotes stay in their own language and are marked so.
        zone: whose days instants are printed in.

    Raises:
        SettingsError: no such zone is known.
    """
    reading = read_document(document, language, zone)
    charts = [draw_steps(reading, each) for each in reading.rows("moments")]
    return (
        _environment()
        .get_template("drivers.html")
        .render(
            t=reading.t,
            language=language,
            policy=POLICY,
            style=Markup(_read("page.css") + _read("drivers.css")),
            lead=lead(reading),
            verdicts=say_verdicts(reading),
            unclear=say_unclear(reading),
            scene=draw_map(reading),
            map_table=tabulate_map(reading),
            topics=tabulate_topics(reading),
            quotes=_group_quotes(reading),
            moments=tabulate_moments(reading),
            placebo=say_placebo(reading),
            charts=[each for each in charts if each is not None],
            steps=tabulate_steps(reading),
            places=[(name, tabulate_touches(reading, name)) for name in PLACES],
            kinds=tabulate_kinds(reading),
            channels=say_channels(reading),
            channel_table=tabulate_channels(reading),
            arrows={},
        )
    )


def _group_quotes(reading: Reading) -> Sequence[tuple[str, Sequence[Mapping[str, Any]]]]:
    """Return the quotes by topic, in the order of the table."""
    quotes = reading.rows("quotes")
    groups = [
        (reading.topic(each["name"]), [quote for quote in quotes if quote["topic"] == each["name"]])
        for each in reading.rows("topics")
    ]
    return [group for group in groups if group[1]]


def _read(name: str) -> str:
    package = SHARED.get(name, "training.drivers.page")
    return files(package).joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return build_environment(_read)
