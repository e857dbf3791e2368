"""The desk's routes: every page is a link or a form, drawn from the store of the session's workspace."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from contracts.errors import FedeleError
from contracts.scores import Language
from contracts.settings import Settings
from contracts.time import find_zone
from serving.api.answers import JSON
from serving.desk import entry
from serving.desk.customer import build_customer, find_customer, find_neighbours
from serving.desk.doors import build_doors
from serving.desk.export import write_list
from serving.desk.figures import Figures
from serving.desk.forms import find_language, read_form, show_failure, show_refusal
from serving.desk.listing import build_view, read_record
from serving.desk.notices import find_cautions, find_moves, is_stale
from serving.desk.rendering import STATIC, SafeHeaders, read_static, render_page
from serving.desk.state import BANDS, MOST_CONTACTS, ListState, read_state
from serving.desk.words import load_words
from serving.ledger.accesses import Access
from serving.roles import Permission
from serving.sessions import Session, end_session
from serving.store.generations import ScoreStore
from serving.store.rows import GenerationInfo
from serving.tenants import Tenant, Tenants

Clock = Callable[[], datetime]
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Visit:
    """A signed-in person's request: where they stand, and what generation they see (None: nothing scored)."""

    request: Request
    tenant: Tenant
    session: Session
    state: ListState
    now: datetime
    current: GenerationInfo | None
    info: GenerationInfo | None

    @property
    def store(self) -> ScoreStore:
        """The scores of the session's workspace."""
        return self.tenant.store

    @property
    def settings(self) -> Settings:
        """The settings of the session's workspace."""
        return self.tenant.workspace.settings

    def note_read(self, route: str, customer_ids: Iterable[str] | None) -> None:
        """Tell the ledger whom this page shows; None stands for the whole list."""
        ids = None if customer_ids is None else tuple(customer_ids)
        self.tenant.accesses.note(Access(self.now, "desk", route, ids))

    def render(self, template: str, status: int = 200, **values: Any) -> Response:
        """Return a page that knows who is signed in."""
        known = {"session": self.session, "workspace": self.settings.workspace, "state": self.state}
        return render_page(self.request, template, self.state.language, known | values, status)


View = Callable[[Visit], Response]


class Desk:
    """The pages for these tenants; ``clock`` tells the present instant."""

    def __init__(self, tenants: Tenants, clock: Clock) -> None:
        self._tenants = tenants
        self._clock = clock
        self._figures = Figures()

    def signed_in(self, view: View, permission: Permission = "desk:read") -> Callable[[Request], Response]:
        """Return the endpoint that shows ``view`` to who may see it, and to strangers how to sign in."""

        def endpoint(request: Request) -> Response:
            language = find_language(request)
            try:
                visit = self._open(request, language)
                if visit is None:
                    return render_page(request, "needed.html", language, {}, 401)
                if not visit.session.may(permission):
                    return visit.render("refused.html", 403, why="role")
                return view(visit)
            except FedeleError as error:
                return show_failure(request, language, error)

        return endpoint

    def show_list(self, visit: Visit) -> Response:
        """The list; a search that finds its customer goes there at once."""
        wanted = visit.request.query_params.get("id", "").strip()
        info, state = visit.info, visit.state
        if info is None:
            return visit.render("empty.html", horizon=visit.settings.horizons.horizon_days)
        if wanted and find_customer(visit.store, wanted, state.language, info):
            return RedirectResponse(state.customer_address(wanted), 303)
        view = build_view(visit.store, state, info, self._figures)
        record = view.rows[0].record if view.rows else None
        visit.note_read("list", (row.record["customer_id"] for row in view.rows))
        return visit.render(
            "list.html",
            view=view,
            info=info,
            wanted=wanted,
            currency=record["currency"] if record else visit.settings.workspace.currency,
            horizon=record["horizon_days"] if record else visit.settings.horizons.horizon_days,
            notices=find_moves(state, is_newest=visit.current == info, is_expired=_asked_for_another(visit))
            + find_cautions(info, view.flags, visit.settings, visit.now, state.language),
            stale=is_stale(info, visit.settings, visit.now),
            bands=BANDS,
            has_kinds=len(info.kinds) > 1,
            most_contacts=MOST_CONTACTS,
        )

    def show_customer(self, visit: Visit) -> Response:
        """A customer's page; one without a score says why, an unknown one is a friendly 404."""
        customer_id = _find_id(visit.request)
        info, state = visit.info, visit.state
        if not customer_id:
            return RedirectResponse(state.address(), 303)
        found = None if info is None else find_customer(visit.store, customer_id, state.language, info)
        if found is None or info is None:
            return visit.render("unknown.html", 404, customer_id=customer_id)
        if found.record(state.language) is None:
            return visit.render("unscored.html", customer_id=found.customer_id, reason=found.reason)
        visit.note_read("page", [found.customer_id])
        neighbours = find_neighbours(visit.store, state, info, found.customer_id)
        return visit.render(
            "customer.html",
            view=build_customer(read_record(found, state)),
            neighbours=neighbours,
            total=self._figures.count(visit.store, state.selection, info),
            json_address=_record_address(found.customer_id, state),
        )

    def send_record(self, visit: Visit) -> Response:
        """The stored record of a customer, byte for byte as the API answers it."""
        customer_id, language = visit.request.query_params.get("id", ""), visit.state.language
        found = visit.info and find_customer(visit.store, customer_id, language, visit.info)
        body = found.record(language) if found else None
        if body is None:
            return visit.render("unknown.html", 404, customer_id=customer_id)
        visit.note_read("record", [customer_id])
        return Response(body, media_type=JSON, headers={"content-language": language})

    def send_export(self, visit: Visit) -> Response:
        """The whole list as CSV, streamed."""
        info, state = visit.info, visit.state
        if info is None:
            return RedirectResponse(state.address(), 303)
        visit.note_read("export", None)
        day = info.as_of.astimezone(find_zone(visit.settings.workspace.timezone))
        name = f"{load_words(state.language)('csv.file')}-{day:%Y-%m-%d}.csv"
        return StreamingResponse(
            write_list(visit.store, state, info),
            media_type="text/csv",
            headers={
                "content-disposition": f'attachment; filename="{name}"',
                "content-language": state.language,
            },
        )

    def show_help(self, visit: Visit) -> Response:
        """What each number means."""
        return visit.render("help.html")

    def show_missing(self, visit: Visit) -> Response:
        """What an address that leads nowhere says."""
        return visit.render("missing.html", 404)

    async def enter(self, request: Request) -> Response:
        """The sign-in form, and what it sends: a code becomes a session."""
        language = find_language(request)
        if not entry.is_loopback(request.client.host if request.client else None):
            return show_refusal(request, language, "outside")
        if request.method == "GET":
            return render_page(request, "enter.html", language, {"fault": None})
        if not entry.is_own_form(request):
            return show_refusal(request, language, "foreign")
        code = (await read_form(request)).get("code", "").strip().rpartition("#")[2]
        try:
            before = request.cookies.get(entry.COOKIE)
            token = await run_in_threadpool(entry.sign_in, self._tenants, code, self._clock(), before)
        except FedeleError as error:
            return show_failure(request, language, error)
        if token is None:
            return render_page(request, "enter.html", language, {"fault": "wrong" if code else "blank"}, 403)
        response = RedirectResponse(ListState(language).address(), 303)
        entry.set_session(response, request, token)
        return response

    async def leave(self, request: Request) -> Response:
        """Sign out: the session is forgotten here and in the browser."""
        language, token = find_language(request), request.cookies.get(entry.COOKIE, "")
        form = await read_form(request)
        found = await run_in_threadpool(self._tenants.find_session, token, self._clock())
        if not entry.is_own_form(request) or (found and form.get("token") != found[1].form_token):
            return show_refusal(request, language, "foreign")
        if found:
            await run_in_threadpool(end_session, found[0].store.work, token)
        response = render_page(request, "left.html", language, {})
        entry.drop_session(response, request)
        return response

    def _open(self, request: Request, language: Language) -> Visit | None:
        token, now = request.cookies.get(entry.COOKIE), self._clock()
        found = self._tenants.find_session(token, now) if token else None
        if found is None:
            return None
        tenant, session = found
        state = read_state(request.query_params, language)
        current = tenant.store.current()
        info = current
        if state.generation is not None and (current is None or current.generation != state.generation):
            info = tenant.store.find_generation(state.generation) or current
            state = state if info is not current else state.at_start()
        return Visit(request, tenant, session, state, now, current, info)


