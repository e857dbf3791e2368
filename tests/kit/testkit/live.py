"""A service over a scored shop with its model loaded, for live scores."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from serving.keys import create_key
from serving.tenants import Tenants
from testkit.service import Answer, Caller, build_service
from testkit.workspaces import NOW


class Live:
    """The service; ``rows`` are the stored scores by customer."""

    def __init__(self, tenants: Tenants, caller: Caller, now: datetime) -> None:
        self.tenant = next(iter(tenants))
        self.caller, self.now = caller, now
        info = self.tenant.store.current()
        assert info is not None
        self.info = info
        rows = self.tenant.store.changed_since(None, info, "en", 10_000)
        self.rows = {row.customer_id: row for _, row in rows if not isinstance(row, str)}

    def rescore(self, customer_id: str, body: Mapping[str, Any] | None = None, **headers: str) -> Answer:
        """Ask for a customer's score from fresh facts."""
        return self.caller.post(f"/v1/customers/{customer_id}/rescore", body or {}, **headers)

    def score(self, customer_ids: Sequence[str]) -> Answer:
        """Ask for live scores of stored features."""
        body = json.dumps({"customer_ids": list(customer_ids)}).encode()
        kind = {"content-type": "application/json"}
        return self.caller.call("POST", "/v1/scores", [body], "mode=live", kind)

    def scored(self, kind: str = "shop", segment: str | None = "regular") -> str:
        """Return the first customer of a kind and segment (None: any)."""
        rows = [row for row in self.rows.values() if row.kind == kind]
        return next(row.customer_id for row in rows if segment in (None, row.segment))


@contextmanager
def open_live(root: Path, now: datetime) -> Iterator[Live]:
    """Open the service over a workspace, whose key may read and compute scores."""
    tenants = Tenants()
    tenants.open([root])
    tenant = next(iter(tenants))
    tenant.holder.look()
    tenant.prepare()  # as the service's watcher does: no request waits for it
    _, key = create_key(tenant.store.work, ["score:read", "score:live"], "crm", NOW)
    try:
        yield Live(tenants, Caller(build_service(tenants, lambda: now), key), now)
    finally:
        tenants.close()
