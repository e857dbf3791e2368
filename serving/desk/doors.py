"""Signing in by name and password, or through the company's own service."""

import hmac
import json
import logging
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.errors import FedeleError
from contracts.scores import Language
from serving.desk import entry
from serving.desk.forms import find_language, read_form, show_failure, show_refusal
from serving.desk.rendering import render_page
from serving.desk.state import ListState
from serving.oidc import SignInRefused, begin_sign_in, finish_sign_in, is_configured
from serving.people import TooManyTries, User, check_password, find_by_subject
from serving.sessions import open_session
from serving.tenants import Tenant, Tenants

FORM_COOKIE = "fedele_form"
AWAY_COOKIE = "fedele_away"
LONGEST_NAME = 100
error_log = logging.getLogger("fedele.errors")
Door = tuple[str, Callable[[Request], Any], tuple[str, ...]]


class Doors:
    """The ways in that need no link; each tries the workspaces in turn, as keys do."""

    def __init__(self, tenants: Tenants, clock: Callable[[], datetime]) -> None:
        self._tenants = tenants
        self._clock = clock

    async def by_password(self, request: Request) -> Response:
        """The form for name and password, and what it sends: 403 for a wrong one, 429 after several."""
        language = find_language(request)
        if request.method == "GET":
            return self._show(request, language, None)
        form = await read_form(request)
        if not entry.is_own_form(request) or not _has_token(request, form):
            return show_refusal(request, language, "foreign")
        name, password = form.get("name", "").strip().lower()[:LONGEST_NAME], form.get("password", "")
        try:
            found = await run_in_threadpool(self._check, name, password)
        except TooManyTries as error:
            answer = self._show(request, language, "paused", 429)
            answer.headers["retry-after"] = str(error.seconds)
            return answer
        except FedeleError as error:
            return show_failure(request, language, error)
        if found is None:
            return self._show(request, language, "unfit", 403)
        return await self._let_in(request, language, *found)

    async def away(self, request: Request) -> Response:
        """Send the browser to the company's sign-in service."""
        language, tenant = find_language(request), self._find_oidc()
        if tenant is None:
            return render_page(request, "missing.html", language, {}, 404)
        settings = tenant.workspace.settings.oidc
        try:
            going = await run_in_threadpool(begin_sign_in, tenant.store.work, settings, self._clock())
        except FedeleError as error:
            return show_failure(request, language, error)
        response = RedirectResponse(going.address, 303)
        entry.set_cookie(response, request, AWAY_COOKIE, going.state, 600)
        return response

    async def back(self, request: Request) -> Response:
        """Let in whom the service vouches for, if this browser is the one that left."""
        language, tenant = find_language(request), self._find_oidc()
        if tenant is None:
            return render_page(request, "missing.html", language, {}, 404)
        state, code = (request.query_params.get(each, "") for each in ("state", "code"))
        if not state or not hmac.compare_digest(state.encode(), _cookie(request, AWAY_COOKIE).encode()):
            return show_refusal(request, language, "foreign")
        try:
            user = await run_in_threadpool(self._identify, tenant, state, code)
        except SignInRefused as error:
            error_log.error(json.dumps({"error": error.code, "text": str(error)}))
            return show_refusal(request, language, "unvouched")
        except FedeleError as error:
            return show_failure(request, language, error)
        if user is None:
            return show_refusal(request, language, "stranger")
        response = await self._let_in(request, language, tenant, user)
        response.delete_cookie(AWAY_COOKIE, path=entry.PATH)
        return response

    def _show(self, request: Request, language: Language, fault: str | None, status: int = 200) -> Response:
        token = _cookie(request, FORM_COOKIE) or secrets.token_urlsafe(32)
        known = {"fault": fault, "form_token": token, "has_oidc": self._find_oidc() is not None}
        response = render_page(request, "sign_in.html", language, known, status)
        entry.set_cookie(response, request, FORM_COOKIE, token, 3600)
        return response

    def _check(self, name: str, password: str) -> tuple[Tenant, User] | None:
        found = None
        for tenant in self._tenants:
            user = check_password(tenant.store.work, name, password, self._clock())
            found = found or (None if user is None else (tenant, user))
        return found

    def _identify(self, tenant: Tenant, state: str, code: str) -> User | None:
        work, settings = tenant.store.work, tenant.workspace.settings.oidc
        return find_by_subject(work, finish_sign_in(work, settings, state, code, self._clock()))

    async def _let_in(self, request: Request, language: Language, tenant: Tenant, user: User) -> Response:
        before = request.cookies.get(entry.COOKIE)
        token = await run_in_threadpool(open_session, tenant.store.work, user, self._clock(), before)
        response = RedirectResponse(ListState(language).address(), 303)
        entry.set_session(response, request, token)
        return response

    def _find_oidc(self) -> Tenant | None:
        return next((each for each in self._tenants if is_configured(each.workspace.settings.oidc)), None)


def build_doors(tenants: Tenants, clock: Callable[[], datetime]) -> list[Door]:
    """Return the addresses of these ways in, their endpoints and methods."""
    doors = Doors(tenants, clock)
    return [
        ("/desk/sign-in", doors.by_password, ("GET", "POST")),
        ("/desk/oidc/away", doors.away, ("GET",)),
        ("/desk/oidc/back", doors.back, ("GET",)),
    ]


def _has_token(request: Request, form: dict[str, str]) -> bool:
    """Return whether the form carries the token this browser was given: another site cannot read it."""
    known, sent = _cookie(request, FORM_COOKIE), form.get("token", "")
    return bool(known) and hmac.compare_digest(known.encode(), sent.encode())


def _cookie(request: Request, name: str) -> str:
    return request.cookies.get(name, "")[:200]
