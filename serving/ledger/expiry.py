"""The end of what the ledger has to remember: rows of scores and reads past their time are removed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from contracts.workspace import Workspace
from serving.ledger.account import GENERATION
from serving.ledger.audit import ACCESSES, EXPIRY, LIVE
from serving.ledger.chain import Chain


def expire(workspace: Workspace, now: datetime) -> list[str]:
    """Remove the files of rows that are past ``[retention]``; return their names, which the chain tells too.

    The entry comes before the files go, so that nothing is ever missing without a reason. The chain itself
    stays: it holds nothing of anybody.
    """
    chain = Chain(workspace.ledger)
    there = [name for name in _find_old(workspace, now) if (workspace.ledger / name).exists()]
    if there:
        chain.append(EXPIRY, {"files": there}, now)
        for name in there:
            (workspace.ledger / name).unlink()
    return there


def _find_old(workspace: Workspace, now: datetime) -> Iterator[str]:
    kept = workspace.settings.retention
    for entry in Chain(workspace.ledger).read(GENERATION):
        if now - datetime.fromisoformat(entry.body["scored_at"]) > timedelta(days=kept.ledger_days):
            yield entry.body["file"]
    for kind, days in ((ACCESSES, kept.access_days), (LIVE, kept.ledger_days)):
        for file in sorted((workspace.ledger / kind).glob("*.*")):
            day = datetime.strptime(file.name[:8], "%Y%m%d").replace(tzinfo=UTC)
            # The day itself ends a day later.
            if now - day > timedelta(days=days + 1):
                yield f"{kind}/{file.name}"
