"""What was known at one or many instants, and nothing else (design, sections 3 and 4).

Every table of a snapshot has an ``as_of`` column: the rows of all cutoffs come from one expression.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from contracts.errors import ContractError
from contracts.settings import Settings
from features.engine import Events, Table, stacked
from features.netting import find_purchase_days, net_orders
from features.spoken import join_readings
from features.versions import find_attributes, find_consent, find_known, mask_states, merge_sources


@dataclass(frozen=True)
class Crowd:
    """All that features of one customer ask of the others, at one ``as_of``.

    ``seen`` names the tables that held anything, ``usual_fee`` is the mean monthly fee of who pays one, in
    money (None: nobody does). Whatever else a feature should compare with belongs here: the ledger keeps it,
    so that a score can be computed again when others were erased.
    """

    seen: frozenset[str]
    usual_fee: float | None = None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The known rows of each table at each ``as_of`` (sorted, distinct, UTC).

    Tables keep the columns of their contract plus ``as_of, source, row_key, recorded_at, loaded_at,
    backfilled``. A row is there when it occurred and was recorded before ``as_of``, in its latest version
    recorded before ``as_of``. ``consent_as_of`` is the instant consent is taken from for every cutoff (None:
    each cutoff's own; in any case no earlier than the events' ``consents_until``). ``crowd`` says what
    features ask of all customers together (None: they look), for events of some customers alone.
    """

    events: Events
    as_of: tuple[datetime, ...]
    settings: Settings
    consent_as_of: datetime | None = None
    crowd: Crowd | None = None

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
        return net_orders(self._known("orders")).cache()

    @cached_property
    def purchases(self) -> Table:
        """One row per day with a qualifying order: see ``netting.find_purchase_days``."""
        return find_purchase_days(self.orders).cache()

    @cached_property
    def customers(self) -> Table:
        """One row per customer: of each column the latest known value, over all sources."""
        return merge_sources(self._known("customers")).cache()

    @cached_property
    def subscriptions(self) -> Table:
        """Subscriptions; ``ended_at`` is missing while it is still to come."""
        return self._known("subscriptions").cache()

    @cached_property
    def interactions(self) -> Table:
        """Touchpoints the customer met."""
        return self._known("interactions").cache()

    @cached_property
    def tickets(self) -> Table:
        """Tickets as they stood: not answered, not solved, not reopened before it happened."""
        return self._known("tickets").cache()

    @cached_property
    def feedback(self) -> Table:
        """Answers, reviews, comments and calls, with what was read from their texts."""
        return join_readings(self._known("feedback"), self.events.readings).cache()

    @cached_property
    def actions(self) -> Table:
        """What the retention team did."""
        return self._known("actions").cache()

    @property
    def refusals(self) -> Table:
        """Who refuses profiling at each cutoff: as_of, customer_id."""
        instants = [self.consent_as_of or instant for instant in self.as_of]
        heeded = self._find_refusals(instants)
        until = self.events.consents_until
        if until is None:
            return heeded
        # Who objected later counts as well; a later consent brings nobody into the past.
        return stacked([heeded, self._find_refusals([max(until, each) for each in instants])]).distinct()

    def _find_refusals(self, instants: Sequence[datetime]) -> Table:
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
