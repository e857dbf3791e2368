"""What was known at one or many instants, and nothing else (design, sections 3 and 4).

Every table of a snapshot has an ``as_of`` column: the rows of all cutoffs come from one expression.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from contracts.errors import ContractError
from contracts.settings import Settings
from features.engine import Events, Table, Value, constant, stacked, upto
from features.netting import find_purchase_days, net_orders
from features.spoken import read_feedback
from features.versions import find_attributes, find_consent, find_known, mask_states, merge_sources
from features.voice.said import read_said


@dataclass(frozen=True)
class Crowd:
    """All that features of one customer ask of the others, at one ``as_of``.

    ``seen`` names the tables that held anything, ``usual_fee`` is the mean monthly fee of who pays one, in
    money (None: nobody does), ``telling`` the sources that tell when a ticket was solved. Whatever else a
    feature should compare with belongs here: the ledger keeps it, so that a score can be computed again when
    others were erased.
    """

    seen: frozenset[str]
    usual_fee: float | None = None
    telling: frozenset[str] = frozenset()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that ``from_dict`` reads."""
        return {"seen": sorted(self.seen), "usual_fee": self.usual_fee, "telling": sorted(self.telling)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Crowd":
        """Return what ``to_dict`` gave."""
        return cls(frozenset(values["seen"]), values["usual_fee"], frozenset(values["telling"]))


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
        return self.keep("orders", net_orders(self._known("orders")))

    @cached_property
    def purchases(self) -> Table:
        """One row per day with a qualifying order: see ``netting.find_purchase_days``."""
        return self.keep("purchases", find_purchase_days(self.orders))

    @cached_property
    def customers(self) -> Table:
        """One row per customer: of each column the latest known value, over all sources."""
        return self.keep("customers", merge_sources(self._known("customers")))

    @cached_property
    def subscriptions(self) -> Table:
        """Subscriptions; ``ended_at`` is missing while it is still to come."""
        return self.keep("subscriptions", self._known("subscriptions"))

    @cached_property
    def interactions(self) -> Table:
        """Touchpoints the customer met."""
        return self.keep("interactions", self._known("interactions"))

    @cached_property
    def tickets(self) -> Table:
        """Tickets as they stood: not answered, not solved, not reopened before it happened."""
        return self.keep("tickets", self._known("tickets"))

    @cached_property
    def feedback(self) -> Table:
        """Answers, reviews, comments and calls, with what was read from their texts."""
        return self.keep("feedback", read_feedback(self._known("feedback"), self.events))

    @cached_property
    def said(self) -> Table:
        """Feedback with each answer on 0 to 10 and what it is: see ``voice.said.read_said``."""
        return self.keep("said", read_said(self.feedback))

    @cached_property
    def own_voice(self) -> Table:
        """The rows of ``said`` that are about us and not a rival."""
        return self.keep("own_voice", self.said.filter(self.said.own))

    @cached_property
    def actions(self) -> Table:
        """What the retention team did."""
        return self.keep("actions", self._known("actions"))

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

    @property
    def given_fees(self) -> Table | None:
        """as_of and usual_fee as ``crowd`` says; None where the subscriptions at hand tell it."""
        return None if self.crowd is None else self.cutoffs.mutate(usual_fee=constant(self.crowd.usual_fee))

    def is_telling(self, tickets: Table) -> Value:
        """Return whether the source of each ticket ever tells that one was solved."""
        if self.crowd is not None:
            return tickets.source.isin(sorted(self.crowd.telling))
        return tickets.resolved_at.count().over(upto([], [tickets.as_of, tickets.source])) > 0

    def keep(self, name: str, expression: Table) -> Table:
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
