"""The account of scores computed on request: a row for each, and what it takes to compute it again.

Each worker of a service has a file of rows and one of lines for a day. Both are on disk before anybody is
told a score; the chain vouches for them every minute, at the end of the day, and when the service ends. Facts
that came with a request are kept under the customer's own key, so that they end with it.
"""

import base64
import json
import secrets  # names of files and nonces must not meet; contracts.randomness repeats itself on purpose
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts.errors import StoreError
from contracts.scores import Language, dumps
from contracts.workspace import Workspace
from features.store.tombstones import Tombstones
from serving.ledger.audit import LIVE
from serving.ledger.chain import Chain
from serving.ledger.keyring import Keyring, keyed_digest, pseudonym
from serving.ledger.known import describe_occasion
from serving.ledger.lines import LineWriter
from serving.ledger.rows import RowWriter
from serving.score import Occasion

ANCHOR_AFTER = timedelta(minutes=1)
ROWS, LINES = ".rows", ".lines"
_NONCE = 12


@dataclass(frozen=True, eq=False)
class LiveCall:
    """What the scores of one request for customers of one kind have in common.

    ``bundle`` is the SHA-256 of the model's manifest; ``sent`` the facts that came with the request, None for
    a score of stored features.
    """

    kind: str
    occasion: Occasion
    bundle: str
    language: Language
    sent: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class LiveRow:
    """One score: whose, the digest of the features, the record as it is told."""

    customer_id: str
    features: bytes
    record: bytes


class _Files:
    """The files of one worker and day."""

    def __init__(self, folder: Path, name: str, now: datetime) -> None:
        self.rows_name = f"{name}{ROWS}"
        self.rows = RowWriter(folder / self.rows_name, self.rows_name)
        self.lines = LineWriter(folder / f"{name}{LINES}", f"{name}{LINES}")
        self.anchored_at, self.written_at = now, now
        self._anchored = 0

    def write(self, calls: Mapping[LiveCall, Sequence[LiveRow]], keys: Mapping[str, bytes]) -> None:
        """Put the scores of a request on disk: none of its lines before all of its rows."""
        told, name = [], self.rows_name
        for call, scores in calls.items():
            told.append(_describe(call, self.rows.rows, len(scores), keys[scores[0].customer_id]))
            self.rows.write(build_live_row(keys[each.customer_id], each, name) for each in scores)
            self.written_at = call.occasion.scored_at
        self.rows.sync()
        self.lines.write(told)

    def anchor(self, chain: Chain) -> None:
        """Let the chain, whose lock is held, vouch for what was written since it last did."""
        if self.rows.rows > self._anchored:
            counts = {"rows": self.rows.rows, "lines": self.lines.lines}
            seals = {"root": self.rows.sync(), "seal": self.lines.seal}
            chain.append_held(LIVE, {"file": self.rows_name} | counts | seals, self.written_at)
        self._anchored, self.anchored_at = self.rows.rows, self.written_at

    def close(self) -> None:
        """Close both."""
        self.rows.close()
        self.lines.close()


class LiveAccount:
    """The live scores of one worker in one workspace. Making one touches nothing on disk."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._writing = Lock()
        self._day = ""
        self._files: _Files | None = None
        self._keyring: Keyring | None = None

    def note(self, calls: Mapping[LiveCall, Sequence[LiveRow]]) -> set[str]:
        """Put the scores of a request, by kind of customer, on disk; return whose they are.

        Who was erased while the score was computed is left out, and must not be told either.
        """
        customer_ids = [each.customer_id for scores in calls.values() for each in scores]
        chain = Chain(self._workspace.ledger)
        # Within the lock that an erasure holds: no row comes under a key that is just being destroyed.
        with self._writing, chain.hold():
            keys = self._find_keys(customer_ids)
            kept = {
                call: own
                for call, scores in calls.items()
                if (own := [each for each in scores if each.customer_id in keys])
            }
            if kept:
                files = self._open(chain, next(iter(kept)).occasion.scored_at)
                files.write(kept, keys)
                if files.written_at - files.anchored_at >= ANCHOR_AFTER:
                    files.anchor(chain)
        return set(customer_ids) & set(keys)

    def close(self) -> None:
        """Let the chain vouch for what was written."""
        with self._writing:
            if self._files is not None:
                chain = Chain(self._workspace.ledger)
                with chain.hold():
                    self._end(chain)
            if self._keyring is not None:
                self._keyring.__exit__(None, None, None)
                self._keyring = None

    def _find_keys(self, customer_ids: Sequence[str]) -> dict[str, bytes]:
        if self._keyring is None:
            self._keyring = Keyring(self._workspace.ledger)
        keys = self._keyring.find(customer_ids)
        new = [each for each in customer_ids if each not in keys]
        if new:
            erased = Tombstones(self._workspace.tombstones).find_erased(new)
            keys |= self._keyring.fetch(each for each in new if each not in erased)
        return keys

    def _open(self, chain: Chain, now: datetime) -> _Files:
        day = f"{now.astimezone(UTC):%Y%m%d}"
        if self._files is None or day != self._day:
            self._end(chain)
            self._day = day
            name = f"{LIVE}/{day}-{secrets.token_hex(4)}"
            self._files = _Files(self._workspace.ledger, name, now)
        return self._files

    def _end(self, chain: Chain) -> None:
        if self._files is not None:
            self._files.anchor(chain)
            self._files.close()
        self._files = None


def build_live_row(key: bytes, score: LiveRow, name: str) -> bytes:
    """Return the content of a live score's row: who, from which features, and the record."""
    told = keyed_digest(key, score.features) + keyed_digest(key, score.record)
    return pseudonym(key, score.customer_id, name) + told


def _describe(call: LiveCall, first: int, count: int, key: bytes) -> dict[str, Any]:
    return describe_occasion(call.occasion) | {
        "first": first,
        "count": count,
        "kind": call.kind,
        "bundle": call.bundle,
        "language": call.language,
        "sent": None if call.sent is None else _close(key, dumps(call.sent)),
    }


def _close(key: bytes, data: bytes) -> str:
    nonce = secrets.token_bytes(_NONCE)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, data, None)).decode()


def open_sent(key: bytes, text: str) -> Mapping[str, Any]:
    """Return the facts that came with a request, by the customer's key.

    Raises:
        StoreError: they are not what was written, or under another key.
    """
    try:
        data = base64.b64decode(text, validate=True)
        told: Mapping[str, Any] = json.loads(AESGCM(key).decrypt(data[:_NONCE], data[_NONCE:], None))
    except (InvalidTag, ValueError) as error:
        raise StoreError("The facts of a live score in the ledger are altered: restore a backup.") from error
    return told
