"""Cursors: opaque, signed by the workspace's own secret, bound to a generation and to one list."""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from contracts.scores import dumps
from serving.api.problems import Problem
from serving.store.work import WorkStore

_SECRET = "cursors"
_SIGNATURE_BYTES = 16


def sign_cursor(work: WorkStore, parts: list[Any]) -> str:
    """Return a cursor over plain JSON parts; they name a place, never a customer."""
    payload = dumps(parts)
    return base64.urlsafe_b64encode(_sign(work, payload) + payload).decode().rstrip("=")


def read_cursor(work: WorkStore, text: str, bound: list[Any]) -> list[Any]:
    """Return what follows ``bound`` in a cursor.

    Raises:
        Problem: it was altered, comes from another workspace, or from a list with another order or filter.
    """
    refused = Problem("bad-cursor", "Start the list again without a cursor.")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise refused from None
    signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _sign(work, payload)):
        raise refused
    # A last character may be spelt in several ways that decode alike; only the one we gave out is ours.
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != text:
        raise refused
    parts: list[Any] = json.loads(payload)
    if parts[: len(bound)] != bound:
        raise refused
    return parts[len(bound) :]


def _sign(work: WorkStore, payload: bytes) -> bytes:
    return hmac.new(work.fetch_secret(_SECRET), payload, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
