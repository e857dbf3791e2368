"""The account of a generation: a row for each score and one entry in the chain, before anybody sees one."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from types import TracebackType
from typing import Self

from contracts.workspace import Workspace
from serving.ledger.chain import Chain, Entry
from serving.ledger.keyring import Keyring, keyed_digest, pseudonym
from serving.ledger.known import Known
from serving.ledger.rows import RowWriter
from serving.store.rows import GenerationInfo, StoredScore

GENERATION = "generation"
SCORES = "scores"
_AT_ONCE = 5_000


class Account:
    """Accounts for the scores of one generation while they are written; ``with`` drops what was not closed.

    The entry comes before the scores are shown: a run killed in between leaves an entry of scores that nobody
    saw, never a score without its entry. The caller holds the workspace's lock.
    """

    def __init__(self, workspace: Workspace, info: GenerationInfo) -> None:
        self._info = info
        self._chain = Chain(workspace.ledger)
        earlier = list(self._chain.read(GENERATION))
        self._loads = {load for entry in earlier for load in entry.body["loads"]}
        self.name = f"{SCORES}/{len(earlier) + 1:06d}-{info.generation}.rows"
        self._drop_unfinished({entry.body["file"] for entry in earlier})
        self._keyring = Keyring(workspace.ledger)
        self._draft = workspace.ledger / SCORES / ".draft"
        self._rows = RowWriter(self._draft, self.name)

    def watch(self, rows: Iterable[StoredScore]) -> Iterator[StoredScore]:
        """Yield the rows as they come, each scored one accounted for."""
        waiting = iter(rows)
        while batch := list(islice(waiting, _AT_ONCE)):
            scored = [row for row in batch if row.status == "scored"]
            keys = self._keyring.fetch(row.customer_id for row in scored)
            self._rows.write(build_content(keys[row.customer_id], row, self.name) for row in scored)
            yield from batch

    def close(self, known: Known) -> Entry:
        """Put rows and entry on disk; return the entry. ``known.loads`` are all there were."""
        news = tuple(sorted(set(known.loads) - self._loads))
        root = self._rows.sync()
        self._rows.close()
        self._draft.replace(self._chain.folder / self.name)
        body = replace(known, loads=news).to_body(self._info)
        told = {"file": self.name, "rows": self._rows.rows, "root": root}
        return self._chain.append(GENERATION, body | told, self._info.scored_at)

    def _drop_unfinished(self, named: set[str]) -> None:
        """Remove what a run killed before its entry left behind."""
        for file in (self._chain.folder / SCORES).glob("*"):
            if f"{SCORES}/{file.name}" not in named:
                file.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._keyring.__exit__(kind, error, trace)
        if self._draft.exists():
            self._rows.close()
            self._draft.unlink()


def build_content(key: bytes, row: StoredScore, name: str) -> bytes:
    """Return the content of a score's row: who, from which features, and the records of both languages."""
    record = keyed_digest(key, row.record_en or b"", row.record_it or b"")
    return pseudonym(key, row.customer_id, name) + keyed_digest(key, row.features) + record
