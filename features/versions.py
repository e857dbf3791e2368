"""Versions of rows: which one was known at each cutoff, and which of its states (design, section 3)."""

from collections.abc import Collection

from contracts.events import TABLES, Name, Stored
from features.engine import KEY, Table, Value, following, later_of, when

CONSENT = "profiling_consent"
_STORE_ONLY = {str(name) for name in (*Name, *Stored)}


def find_known(versions: Table, cutoffs: Table) -> Table:
    """Return the rows known at each cutoff: both instants before it, in the latest version, not removed.

    A version counts from the later of its two instants on, until a version recorded after it counts; of
    versions recorded at one instant a removal wins, then the later load.
    """
    within = [versions.source, versions.row_key]
    dated = versions.mutate(known_at=later_of(versions.occurred_at, versions.recorded_at))
    order = [dated.recorded_at, dated.removed, dated.loaded_at, dated.content]
    after = following(order, [dated[str(key.get_name())] for key in within])
    ended = dated.mutate(superseded_at=dated.known_at.min().over(after))
    kept = ended.filter(~ended.removed)
    current = kept.superseded_at.isnull() | (kept.superseded_at >= cutoffs.as_of)
    known = cutoffs.join(kept, [kept.known_at < cutoffs.as_of, current])
    return known.drop(known.known_at, known.superseded_at, known.removed, known.content)


def mask_states(known: Table, name: str, static: Collection[str] = ()) -> Table:
    """Return the known rows with every state missing that was not known yet.

    A dated state is missing while its own instant is at or after ``as_of``; an undated state of a back-filled
    row until its load's instant has passed, but for the attributes called ``static`` and for consent, which
    applies backwards.
    """
    contract = TABLES[name]
    dated = [column.name for column in contract.columns if column.state == "dated"]
    undated = [column.name for column in contract.columns if column.state == "undated"]
    if name == TABLES["customers"].name:
        undated += find_attributes(known)
    unseen = known.backfilled & (known.loaded_at >= known.as_of)
    masks: dict[str, Value] = {column: when(known[column] < known.as_of, known[column]) for column in dated}
    late = [column for column in undated if column != CONSENT and column not in static]
    masks |= {column: when(~unseen, known[column]) for column in late}
    return known.mutate(**masks)


def find_attributes(customers: Table) -> list[str]:
    """Return the columns of a table of customers that the contract does not know, in its order."""
    known = {*TABLES["customers"].names, *_STORE_ONLY, *KEY, "known_at", "superseded_at"}
    return [name for name in customers.columns if name not in known]


def merge_sources(customers: Table) -> Table:
    """Return one row per (as_of, customer): of each column the value recorded last among those present.

    ``occurred_at`` is the earliest, because a customer is known from the first source on.
    """
    order = [customers.recorded_at.desc(), customers.source, customers.row_key]
    columns = [*TABLES["customers"].names[2:], *find_attributes(customers)]
    latest = {
        column: customers[column].first(where=customers[column].notnull(), order_by=order)
        for column in columns
    }
    return customers.group_by(KEY).agg(occurred_at=customers.occurred_at.min(), **latest)


def find_consent(versions: Table, cutoffs: Table) -> Table:
    """Return who refuses profiling: as_of, customer_id, for cutoffs of ``as_of`` and ``consent_as_of``.

    The latest answer recorded before ``consent_as_of`` in any source decides, whenever the customer became
    known.
    """
    answers = cutoffs.join(versions, [versions.recorded_at < cutoffs.consent_as_of])
    answered = answers.filter(answers.profiling_consent.notnull() & ~answers.removed)
    order = [answered.recorded_at.desc(), answered.profiling_consent, answered.source]
    latest = answered.group_by(KEY).agg(consents=answered.profiling_consent.first(order_by=order))
    return latest.filter(~latest.consents).select(KEY)
