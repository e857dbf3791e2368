"""Telling others: signed events to the addresses of ``fedele.toml``, at least once, never from a request."""

import hashlib
import hmac
import http.client
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

from contracts.scores import dumps
from contracts.settings import WebhookSection
from contracts.time import to_text
from contracts.workspace import Workspace
from serving.store.generations import ScoreStore, open_store
from serving.store.outbox import (
    CHANGED,
    Message,
    add_messages,
    claim_messages,
    drop_messages,
    find_flips,
    is_waiting,
    name_event,
    put_off,
)
from serving.store.rows import GenerationInfo, StoredScore

COMPLETED = "generation.completed"
PAGE = 500
AT_ONCE = 20
SECONDS = 10.0
error_log = logging.getLogger("fedele.errors")


def expand_flips(workspace: Workspace, store: ScoreStore, now: datetime) -> int:
    """Turn each noted flip into the messages it means for each target; return how many messages."""
    with store.work.read() as connection:
        flips = find_flips(connection)
    count = 0
    for event_id, flip in flips:
        messages = list(_tell(workspace, store, flip["generation"], flip["before"], now))
        with store.work.write() as connection:
            if event_id not in dict(find_flips(connection)):
                continue  # another worker was faster
            drop_messages(connection, event_id)
            add_messages(connection, messages, now)
        count += len(messages)
    return count


def deliver(workspace: Workspace, store: ScoreStore, now: datetime) -> tuple[int, int]:
    """Send what is due; return how many messages arrived and how many are put off."""
    targets = {hook.name: hook for hook in workspace.settings.webhooks}
    with store.work.read() as connection:
        if not targets and not find_flips(connection):
            return 0, 0
    expand_flips(workspace, store, now)
    with store.work.write() as connection:
        due = claim_messages(connection, now, AT_ONCE)
    sent = 0
    for message in due:
        with store.work.read() as connection:
            if not is_waiting(connection, message):
                continue  # somebody in it was withdrawn since it was taken up: it is told anew in a minute
        hook = targets.get(message.target)
        fault = None if hook is None else post(hook, message, now)
        with store.work.write() as connection:
            if fault is None:
                drop_messages(connection, message.event_id, message.target)
            else:
                put_off(connection, message, now, fault)
        sent += fault is None and hook is not None
        if fault is not None:
            line = {"error": "webhook", "target": message.target, "attempt": message.attempts + 1}
            error_log.error(json.dumps(line | {"reason": fault}))
    return sent, len(due) - sent


def deliver_now(workspace: Workspace, now: datetime) -> int:
    """Send what is due and return how many messages arrived; what fails is left to the service."""
    store = open_store(workspace)
    try:
        return deliver(workspace, store, now)[0]
    finally:
        store.close()


def sign(secret: str, body: bytes, now: datetime) -> str:
    """Return the signature header: ``t`` in Unix seconds, ``v1`` the HMAC-SHA-256 over ``t.body``.

    Examples:
        >>> from datetime import UTC
        >>> sign("sixteen characters", b"{}", datetime(2026, 1, 1, tzinfo=UTC))[:24]
        't=1767225600,v1=1dd2fec9'
    """
    moment = str(int(now.timestamp()))
    digest = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256)
    return f"t={moment},v1={digest.hexdigest()}"


def post(hook: WebhookSection, message: Message, now: datetime) -> str | None:
    """Send one message; return None when it was taken (2xx), else why not. Redirects are not followed."""
    address = urlsplit(hook.url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    body = message.body.encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Fedele",
        "Fedele-Event": message.kind,
        "Fedele-Event-Id": message.event_id,
        "Fedele-Signature": sign(hook.secret.get_secret_value(), body, now),
    }
    try:
        connection = kind(address.hostname or "", address.port, timeout=SECONDS)
        try:
            path = (address.path or "/") + (f"?{address.query}" if address.query else "")
            connection.request("POST", path, body, headers)
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return type(error).__name__
    return None if 200 <= status < 300 else f"status {status}"


def _tell(
    workspace: Workspace, store: ScoreStore, generation: str, before: str | None, now: datetime
) -> Iterator[Message]:
    info = store.find_generation(generation)
    if info is None or not workspace.settings.webhooks:
        return
    earlier = None if before is None else store.find_generation(before)
    moment = (info.generation, to_text(info.scored_at))
    events = [(name_event(COMPLETED, *moment), COMPLETED, _summarise(info))]
    if earlier is not None and earlier.generation != info.generation:
        for page, changes in enumerate(_find_changes(store, earlier, info)):
            events.append((name_event(CHANGED, *moment, page), CHANGED, {"changes": changes}))
    for event_id, kind, data in events:
        head = {"event_id": event_id, "event": kind, "created_at": to_text(now)}
        about = {"generation": info.generation, "as_of": to_text(info.as_of)}
        body = dumps(head | about | data).decode()
        for hook in workspace.settings.webhooks:
            if kind in hook.events:
                yield Message(event_id, hook.name, kind, body)


def _summarise(info: GenerationInfo) -> dict[str, object]:
    counts = {"scored": info.scored, "not_scored": dict(info.not_scored), "flags": list(info.flags)}
    return {"model_version": info.model_version} | counts


def _find_changes(
    store: ScoreStore, before: GenerationInfo, info: GenerationInfo
) -> Iterator[list[dict[str, str | None]]]:
    """Yield pages of customers whose band is another; null where there is no score."""
    page: list[dict[str, str | None]] = []
    after = None
    while found := store.changed_since(before, info, "en", PAGE, after):
        after = found[-1][0]
        now_there = {_name(row): row for _, row in found}
        old = store.read(list(now_there), "en", before)
        for customer_id, row in now_there.items():
            was = old[customer_id].risk_band if customer_id in old else None
            band = None if isinstance(row, str) else row.risk_band
            if was != band:
                page.append({"customer_id": customer_id, "from": was, "to": band})
            if len(page) == PAGE:
                yield page
                page = []
    if page:
        yield page


def _name(row: StoredScore | str) -> str:
    return row if isinstance(row, str) else row.customer_id
