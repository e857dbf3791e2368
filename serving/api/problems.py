"""Problem documents (RFC 9457): the one shape of everything that is not a success."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import Response

from contracts.scores import Language, NotScored, dumps

MEDIA_TYPE = "application/problem+json"
PREFIX = "urn:fedele:problem:"
LISTED_FAULTS = 100

# code: (status, title). Codes are frozen within /v1; docs/api.md explains each.
PROBLEMS: dict[str, tuple[int, str]] = {
    "bad-framing": (400, "The request's framing is ambiguous"),
    "unreadable": (400, "The body is no JSON that can be read"),
    "too-deep": (400, "The body is nested too deeply"),
    "no-idempotency-key": (400, "An Idempotency-Key is needed"),
    "bad-cursor": (400, "The cursor is not one of this list"),
    "no-key": (401, "A valid key is needed"),
    "no-scope": (403, "The key may not do this"),
    "not-found": (404, "There is nothing here"),
    "unknown": (404, "No such customer"),
    "method": (405, "The method is not for this address"),
    "slow-body": (408, "The body did not arrive in time"),
    "busy-key": (409, "The first request with this Idempotency-Key is still running"),
    "other-features": (409, "The stored features are of another model"),
    "not-done": (409, "The job has no result yet"),
    "expired": (410, "The generation is no longer kept"),
    "changed": (412, "It has changed since it was read"),
    "too-large": (413, "The request is too large"),
    "media-type": (415, "The body must be plain application/json"),
    "invalid": (422, "The request was read but is not right"),
    "key-reused": (422, "The Idempotency-Key was used for another request"),
    "no-if-match": (428, "An If-Match is needed"),
    "too-many": (429, "Too many requests at once"),
    "internal": (500, "Something went wrong here"),
    "store": (503, "The store cannot answer"),
    "writing": (503, "Another command is writing to the workspace"),
    "not-ready": (503, "Not ready"),
    "timeout": (504, "The answer took too long"),
}
_BY_STATUS = {
    400: "unreadable",
    401: "no-key",
    403: "no-scope",
    404: "not-found",
    405: "method",
    413: "too-large",
}
_BY_STATUS |= {415: "media-type", 422: "invalid", 429: "too-many", 503: "store", 504: "timeout"}

_REASONS: dict[str, dict[Language, str]] = {
    "no_first_order": {"en": "No order that counts yet", "it": "Ancora nessun ordine valido"},
    "no_model": {
        "en": "This model does not score this kind of customer",
        "it": "Questo modello non valuta questo tipo di cliente",
    },
    "already_ended": {"en": "The subscription has ended", "it": "L'abbonamento è terminato"},
    "suppressed": {"en": "Profiling is not allowed", "it": "La profilazione non è consentita"},
    "unknown": {"en": "No such customer", "it": "Cliente sconosciuto"},
    "bad_id": {"en": "Not a customer id", "it": "Identificativo non valido"},
}


@dataclass(frozen=True)
class Fault:
    """One fault of a request: a JSON pointer, a stable code and a sentence without the offending value."""

    pointer: str
    code: str
    detail: str


@dataclass
class Problem(Exception):
    """Raise it anywhere under a route; the caller gets the document. ``detail`` never holds what was sent."""

    code: str
    detail: str
    faults: tuple[Fault, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """HTTP status."""
        return PROBLEMS[self.code][0]


def render_problem(problem: Problem, request_id: str) -> Response:
    """Return the response a problem is answered with."""
    status, title = PROBLEMS[problem.code]
    document: dict[str, object] = {
        "type": PREFIX + problem.code,
        "title": title,
        "status": status,
        "detail": problem.detail,
        "instance": f"urn:fedele:request:{request_id}",
    }
    if problem.faults:
        document["errors"] = [vars(fault) for fault in problem.faults[:LISTED_FAULTS]]
        document["errors_truncated"] = len(problem.faults) > LISTED_FAULTS
    return Response(dumps(document), status, headers=dict(problem.headers), media_type=MEDIA_TYPE)


def find_problem(status: int) -> Problem:
    """Return the problem that stands for a bare status of another layer."""
    code = _BY_STATUS.get(status, "internal" if status >= 500 else "invalid")
    return Problem(code, PROBLEMS[code][1] + ".")


def not_scored_problem(reason: NotScored | str, language: Language, pointer: str = "") -> dict[str, str]:
    """Return why one customer has no score, as it stands within an answer.

    Examples:
        >>> not_scored_problem("unknown", "it")["title"]
        'Cliente sconosciuto'
    """
    problem = {"type": PREFIX + reason.replace("_", "-"), "code": reason, "title": _REASONS[reason][language]}
    return problem | ({"pointer": pointer} if pointer else {})
