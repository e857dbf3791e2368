"""What was known at one or many instants, and nothing else (design, sections 3 and 4).

Every table of a snapshot has an ``as_of`` column: the rows of all cutoffs come from one expression.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from contracts.errors import ContractError
from contracts.settings import Settings
from features.engine import Events, Table
from features.netting import find_purchase_days, net_orders
from features.spoken import join_readings
from features.versions import find_attributes, find_consent, find_known, mask_states, merge_sources


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The known rows of each table at each ``as_of`` (sorted, distinct, UTC).

    Tables keep the columns of their contract plus ``as_of, source, row_key, recorded_at, loaded_at,
    backfilled``. A row is there when it occurred and was recorded before ``as_of``, in its latest version
    recorded before ``as_of``. ``consent_as_of`` is the instant consent is taken from for every cutoff (None:
    each cutoff's own).
    """

    events: Events
    as_of: tuple[datetime, ...]
    settings: Settings
    consent_as_of: datetime | None = None

    @cached_property
    def cutoffs(self) -> Table:
        """One row per cutoff: as_of."""
        return self.events.table_of(as_of=self.as_of)

    @cached_property
    def orders(self) -> Table:
        """Orders net of the refunds known by then.

        ``amount`` is net, ``gross`` as ordered, ``refunded`` >= 0, ``day`` the UTC date, ``qualifying`` is
        net > 0. Refund rows themselves are gone; zero-amount orders are there, not qualifying.
        """
        return self._keep("orders", net_orders(self._known("orders")))

    @cached_property
    def purchases(self) -> Table:
        """One row per day with a qualifying order: see ``netting.find_purchase_days``."""
        return self._keep("purchases", find_purchase_days(self.orders))

    @cached_property
    def customers(self) -> Table:
        """One row per customer: of each column the latest known value, over all sources."""
        return self._keep("customers", merge_sources(self._known("customers")))

    @cached_property
    def subscriptions(self) -> Table:
        """Subscriptions; ``ended_at`` is missing while it is still to come."""
        return self._keep("subscriptions", self._known("subscriptions"))

    @cached_property
    def interactions(self) -> Table:
        """Touchpoints the customer met."""
        return self._keep("interactions", self._known("interactions"))

    @cached_property
    def tickets(self) -> Table:
        """Tickets as they stood: not answered, not solved, not reopened before it happened."""
        return self._keep("tickets", self._known("tickets"))

    @cached_property
    def feedback(self) -> Table:
        """Answers, reviews, comments and calls, with what was read from their texts."""
        return self._keep("feedback", join_readings(self._known("feedback"), self.events.readings))

    @cached_property
    def actions(self) -> Table:
        """What the retention team did."""
        return self._keep("actions", self._known("actions"))

    @property
    def refusals(self) -> Table:
        """Who refuses profiling at each cutoff: as_of, customer_id."""
        instants = [self.consent_as_of or instant for instant in self.as_of]
        cutoffs = self.events.table_of(as_of=self.as_of, consent_as_of=instants)
        return find_consent(self.events.tables["customers"], cutoffs)

    @property
    def attributes(self) -> tuple[str, ...]:
        """Columns of customers beyond the contract, as the store has them now."""
        return tuple(find_attributes(self.events.tables["customers"]))

    def table(self, name: str) -> Table:
        """Return the known rows of the table called ``name``."""
        found: Table = getattr(self, name)
        return found

    def fee_totals(self, fees: Table) -> Table:
        """Return the company's usual fee by ``as_of`` (fees, payers) from the fees of its subscribers."""
        return fees.group_by(fees.as_of).agg(fees=fees.fee.sum(), payers=fees.count(where=fees.fee > 0))

    def _keep(self, name: str, expression: Table) -> Table:
        """Return the rows of an expression, computed once; ``name`` is what the snapshot calls them."""
        del name
        return expression.cache()

    def _known(self, name: str) -> Table:
        known = find_known(self.events.tables[name], self.cutoffs)
        return mask_states(known, name, self.settings.history.static_attributes)


def take_snapshot(
    events: Events,
    as_of: datetime | Sequence[datetime],
    settings: Settings,
    *,
    consent_as_of: datetime | None = None,
) -> Snapshot:
    """Return what was known at ``as_of``: one instant or many, each exclusive and with a zone.

    Consent is taken as known at ``consent_as_of`` for every cutoff where given (a training set uses its own
    ``as_of``), else at each cutoff.

    Raises:
        ContractError: no instant is given, or one has no zone.
    """
    instants = [as_of] if isinstance(as_of, datetime) else list(as_of)
    if not instants or any(instant.tzinfo is None for instant in instants):
        raise ContractError(f"A snapshot of {len(instants)} instants: give at least one, each with a zone.")
    cutoffs = tuple(sorted({instant.astimezone(UTC) for instant in instants}))
    return Snapshot(events, cutoffs, settings, consent_as_of)
