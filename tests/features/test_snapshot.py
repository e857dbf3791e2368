from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from contracts.errors import ContractError
from contracts.settings import HistorySection, Settings
from features.engine import Events, read_frame
from features.snapshot import Snapshot, take_snapshot

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)


def days_ago(days: float) -> datetime:
    return (AS_OF - timedelta(days=days)).replace(tzinfo=None)


def snapshot_of(
    as_of: datetime = AS_OF, settings: Settings | None = None, **tables: list[dict[str, Any]]
) -> Snapshot:
    events = Events.from_frames({name: pd.DataFrame(rows) for name, rows in tables.items()})
    return take_snapshot(events, as_of, settings or Settings())


def order(key: str, days: float, amount: str, **more: object) -> dict[str, Any]:
    return {
        "order_id": key,
        "customer_id": "ada",
        "occurred_at": days_ago(days),
        "amount": Decimal(amount),
        **more,
    }


def read_orders(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    return {row["order_id"]: row for row in read_frame(snapshot.orders).to_pylist()}


def test_a_refund_is_invisible_until_it_is_recorded() -> None:
    orders = [
        order("o", 60, "100", recorded_at=days_ago(60), refund_of=None),
        order("r", 50, "-100", recorded_at=days_ago(10), refund_of="o"),
    ]
    before = read_orders(snapshot_of(AS_OF - timedelta(days=10), orders=orders))["o"]
    after = read_orders(snapshot_of(orders=orders))["o"]
    assert (before["amount"], before["qualifying"]) == (Decimal("100.00"), True)
    assert (after["amount"], after["refunded"], after["qualifying"]) == (
        Decimal("0.00"),
        Decimal("100.00"),
        False,
    )


def test_a_row_exactly_at_as_of_is_not_known() -> None:
    orders = [order("at", 0, "1"), order("late", 5, "1", recorded_at=days_ago(0)), order("known", 1e-6, "1")]
    assert [*read_orders(snapshot_of(orders=orders))] == ["known"]


def test_a_later_version_replaces_a_row_from_its_own_recording_on() -> None:
    orders = [
        order("o", 60, "100", recorded_at=days_ago(60), row_key="o", source="till"),
        order("o", 60, "80", recorded_at=days_ago(10), row_key="o", source="till"),
    ]
    assert read_orders(snapshot_of(AS_OF - timedelta(days=20), orders=orders))["o"]["amount"] == Decimal(
        "100.00"
    )
    assert read_orders(snapshot_of(orders=orders))["o"]["amount"] == Decimal("80.00")


def test_an_undone_row_is_gone_from_its_removal_on_and_not_before() -> None:
    orders = [
        order("o", 60, "100", recorded_at=days_ago(60), removed=False),
        order("o", 60, "100", recorded_at=days_ago(10), removed=True),
    ]
    assert [*read_orders(snapshot_of(AS_OF - timedelta(days=20), orders=orders))] == ["o"]
    assert read_orders(snapshot_of(orders=orders)) == {}


def test_one_key_in_two_sources_is_two_orders() -> None:
    orders = [order("o", 60, "1", source="till"), order("o", 50, "2", source="web")]
    assert read_frame(snapshot_of(orders=orders).orders).num_rows == 2


def test_a_ticket_is_open_until_it_was_solved() -> None:
    ticket = {
        "ticket_id": "t",
        "customer_id": "ada",
        "occurred_at": days_ago(30),
        "resolved_at": days_ago(10),
    }
    earlier = read_frame(snapshot_of(AS_OF - timedelta(days=10), tickets=[ticket]).tickets).to_pylist()
    now = read_frame(snapshot_of(tickets=[ticket]).tickets).to_pylist()
    assert earlier[0]["resolved_at"] is None
    assert now[0]["resolved_at"] == days_ago(10)


@pytest.mark.parametrize(
    ("static", "age", "expected"),
    [((), 20, None), ((), 5, "gold"), (("tier",), 20, "gold")],
    ids=["before the load", "after the load", "static"],
)
def test_an_attribute_of_a_backfilled_row_counts_from_the_load_unless_static(
    static: tuple[str, ...], age: int, expected: str | None
) -> None:
    customer = {
        "customer_id": "ada",
        "occurred_at": days_ago(100),
        "backfilled": True,
        "loaded_at": days_ago(10),
    }
    settings = Settings(history=HistorySection(static_attributes=static))
    snapshot = snapshot_of(AS_OF - timedelta(days=age), settings, customers=[{**customer, "tier": "gold"}])
    assert read_frame(snapshot.customers).to_pylist()[0]["tier"] == expected
    assert snapshot.attributes == ("tier",)


def test_of_two_sources_the_value_recorded_last_is_kept_and_a_missing_one_hides_nothing() -> None:
    customers = [
        {
            "customer_id": "ada",
            "occurred_at": days_ago(100),
            "source": "crm",
            "country": "IT",
            "language": "it",
        },
        {
            "customer_id": "ada",
            "occurred_at": days_ago(50),
            "source": "shop",
            "country": "DE",
            "language": None,
        },
    ]
    row = read_frame(snapshot_of(customers=customers).customers).to_pylist()
    assert [(each["country"], each["language"], each["occurred_at"]) for each in row] == [
        ("DE", "it", days_ago(100))
    ]


@pytest.mark.parametrize("as_of", [[], datetime(2025, 6, 1)])  # noqa: DTZ001
def test_a_snapshot_needs_instants_with_a_zone(as_of: Any) -> None:
    with pytest.raises(ContractError, match="give at least one, each with a zone"):
        take_snapshot(Events.from_frames({}), as_of, Settings())
