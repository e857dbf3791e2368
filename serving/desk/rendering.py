"""Pages: templates filled with the words and numbers of one language, under one set of headers."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.numbers import Formats
from contracts.scores import Language
from serving.desk.words import load_words

_HERE = Path(__file__).parent
STATIC = {
    "desk.css": "text/css; charset=utf-8",
    "desk.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
OTHER: dict[Language, Language] = {"en": "it", "it": "en"}
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class SafeHeaders:
    """Sets the headers every answer of the desk has; what the answer set itself stays."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer through the wrapped app."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
                headers.add_vary_header("Cookie, Accept-Language")
            await send(message)

        await self._app(scope, receive, send_with_headers)


def render_page(
    request: Request, template: str, language: Language, values: Mapping[str, Any], status: int = 200
) -> Response:
    """Return a page. ``values`` may hold ``session`` and ``workspace`` (settings) of who is signed in."""
    workspace = values.get("workspace")
    context = {
        "session": None,
        "workspace": None,
        "language": language,
        "t": load_words(language),
        "f": Formats(language, workspace.timezone if workspace else "UTC"),
        "other": OTHER[language],
        "other_address": _find_twin(request, OTHER[language]),
        **values,
    }
    html = _environment().get_template(template).render(context)
    return HTMLResponse(html, status, headers={"content-language": language})


@cache
def read_static(name: str) -> bytes:
    """Return a file that goes with the pages; ``name`` is a key of ``STATIC``."""
    return (_HERE / "static" / name).read_bytes()


def find_asset(name: str) -> str:
    """Return the address of such a file; it changes with the content, so browsers may keep it."""
    return f"/desk/static/{name}?v={hashlib.sha256(read_static(name)).hexdigest()[:12]}"


def _find_twin(request: Request, language: Language) -> str:
    return f"{quote(request.scope['path'])}?{urlencode({**request.query_params, 'lang': language})}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = find_asset
    return environment
