"""``fedele drivers``: what moves people, in money, as one page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Json, open_here, show, working

if TYPE_CHECKING:
    from contracts.workspace import Workspace


def drivers(
    as_of: Annotated[
        str | None, typer.Option(help="Date (midnight in the workspace's zone) or instant.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="A folder, or a file (.html the page, .json the figures); reports/ if left out."),
    ] = None,
    lang: Annotated[
        str | None, typer.Option(help="Language of the page: en or it; the workspace's if left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what goes with staying, spending and leaving: topics, touchpoints, moments of truth, channels."""
    from cli.languages import choose_language
    from contracts.stopwatch import measure_seconds
    from contracts.time import read_clock
    from training.drivers import find_drivers, open_studied
    from training.drivers.page.rendering import render_page
    from training.drivers.page.sayings import summarise
    from training.drivers.page.words import read_document
    from training.manifest import encode

    workspace = open_here()
    settings = workspace.settings.workspace
    language, instant = choose_language(lang, settings.language), workspace.as_of(as_of, read_clock())
    with measure_seconds() as seconds, working("Comparing what customers met and said"):
        document = find_drivers(open_studied(workspace), workspace.settings, instant)
    page, figures = _place(workspace, out, f"drivers.{instant:%Y%m%d}", language)
    if page is not None:
        _write(page, render_page(document, language, settings.timezone).encode())
    if figures is not None:
        _write(figures, encode(document))
    lines = summarise(read_document(document, language, settings.timezone))
    written = {"file": _name(page), "figures": _name(figures), "language": language, "seconds": seconds()}
    named = [f"{said}: {file}" for said, file in (("Page", page), ("Figures", figures)) if file is not None]
    result: dict[str, Any] = {**document, **written}
    show(result, as_json, [*lines, *named])


def _name(file: Path | None) -> str | None:
    return None if file is None else str(file)


def _place(
    workspace: "Workspace", out: Path | None, stem: str, language: str
) -> tuple[Path | None, Path | None]:
    """Return where page and figures go; None for the one not asked for."""
    if out is not None and out.suffix == ".html":
        return out, None
    if out is not None and out.suffix == ".json":
        return None, out
    folder = out or workspace.reports
    return folder / f"{stem}.{language}.html", folder / f"{stem}.json"


def _write(file: Path, data: bytes) -> None:
    from contracts.atomic import replace_file
    from contracts.errors import WorkspaceError

    try:
        replace_file(file, data)
    except OSError as error:
        raise WorkspaceError(
            f"{file} is not writable ({error.strerror}): name another file with --out."
        ) from error