def build_desk(tenants: Tenants, clock: Clock) -> list[BaseRoute]:
    """Return the routes of the desk, all under ``/desk``.

    Args:
        tenants: the workspaces; a session belongs to one of them.
        clock: tells the present instant (``contracts.time.read_clock``, passed on by who may call it).
    """
    desk = Desk(tenants, clock)
    pages: list[tuple[str, Callable[[Request], Any], tuple[str, ...]]] = [
        ("/desk", desk.signed_in(desk.show_list), ("GET",)),
        ("/desk/", _go_to_list, ("GET",)),
        ("/desk/customers", desk.signed_in(desk.show_customer), ("GET",)),
        ("/desk/customers/{customer_id:path}", desk.signed_in(desk.show_customer), ("GET",)),
        ("/desk/record.json", desk.signed_in(desk.send_record), ("GET",)),
        ("/desk/export.csv", desk.signed_in(desk.send_export, "desk:export"), ("GET",)),
        ("/desk/help", desk.signed_in(desk.show_help), ("GET",)),
        ("/desk/enter", desk.enter, ("GET", "POST")),
        ("/desk/leave", desk.leave, ("POST",)),
        *build_doors(tenants, clock),
        ("/desk/static/{name}", send_static, ("GET",)),
        ("/desk/{rest:path}", desk.signed_in(desk.show_missing), ("GET",)),
    ]
    around = [Middleware(SafeHeaders), Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5)]
    return [
        Route(path, endpoint, methods=list(methods), middleware=around) for path, endpoint, methods in pages
    ]


def send_static(request: Request) -> Response:
    """Send the style sheet, the script or the icon; they hold nothing of anyone and need no session."""
    name = request.path_params["name"]
    if name not in STATIC:
        return render_page(request, "missing.html", find_language(request), {}, 404)
    return Response(read_static(name), headers={"content-type": STATIC[name], "cache-control": _FOR_EVER})


def _go_to_list(request: Request) -> Response:
    return RedirectResponse(f"/desk?lang={find_language(request)}", 303)


def _find_id(request: Request) -> str:
    in_path: str = request.path_params.get("customer_id", "")
    return in_path or request.query_params.get("id", "")


def _record_address(customer_id: str, state: ListState) -> str:
    return f"/desk/record.json?{urlencode({'id': customer_id, 'lang': state.language})}"


def _asked_for_another(visit: Visit) -> bool:
    asked = visit.request.query_params.get("generation")
    return bool(asked) and visit.info is not None and visit.info.generation != asked
