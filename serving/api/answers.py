"""Answers made of stored bytes: records are spliced in as they are, never parsed and written again."""

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from contracts.scores import FIELDS, Language, dumps
from contracts.time import to_text
from serving.api.bodies import Asked, is_customer_id
from serving.api.problems import not_scored_problem
from serving.store.generations import ScoreStore
from serving.store.rows import GenerationInfo, StoredScore

JSON = "application/json"
VARY = "Accept-Language, Authorization"


def answer_asked(store: ScoreStore, asked: Asked, language: Language) -> bytes:
    """Return the body for a request for scores: one result per id asked, in the order asked."""
    info = store.current()
    ids = [each for each in asked.customer_ids if is_customer_id(each)]
    found = find_scores(store, ids, language, info)
    results, seen = [], set[str]()
    scored = 0
    for place, each in enumerate(asked.customer_ids):
        if not is_customer_id(each):
            results.append(render_not_scored(None, "bad_id", language, pointer=f"/customer_ids/{place}"))
            continue
        row = found.get(each)
        scored += row is not None and row.status == "scored"
        results.append(render_result(each, row, language, asked.include, repeated=each in seen))
        seen.add(each)
    total = len(asked.customer_ids)
    summary = {"requested": total, "scored": scored, "not_scored": total - scored}
    head = dumps(describe(info))[1:-1]
    return b'{%b,"results":[%b],"summary":%b}' % (head, b",".join(results), dumps(summary))


def find_scores(
    store: ScoreStore, ids: Sequence[str], language: Language | None, info: GenerationInfo | None
) -> dict[str, StoredScore]:
    """Return stored scores by the id asked; an id with combining marks also finds its composed twin.

    ``language`` is that of the records, None for scores without any.
    """
    if info is None:
        return {}
    found = store.read(list(dict.fromkeys(ids)), language, info)
    composed = {each: unicodedata.normalize("NFC", each) for each in ids if each not in found}
    twins = {each: twin for each, twin in composed.items() if twin != each}
    more = store.read(list(twins.values()), language, info) if twins else {}
    return found | {each: more[twin] for each, twin in twins.items() if twin in more}


def render_result(
    customer_id: str,
    row: StoredScore | None,
    language: Language,
    include: tuple[str, ...] | None = None,
    *,
    repeated: bool = False,
) -> bytes:
    """Return one result: the id as asked, the status, and the stored record or why there is none."""
    record = None if row is None else row.record(language)
    flag = b',"repeated":true' if repeated else b""
    if record is None:
        reason = "unknown" if row is None or row.reason is None else row.reason
        return render_not_scored(customer_id, reason, language)[:-1] + flag + b"}"
    chosen = record if include is None else choose_fields(record, include)
    return b'{"customer_id":%b,"status":"scored"%b,"score":%b}' % (dumps(customer_id), flag, chosen)


def render_not_scored(customer_id: str | None, reason: str, language: Language, pointer: str = "") -> bytes:
    """Return the result of a customer without a score."""
    problem = not_scored_problem(reason, language, pointer)
    return dumps({"customer_id": customer_id, "status": "not_scored", "problem": problem})


def choose_fields(record: bytes, include: tuple[str, ...]) -> bytes:
    """Return a record cut to some fields, in the order of the contract; ``customer_id`` always stays."""
    values: dict[str, Any] = json.loads(record)
    return dumps({name: values[name] for name in FIELDS if name in include or name == "customer_id"})


def describe(info: GenerationInfo | None) -> dict[str, str | None]:
    """Return what every answer says of the generation it comes from; nulls before the first one."""
    if info is None:
        return {"as_of": None, "generation": None, "model_version": None}
    return {"as_of": to_text(info.as_of), "generation": info.generation, "model_version": info.model_version}


def respond(request: Request, body: bytes, language: Language) -> Response:
    """Return the response of a stored answer: 304 when ``If-None-Match`` names these very bytes."""
    tag, headers = find_tag(body), {"Content-Language": language, "Vary": VARY}
    headers["ETag"] = tag
    if request.method == "GET" and names_tag(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=JSON)


def find_tag(body: bytes) -> str:
    """Return the ETag of these bytes."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def names_tag(sent: str, tag: str) -> bool:
    """Return whether ``If-None-Match`` names a tag, or any."""
    known = {each.strip().removeprefix("W/") for each in sent.split(",")} if sent else set()
    return tag in known or "*" in known
