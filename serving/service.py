"""The BentoML service: one mounted app, one method for BentoML's own clients. The one door to BentoML."""

import logging
import sys
from pathlib import Path
from typing import Any

import bentoml
from bentoml._internal.server.http import traffic
from starlette.responses import Response
from starlette.types import ASGIApp

from contracts.settings import read_variable
from contracts.time import read_clock
from serving.api.answers import JSON, answer_asked
from serving.api.app import build_app
from serving.api.bodies import check_asked
from serving.api.languages import choose_language
from serving.api.middleware import ServiceMiddleware, describe_failure
from serving.api.model import find_champion
from serving.api.probes import ProbeServer, Pulse
from serving.api.reads import note_read
from serving.errands import Errands
from serving.heap import freeze_heap
from serving.server import SEPARATOR, WORKERS, WORKSPACES
from serving.tenants import Tenants

TENANTS, PULSE = Tenants(), Pulse()


def set_no_timer(app: ASGIApp, timeout: float) -> ASGIApp:
    """Stand in for BentoML's timeout: ServiceMiddleware has a tighter one.

    BentoML's never cancels its timer: each request leaves one for ``timeout`` seconds, 30,000 at full load.
    The garbage collections that walk them stopped every answer for a tenth of a second, every second.
    """
    del timeout
    return app


traffic.TimeoutMiddleware = set_no_timer  # type: ignore[misc, assignment]


class WithoutData(logging.Filter):
    """Cuts what BentoML logs of a failure to its type and place: the rest may hold customers' data."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place; always keeps it."""
        if record.exc_info:
            error = record.exc_info[1]
            record.msg = "request failed: %s"
            record.args = (describe_failure(error) if error is not None else "",)
            record.exc_info = record.exc_text = None
        return True


# The outer net only: ServiceMiddleware is tighter, so that BentoML's own answers never show.
@bentoml.service(
    name="fedele",
    workers=int(read_variable(WORKERS) or 1),
    threads=4,
    traffic={"timeout": 20, "max_concurrency": 512},
    tracing={"excluded_urls": ".*"},  # its spans would hold raw paths, and so customers' ids
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    http={"host": "127.0.0.1", "cors": {"enabled": False}},
    monitoring={"enabled": False},
)
class Fedele:
    """Opens the workspaces when a worker starts."""

    def __init__(self) -> None:
        set_up_logs()
        TENANTS.open([Path(folder) for folder in (read_variable(WORKSPACES) or ".").split(SEPARATOR)])
        warm_up()
        home = read_variable("BENTOML_HOME")
        if home is not None:
            TENANTS.metrics.share(Path(home) / "metrics")
        TENANTS.watch()
        Errands(TENANTS, read_clock).start()
        answer_probes()

    @bentoml.api(route="/rpc/scores")  # type: ignore[untyped-decorator]
    def score_customers(
        self,
        customer_ids: list[Any],
        lang: str | None = None,
        include: list[str] | None = None,
        *,
        ctx: bentoml.Context,
    ) -> dict[str, Any]:
        """Stored scores of up to 1,000 customers: the very answer of POST /v1/scores."""
        sent = {"customer_ids": customer_ids, "lang": lang, "include": include}
        asked = check_asked({name: value for name, value in sent.items() if value is not None})
        headers = ctx.request.headers
        language = choose_language(asked.language, headers.get("accept-language"))
        body = answer_asked(ctx.request.state.tenant.store, asked, language)
        note_read(ctx.request.state, "rpc", asked.customer_ids)
        # A ready response is sent as it is: BentoML would write the numbers its own way.
        return Response(body, headers={"Content-Language": language}, media_type=JSON)  # type: ignore[return-value]


def set_up_logs() -> None:
    """Write our own lines to stdout, once, and strip customers' data from BentoML's."""
    ours = logging.getLogger("fedele")
    if not ours.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(message)s"))
        ours.addHandler(handler)
        ours.setLevel(logging.INFO)
        ours.propagate = False
    for name in ("bentoml.serve", "bentoml._internal.server.http_app", "bentoml", "uvicorn.error", "uvicorn"):
        logging.getLogger(name).addFilter(WithoutData())


def warm_up() -> None:
    """Ask each store once, then keep what is loaded out of later garbage collections (p99 205 to 1.2 ms)."""
    for tenant in TENANTS:
        tenant.store.current()
        find_champion(tenant.workspace)
    freeze_heap()
    # Four threads compute beside the one that listens: it shall get its turn in half a millisecond, not in 5.
    sys.setswitchinterval(0.0005)


def answer_probes() -> None:
    """Answer probes on the port that the first workspace's settings give them, if they give one."""
    settings = next(iter(TENANTS)).workspace.settings.serve
    if settings.probe_port is not None:
        ProbeServer(settings.host, settings.probe_port, TENANTS, PULSE).start()


service: Any = Fedele  # the decorator turned the class into a BentoML service
service.mount_asgi_app(build_app(TENANTS, read_clock), path="/")
service.add_asgi_middleware(ServiceMiddleware, tenants=TENANTS, clock=read_clock, pulse=PULSE)
