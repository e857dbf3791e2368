"""The addresses of the service, with who may ask what: anything that is not here does not exist."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from serving.keys import Scope

Body = Literal["asked", "json", "bulk"]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PROBES = ("/livez", "/readyz")
DESK = "/desk"


@dataclass(frozen=True)
class Path:
    """An address: the template for logs, what it matches, its methods, the scope a key needs (None: any).

    ``body`` is what a body must be: a request for scores, any JSON, or a list of customers in bulk.
    ``is_slow``: the answer may take minutes, and is computed elsewhere.
    """

    template: str
    pattern: re.Pattern[str]
    methods: tuple[str, ...]
    scope: Scope | None = None
    body: Body = "json"
    is_slow: bool = False


def _path(
    template: str,
    methods: tuple[str, ...],
    scope: Scope | None = None,
    body: Body = "json",
    *,
    is_slow: bool = False,
) -> Path:
    parts = (_match(part) for part in re.split(r"(\{[a-z_]+\})", template))
    return Path(template, re.compile("".join(parts), re.DOTALL), methods, scope, body, is_slow)


def _match(part: str) -> str:
    # A customer's id is the company's own and may hold anything; the others are ours.
    if part == "{customer_id}":
        return ".+"
    return "[A-Za-z0-9_-]{1,64}" if part.startswith("{") else re.escape(part)


PATHS = (
    _path("/v1/scores", ("GET", "POST"), "score:read", "asked"),
    _path("/v1/customers/{customer_id}/score", ("GET",), "score:read"),
    _path("/v1/customers/{customer_id}/history", ("GET",), "score:read"),
    _path("/v1/customers/{customer_id}/rescore", ("POST",), "score:live"),
    _path("/v1/customers:erase", ("POST",), "customer:erase", is_slow=True),
    _path("/v1/reasons", ("GET",), "score:read"),
    _path("/v1/outcomes", ("POST",), "outcome:write"),
    _path("/v1/outcomes/{outcome_id}", ("GET", "PUT"), "outcome:write"),
    _path("/v1/jobs", ("POST",), "job:write", "bulk", is_slow=True),
    _path("/v1/jobs/{job_id}", ("GET",), "job:write"),
    _path("/v1/jobs/{job_id}/result", ("GET",), "job:write", is_slow=True),
    _path("/v1/at-risk", ("GET",), "score:read"),
    _path("/v1/model", ("GET",), "model:read"),
    _path("/v1/openapi.json", ("GET",)),
    _path("/metrics", ("GET",), "metrics:read"),
    _path("/rpc/scores", ("POST",), "score:read", "asked"),
    _path("/schema.json", ("GET",)),
)


def find_path(path: str) -> Path | None:
    """Return the address that is spelt exactly so, or None.

    Examples:
        >>> find_path("/v1/customers/C-1/score").template
        '/v1/customers/{customer_id}/score'
        >>> [find_path(each) for each in ("/v1/scores/", "//v1/scores", "/V1/scores", "/docs.json")]
        [None, None, None, None]
    """
    return next((each for each in PATHS if each.pattern.fullmatch(path)), None)


def name_method(scope: Mapping[str, Any]) -> str:
    """Return the method of a request for logs and figures; what a caller made up is ``other``.

    Examples:
        >>> [name_method({"method": each}) for each in ("GET", "get", "C-1")]
        ['GET', 'other', 'other']
    """
    return scope["method"] if scope["method"] in METHODS else "other"


def is_desk(path: str) -> bool:
    """Return whether a path belongs to the desk, which asks for a session itself."""
    return path == DESK or path.startswith(f"{DESK}/")
