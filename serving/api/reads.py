"""Telling the ledger who was read: one line at each way out of the API."""

from collections.abc import Iterable
from typing import Any

from serving.api.bodies import is_customer_id
from serving.ledger.accesses import Access
from serving.tenants import Tenant


def note_read(state: Any, route: str, customer_ids: Iterable[Any]) -> None:
    """Note that the caller of a request read these customers by ``route``; what is no id is left out.

    ``state`` is the request's, as the gate filled it.
    """
    tenant: Tenant = state.tenant
    ids = tuple(dict.fromkeys(each for each in customer_ids if is_customer_id(each)))
    if ids:
        tenant.accesses.note(Access(state.now, state.key.key_id, route, ids))
