"""An empty route mounted in BentoML as our app is, and nothing else: what the service is measured against."""

from typing import Any

import bentoml
from fastapi import FastAPI, Response

from contracts.settings import read_variable
from serving.server import WORKERS

app = FastAPI(openapi_url=None)


@app.get("/empty")
def get_empty() -> Response:
    """Answer with nothing."""
    return Response(b"{}", media_type="application/json")


@app.get("/readyz")
def get_ready() -> Response:
    """Answer that the service is up."""
    return Response(b"{}", media_type="application/json")


@bentoml.service(
    name="bare",
    workers=int(read_variable(WORKERS) or 1),
    threads=4,
    traffic={"timeout": 20, "max_concurrency": 512},
    tracing={"excluded_urls": ".*"},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    http={"host": "127.0.0.1", "cors": {"enabled": False}},
    monitoring={"enabled": False},
)
class Bare:
    """No method of its own."""


service: Any = Bare
service.mount_asgi_app(app, path="/")
