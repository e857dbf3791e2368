"""A secret key for each customer the ledger speaks of; without it nobody can tell whose a row is.

The ring is the one place that links ids with what stands in the ledger. An erasure takes the key off it, and
with it the meaning of every digest that was made with it.
"""

import hashlib
import secrets  # keys must be unguessable; contracts.randomness repeats itself on purpose
from collections.abc import Collection, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from serving.ledger.rows import PSEUDONYM
from serving.store import database

KEY_BYTES = 32
_NAME = "ledger/keys.db"
_AT_ONCE = 500
_COLUMNS = "customer_id TEXT PRIMARY KEY, secret BLOB NOT NULL"
_TABLE = f"CREATE TABLE IF NOT EXISTS keys ({_COLUMNS}) STRICT, WITHOUT ROWID"


class Keyring:
    """The keys of one workspace, in ``ledger/keys.db``; use it in a ``with`` block."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._engine = database.open_sqlite(folder / "keys.db")
        with database.write(self._engine, _NAME) as connection:
            connection.exec_driver_sql(_TABLE)

    def fetch(self, customer_ids: Iterable[str]) -> dict[str, bytes]:
        """Return the key of each customer, made and on disk where there was none."""
        wanted = list(dict.fromkeys(customer_ids))
        found = self.find(wanted)
        new = [each for each in wanted if each not in found]
        if new:
            entropy = secrets.token_bytes(KEY_BYTES * len(new))
            made = {
                each: entropy[place * KEY_BYTES : (place + 1) * KEY_BYTES] for place, each in enumerate(new)
            }
            with database.write(self._engine, _NAME) as connection:
                connection.exec_driver_sql("INSERT INTO keys VALUES (?, ?)", list(made.items()))
            found |= made
        return found

    def find(self, customer_ids: Collection[str]) -> dict[str, bytes]:
        """Return the keys there are of these customers."""
        with database.read(self._engine, _NAME) as connection:
            if len(customer_ids) > _AT_ONCE * 10:
                rows = connection.exec_driver_sql("SELECT customer_id, secret FROM keys").all()
                wanted = set(customer_ids)
                return {row[0]: bytes(row[1]) for row in rows if row[0] in wanted}
            found: dict[str, bytes] = {}
            ids = list(customer_ids)
            for start in range(0, len(ids), _AT_ONCE):
                some = tuple(ids[start : start + _AT_ONCE])
                marks = ", ".join("?" * len(some))
                query = f"SELECT customer_id, secret FROM keys WHERE customer_id IN ({marks})"
                found |= {row[0]: bytes(row[1]) for row in connection.exec_driver_sql(query, some)}
            return found

    def list_customers(self) -> set[str]:
        """Return every customer who has a key."""
        with database.read(self._engine, _NAME) as connection:
            return {row[0] for row in connection.exec_driver_sql("SELECT customer_id FROM keys")}

    def destroy(self, customer_id: str) -> bool:
        """Take a key off the ring for good, the file rewritten without it; return whether there was one."""
        with database.write(self._engine, _NAME) as connection:
            gone = connection.exec_driver_sql("DELETE FROM keys WHERE customer_id = ?", (customer_id,))
        database.rewrite(self._engine, _NAME)
        return bool(gone.rowcount)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.dispose()


def pseudonym(key: bytes, customer_id: str, name: str) -> bytes:
    """Return what stands for a customer in the file of rows ``name``: 16 bytes, others in each file."""
    text = f"{name}\0{customer_id}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=PSEUDONYM, key=key).digest()


def keyed_digest(key: bytes, *parts: bytes) -> bytes:
    """Return 16 bytes over the parts that only the holder of the key can make or check."""
    sums = hashlib.blake2b(digest_size=PSEUDONYM, key=key)
    for part in parts:
        sums.update(len(part).to_bytes(8, "big") + part)
    return sums.digest()
