"""Which order a refund pays back. The rule is told in ``docs/ingest.md``.

A refund that names its order goes to it; one that names none goes to the customer's latest earlier order
of its currency
with enough left. Named refunds choose first, then the others by ``occurred_at``, so the order of rows does
not matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter

import pyarrow as pa

from features.ingest.reader import Session

_FATES = pa.schema([("line", pa.int64()), ("order_id", pa.string()), ("code", pa.string())])
_BATCH = 20_000


@dataclass
class Purchase:
    """An order of one customer and what of it was not paid back yet."""

    order_id: str
    currency: str
    occurred_at: datetime
    left: Decimal


@dataclass(frozen=True)
class Refund:
    """A negative row: ``amount`` is positive here, ``order_id`` None when the row names no order."""

    line: int
    key: str
    currency: str
    occurred_at: datetime
    amount: Decimal
    order_id: str | None


@dataclass(frozen=True)
class Fate:
    """What becomes of a refund: the order it pays back, or the code it is quarantined with."""

    line: int
    order_id: str | None
    code: str | None


@dataclass
class Account:
    """One customer's orders and new refunds."""

    purchases: list[Purchase] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)


def match_refunds(account: Account, rule: str) -> list[Fate]:
    """Return the fate of each refund; ``purchases`` are used up on the way.

    Examples:
        >>> from datetime import UTC
        >>> day = lambda number: datetime(2026, 1, number, tzinfo=UTC)
        >>> orders = [Purchase("a", "EUR", day(1), Decimal(10)), Purchase("b", "EUR", day(2), Decimal(5))]
        >>> unnamed = Refund(4, "r", "EUR", day(3), Decimal(8), None)
        >>> named = Refund(5, "s", "EUR", day(3), Decimal(8), "b")
        >>> fates = match_refunds(Account(orders, [unnamed, named]), "last")
        >>> [(fate.line, fate.order_id, fate.code) for fate in fates]
        [(5, None, 'refund_exceeds'), (4, 'a', None)]
    """
    named = {purchase.order_id: purchase for purchase in account.purchases}
    latest = sorted(account.purchases, key=lambda each: (each.occurred_at, each.order_id), reverse=True)
    queue = sorted(account.refunds, key=lambda each: (each.order_id is None, each.occurred_at, each.key))
    return [_decide(refund, named, latest if rule == "last" else []) for refund in queue]


def decide_refunds(session: Session, rule: str) -> None:
    """Make ``refunds`` (line, order_id) of the new refunds among ``staged``; the others go to ``faults``.

    Reads the views ``staged`` and ``stored_orders``; memory is bounded by one customer.
    """
    open_refunds = (
        "FROM staged ANTI JOIN faults USING (line) ANTI JOIN duplicates USING (line) WHERE amount < 0"
    )
    session.execute(f"CREATE TABLE returns AS SELECT * {open_refunds}")
    if not session.value("SELECT count(*) FROM returns"):
        session.execute("CREATE TABLE refunds (line BIGINT, order_id VARCHAR)")
        return
    fates = pa.RecordBatchReader.from_batches(_FATES, _batches(session, rule))
    table = fates.read_all()
    session.create_table("refund_fates", table)
    session.execute("CREATE TABLE refunds AS SELECT line, order_id FROM refund_fates WHERE code IS NULL")
    session.execute(
        "INSERT INTO faults SELECT line, CASE code WHEN 'refund_exceeds' THEN 'amount' ELSE 'refund_of' "
        "END, code "
        "FROM refund_fates WHERE code IS NOT NULL"
    )


_KNOWN = """
SELECT customer_id, row_key, coalesce(order_id, row_key) AS order_id, currency, occurred_at, amount,
refund_of, line
FROM staged ANTI JOIN faults USING (line) ANTI JOIN duplicates USING (line)
UNION ALL
SELECT customer_id, row_key, coalesce(order_id, row_key), currency, occurred_at, amount, refund_of, NULL
FROM stored_orders ANTI JOIN (
    SELECT row_key FROM staged ANTI JOIN faults USING (line) ANTI JOIN duplicates USING (line)
) AS newer USING (row_key)
"""
_ACCOUNTS = f"""
SELECT customer_id, row_key, order_id, currency, occurred_at, amount, refund_of, line FROM ({_KNOWN})
SEMI JOIN returns USING (customer_id) ORDER BY customer_id, row_key
"""


def _batches(session: Session, rule: str) -> Iterator[pa.RecordBatch]:
    fates: list[Fate] = []
    for account in _accounts(session):
        fates += match_refunds(account, rule)
        if len(fates) >= _BATCH:
            yield _batch(fates)
            fates = []
    yield _batch(fates)


def _batch(fates: list[Fate]) -> pa.RecordBatch:
    rows = [{"line": fate.line, "order_id": fate.order_id, "code": fate.code} for fate in fates]
    return pa.RecordBatch.from_pylist(rows, schema=_FATES)


def _accounts(session: Session) -> Iterator[Account]:
    batches = session.stream(_ACCOUNTS)
    rows = (row for batch in batches for row in batch.to_pylist())
    for _, group in groupby(rows, key=itemgetter("customer_id")):
        account, taken = Account(), dict[str, Decimal]()
        for row in group:
            if row["amount"] > 0:
                account.purchases.append(
                    Purchase(row["order_id"], row["currency"], row["occurred_at"], row["amount"])
                )
            elif row["amount"] < 0 and row["line"] is None:
                taken[row["refund_of"]] = taken.get(row["refund_of"], Decimal(0)) - row["amount"]
            elif row["amount"] < 0:
                account.refunds.append(
                    Refund(
                        row["line"],
                        row["row_key"],
                        row["currency"],
                        row["occurred_at"],
                        -row["amount"],
                        row["refund_of"],
                    )
                )
        for purchase in account.purchases:
            purchase.left -= taken.get(purchase.order_id, Decimal(0))
        yield account


def _decide(refund: Refund, named: dict[str, Purchase], latest: list[Purchase]) -> Fate:
    if refund.order_id is not None:
        purchase = named.get(refund.order_id)
        if (
            purchase is None
            or purchase.occurred_at > refund.occurred_at
            or purchase.currency != refund.currency
        ):
            return Fate(refund.line, None, "refund_unmatched")
        if purchase.left < refund.amount:
            return Fate(refund.line, None, "refund_exceeds")
    else:
        purchase = next((each for each in latest if _fits(refund, each)), None)
        if purchase is None:
            return Fate(refund.line, None, "refund_unmatched")
    purchase.left -= refund.amount
    return Fate(refund.line, purchase.order_id, None)


def _fits(refund: Refund, purchase: Purchase) -> bool:
    return (
        purchase.currency == refund.currency
        and purchase.occurred_at <= refund.occurred_at
        and purchase.left >= refund.amount
    )
