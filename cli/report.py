"""``fedele report``: what a model was judged by, as one page."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.output import Json, open_here, show


def report(
    version: Annotated[
        str | None, typer.Argument(help="Number of a model; the champion, else the newest, if left out.")
    ] = None,
    lang: Annotated[
        str | None, typer.Option(help="Language of the page: en or it; the workspace's if left out.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the page goes; reports/ if left out.")] = None,
    as_json: Json = False,
) -> None:
    """Write one HTML page: for a retention lead at the top, for a data scientist below."""
    from cli.languages import choose_language
    from contracts.atomic import replace_file
    from training.documents import choose_version, load_document
    from training.page.headline import write_headline
    from training.page.rendering import render_page

    workspace = open_here()
    settings = workspace.settings.workspace
    language = choose_language(lang, settings.language)
    document = load_document(workspace, version or choose_version(workspace))
    page = render_page(document, language, settings.timezone)
    file = out or workspace.reports / f"{document['model_version']}.{language}.html"
    try:
        replace_file(file, page.encode())
    except OSError as error:
        from contracts.errors import WorkspaceError

        raise WorkspaceError(
            f"{file} is not writable ({error.strerror}): name another file with --out."
        ) from error
    headline = write_headline(document, language, settings.timezone)
    result: dict[str, Any] = {
        "model_version": document["model_version"],
        "file": str(file),
        "language": language,
        "as_of": document["as_of"],
        "headline": list(headline),
        "gate": document["gate"],
        "looks": document.get("looks"),
    }
    show(result, as_json, [*headline, f"Page: {file}"])
