"""The outside of a request: framing, sizes, types and the body, checked before anything looks inside."""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.types import Message, Receive, Scope

from serving.api.problems import Problem
from serving.jobs import Form

BODY_BYTES = 2**20
BODY_SECONDS = 10.0
BULK_BYTES = 2**26
BULK_SECONDS = 120.0
MEDIA_FORMS: dict[str, Form] = {
    "text/csv": "csv",
    "application/x-ndjson": "ndjson",
    "application/vnd.apache.parquet": "parquet",
}
_CLOSE = {"connection": "close"}


@dataclass(frozen=True)
class Bulk:
    """A large body that was written to ``file`` as it came; ``form`` None is JSON, ``digest`` a SHA-256."""

    file: Path
    form: Form | None
    digest: bytes


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
    chunks = [chunk async for chunk in _read_chunks(receive, headers, BODY_BYTES, BODY_SECONDS)]
    return b"".join(chunks)


async def read_bulk(receive: Receive, headers: Mapping[str, str], folder: Path) -> Bulk:
    """Return a large body as a new file in ``folder``, never held in memory; the caller removes it.

    Raises:
        Problem: it is of another type, compressed, larger than 64 MiB or slower than two minutes.
        CallerGone: the caller hung up.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    form = MEDIA_FORMS.get(kind)
    if form is None:
        check_media_type(headers)
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f".{secrets.token_hex(8)}.upload"
    digest = hashlib.sha256(kind.encode())
    try:
        with file.open("xb") as sink:
            file.chmod(0o600)
            async for chunk in _read_chunks(receive, headers, BULK_BYTES, BULK_SECONDS):
                digest.update(chunk)
                sink.write(chunk)
            sink.flush()
            os.fsync(sink.fileno())
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    return Bulk(file, form, digest.digest())


async def _read_chunks(
    receive: Receive, headers: Mapping[str, str], most: int, seconds: float
) -> AsyncIterator[bytes]:
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem("media-type", "Send the body without a content-encoding.", headers=_CLOSE)
    if int(headers.get("content-length", "0")[:20]) > most:
        raise _too_large(most)
    size, until = 0, asyncio.get_running_loop().time() + seconds
    more = True
    while more:
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            detail = f"Send the whole body within {seconds:g} seconds."
            raise Problem("slow-body", detail, headers=_CLOSE) from None
        if message["type"] == "http.disconnect":
            raise CallerGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        more = message.get("more_body", False)
        yield chunk


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives the body once more, then what the server says."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


def _too_large(most: int) -> Problem:
    return Problem("too-large", f"Send at most {most} bytes.", headers=_CLOSE)
