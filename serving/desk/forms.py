"""What every page that takes a form needs: its language, its fields, and words for a refusal."""

from collections.abc import Iterable
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from contracts.errors import FedeleError
from contracts.scores import LANGUAGES, Language
from serving.api.languages import choose_language
from serving.api.middleware import explain_failure
from serving.desk.rendering import render_page


def find_language(request: Request) -> Language:
    """Return a page's language: ``lang`` in the address, else what the browser asks for, else English."""
    asked = request.query_params.get("lang")
    known = next((language for language in LANGUAGES if language == asked), None)
    return choose_language(known, request.headers.get("accept-language"))


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form, the first value of each."""
    fields: Iterable[tuple[str, list[str]]] = parse_qs(
        (await request.body()).decode("utf-8", "replace")
    ).items()
    return {name: values[0] for name, values in fields}


def show_refusal(request: Request, language: Language, why: str) -> Response:
    """Return the page that says no; ``why`` names its words."""
    return render_page(request, "refused.html", language, {"why": why}, 403)


def show_failure(request: Request, language: Language, error: FedeleError) -> Response:
    """Return the page that says that something is broken here, with a code to quote."""
    code = getattr(request.state, "request_id", "-")
    response = render_page(request, "failed.html", language, {"code": code}, 503)
    response.headers["retry-after"] = explain_failure(error).headers["retry-after"]
    return response
