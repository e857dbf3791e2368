"""The outside of a request: framing, sizes, types and the body, checked before anything looks inside."""

import asyncio
from collections.abc import Mapping

from starlette.types import Message, Receive, Scope

from serving.api.problems import Problem

BODY_BYTES = 2**20
BODY_SECONDS = 10.0
_CLOSE = {"connection": "close"}


class CallerGone(Exception):
    """The caller hung up before the body was whole."""


def read_headers(scope: Scope) -> dict[str, str]:
    """Return the headers by lower-case name.

    Raises:
        Problem: the length of the body is ambiguous, as smugglers like it.
    """
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").lower()
        if name in headers and name in ("content-length", "transfer-encoding", "host", "authorization"):
            raise Problem("bad-framing", f"Send {name} once.", headers=_CLOSE)
        headers[name] = value.decode("latin-1")
    if "content-length" in headers and "transfer-encoding" in headers:
        raise Problem("bad-framing", "Send content-length or transfer-encoding, not both.", headers=_CLOSE)
    if not headers.get("content-length", "0").isascii() or not headers.get("content-length", "0").isdigit():
        raise Problem("bad-framing", "content-length must be a whole number.", headers=_CLOSE)
    return headers


def check_media_type(headers: Mapping[str, str]) -> None:
    """Raise ``Problem`` unless the body is announced as plain JSON in UTF-8."""
    kind, _, parameter = headers.get("content-type", "").partition(";")
    charset = parameter.strip().lower().replace('"', "")
    if kind.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise Problem("media-type", "Send content-type: application/json.")


async def read_body(receive: Receive, headers: Mapping[str, str]) -> bytes:
    """Return the whole body.

    Raises:
        Problem: it is compressed, larger than 1 MiB (told before it is read), or slower than 10 seconds.
        CallerGone: the caller hung up.
    """
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem("media-type", "Send the body without a content-encoding.", headers=_CLOSE)
    if int(headers.get("content-length", "0")[:20]) > BODY_BYTES:
        raise _too_large()
    chunks, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise CallerGone
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > BODY_BYTES:
                    raise _too_large()
                chunks.append(chunk)
                more = message.get("more_body", False)
    except TimeoutError:
        raise Problem("slow-body", "Send the whole body within 10 seconds.", headers=_CLOSE) from None
    return b"".join(chunks)


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives the body once more, then what the server says."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


def _too_large() -> Problem:
    return Problem("too-large", f"Send at most {BODY_BYTES} bytes.", headers=_CLOSE)
