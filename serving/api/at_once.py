"""The most asked question, answered where it arrives: one record, straight from the index of its generation.

Whatever is not plainly that (another query, an unknown customer, a store that has to be waited for) goes the
usual way and is answered by ``serving.api.scores.get_score``, whose bytes and headers these are.
"""

from collections.abc import Mapping
from typing import Any

from contracts.scores import Language
from serving.api.answers import JSON, VARY, find_tag, names_tag
from serving.api.bodies import is_customer_id
from serving.api.languages import choose_language
from serving.ledger.accesses import Access
from serving.tenants import Tenant

SCORE = "/v1/customers/{customer_id}/score"
_BEFORE, _AFTER = SCORE.split("{customer_id}")
_ASKED: dict[bytes, Language | None] = {b"": None, b"lang=en": "en", b"lang=it": "it"}
_CONTENT = {language: language.encode() for language in ("en", "it")}


def find_answer(
    scope: Mapping[str, Any], headers: Mapping[str, str]
) -> tuple[int, list[tuple[bytes, bytes]], bytes] | None:
    """Return status, headers and body of a stored score that is at hand, and note the read; else None."""
    query = scope["query_string"]
    if query not in _ASKED or "content-length" in headers or "transfer-encoding" in headers:
        return None
    state: dict[str, Any] = scope["state"]
    tenant: Tenant = state["tenant"]
    customer_id = scope["path"][len(_BEFORE) : -len(_AFTER)]
    language = choose_language(_ASKED[query], headers.get("accept-language"))
    body = tenant.store.recall(customer_id, language) if is_customer_id(customer_id) else None
    if body is None:
        return None
    tenant.accesses.note(Access(state["now"], state["key"].key_id, "score", (customer_id,)))
    tag = find_tag(body)
    told = [
        (b"etag", tag.encode()),
        (b"content-language", _CONTENT[language]),
        (b"vary", VARY.encode()),
    ]
    if names_tag(headers.get("if-none-match", ""), tag):
        return 304, told, b""
    told += [(b"content-length", str(len(body)).encode()), (b"content-type", JSON.encode())]
    return 200, told, body
