"""Who read whose score, and when: rows of the ledger, written together at most once a second.

A crash may lose the reads of its last second, never a score, promotion or erasure: those are on disk before
anybody is told. Each worker of a service has a file of its own for a day, whose rows the chain vouches for
every minute, at the end of the day, and when the service ends.
"""

import json
import logging
import secrets  # names of files must not meet; contracts.randomness repeats itself on purpose
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from threading import Lock, Timer

from contracts.errors import FedeleError
from contracts.workspace import Workspace
from serving.ledger.audit import ACCESSES
from serving.ledger.chain import Chain
from serving.ledger.keyring import Keyring, pseudonym
from serving.ledger.rows import PSEUDONYM, RowWriter

SECONDS = 1.0
ANCHOR_AFTER = timedelta(minutes=1)
EVERYONE = b"\xff" * PSEUDONYM
_ACTOR, _ROUTE, _INSTANT = 16, 8, 8
_LONG_AGO = datetime(1980, 1, 1, tzinfo=UTC)
error_log = logging.getLogger("fedele.errors")


@dataclass(frozen=True)
class Access:
    """One read: when, by whom (a key's id, or a word for the desk or the command line), by which way.

    ``customer_ids`` None stands for a whole list, ids that nothing is known of are not kept.
    """

    at: datetime
    actor: str
    route: str
    customer_ids: tuple[str, ...] | None

    def tail(self) -> bytes:
        """Return what follows the pseudonym in a row: 32 bytes."""
        actor = self.actor.encode()[:_ACTOR].ljust(_ACTOR, b"\0")
        route = self.route.encode()[:_ROUTE].ljust(_ROUTE, b"\0")
        return actor + route + int(self.at.timestamp() * 1_000_000).to_bytes(_INSTANT, "big")


class AccessLog:
    """The reads of one worker in one workspace. Making one touches nothing on disk."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._waiting: list[Access] = []
        self._guard, self._writing = Lock(), Lock()
        self._timer: Timer | None = None
        self._rows: RowWriter | None = None
        self._name = ""
        self._anchored = (0, _LONG_AGO)
        self._last_at = _LONG_AGO

    def note(self, access: Access) -> None:
        """Keep a read in mind; it is on disk a second later."""
        with self._guard:
            self._waiting.append(access)
            if self._timer is None:
                self._timer = Timer(SECONDS, self._flush_later)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write the reads noted so far."""
        with self._guard:
            waiting, self._waiting, self._timer = self._waiting, [], None
        if waiting:
            with self._writing:
                self._write(waiting)

    def _flush_later(self) -> None:
        try:
            self.flush()
        except (FedeleError, OSError) as error:
            # Reads go on: a full disk must not take the scores away from who needs them.
            told = {"error": type(error).__name__, "text": "reads of a second were not logged"}
            error_log.error(json.dumps(told))

    def close(self) -> None:
        """Write what is left, and let the chain vouch for all of it."""
        with self._guard:
            timer = self._timer
        if timer is not None:
            timer.cancel()
        self.flush()
        with self._writing:
            self._end_file()

    def _write(self, accesses: Iterable[Access]) -> None:
        for day, some in groupby(accesses, key=lambda each: f"{ACCESSES}/{each.at:%Y%m%d}-"):
            of_day = list(some)
            if not self._name.startswith(day):
                self._end_file()
                self._name = f"{day}{secrets.token_hex(4)}.rows"
                self._rows = RowWriter(self._workspace.ledger / self._name, self._name)
                self._anchored = (0, of_day[0].at)
            self._last_at = of_day[-1].at
            self._add(of_day)

    def _add(self, accesses: Sequence[Access]) -> None:
        assert self._rows is not None
        chain = Chain(self._workspace.ledger)
        wanted = {each for access in accesses for each in access.customer_ids or ()}
        # Within the lock that an erasure holds: no row comes under a key that is just being destroyed.
        with chain.hold(), Keyring(chain.folder) as keyring:
            keys = keyring.find(wanted)
            self._rows.write(row for access in accesses for row in _build_contents(access, self._name, keys))
        root = self._rows.sync()
        if self._last_at - self._anchored[1] >= ANCHOR_AFTER:
            self._anchor(root)

    def _end_file(self) -> None:
        if self._rows is not None:
            root = self._rows.sync()
            if self._rows.rows > self._anchored[0]:
                self._anchor(root)
            self._rows.close()
        self._rows, self._name = None, ""

    def _anchor(self, root: str) -> None:
        assert self._rows is not None
        body = {"file": self._name, "rows": self._rows.rows, "root": root}
        Chain(self._workspace.ledger).append(ACCESSES, body, self._last_at)
        self._anchored = (self._rows.rows, self._last_at)


def _build_contents(access: Access, name: str, keys: Mapping[str, bytes]) -> list[bytes]:
    tail = access.tail()
    if access.customer_ids is None:
        return [EVERYONE + tail]
    return [pseudonym(keys[each], each, name) + tail for each in access.customer_ids if each in keys]
