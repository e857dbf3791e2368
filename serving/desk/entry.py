"""Signing in and out: a one-time code becomes a cookie, for a browser on this machine only."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from contracts.workspace import Workspace
from serving.sessions import (
    CODE_LASTS,
    SESSION_LASTS,
    create_entry_code,
    end_session,
    redeem_entry_code,
)
from serving.store.work import open_work
from serving.tenants import Tenants

COOKIE = "fedele_session"
PATH = "/desk"
LONGEST_CODE = 200


@dataclass(frozen=True)
class EntryLink:
    """A link that opens the desk once, until ``expires_at``."""

    address: str
    expires_at: datetime


def create_link(workspace: Workspace, now: datetime, port: int | None = None) -> EntryLink:
    """Return a fresh sign-in link of a workspace; ``port`` is by default the one in its settings.

    The code stands behind ``#``, which browsers keep to themselves: no server log ever holds it.

    Raises:
        StoreError: the work database cannot be used.
    """
    work = open_work(workspace)
    try:
        code = create_entry_code(work, now)
    finally:
        work.close()
    host = workspace.settings.serve.host
    place = host if is_loopback(host) or host == "localhost" else "127.0.0.1"
    place = f"[{place}]" if ":" in place else place
    address = f"http://{place}:{port or workspace.settings.serve.port}{PATH}/enter#{code}"
    return EntryLink(address, now + CODE_LASTS)


def sign_in(tenants: Tenants, code: str, now: datetime, before: str | None = None) -> str | None:
    """Use up a code in whichever workspace knows it; return a session's token, or None.

    The session ``before``, which the browser came with, ends: nobody goes on in somebody else's.
    """
    if not code or len(code) > LONGEST_CODE:
        return None
    tokens = (redeem_entry_code(tenant.store.work, code, now) for tenant in tenants)
    token = next((token for token in tokens if token is not None), None)
    if token is not None and before:
        for tenant in tenants:
            end_session(tenant.store.work, before)
    return token


def is_loopback(host: str | None) -> bool:
    """Return whether an address is this machine's own.

    Examples:
        >>> [is_loopback(each) for each in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "192.168.1.5", None)]
        [True, True, True, False, False]
    """
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def is_own_form(request: Request) -> bool:
    """Return whether a form was sent from a page of this very service.

    Browsers say where a form comes from; a program that says nothing carries nobody's cookie.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def set_session(response: Response, request: Request, token: str) -> None:
    """Hand the browser its session."""
    set_cookie(response, request, COOKIE, token, int(SESSION_LASTS.total_seconds()))


def set_cookie(response: Response, request: Request, name: str, value: str, seconds: int) -> None:
    """Hand the browser a cookie that no script can read and no form of another site sends along."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=PATH,
        secure=_is_secure(request),
        httponly=True,
        samesite="lax",
    )


def drop_session(response: Response, request: Request) -> None:
    """Take the session back from the browser."""
    response.delete_cookie(COOKIE, path=PATH, secure=_is_secure(request), httponly=True, samesite="lax")


def _is_secure(request: Request) -> bool:
    host = request.url.hostname
    return request.url.scheme == "https" or not (host == "localhost" or is_loopback(host))
