"""Hypothesis strategies of stores with channels, touchpoints, tickets and attributes."""

from datetime import timedelta

from hypothesis import strategies as st

from testkit.event_strategies import Row, Store, orders, rows

CHANNELS = ("web", "Store", "negozio à Bari", "web.shop")
TOUCHPOINTS = ("website.visit", "delivery.late", "payment.failed")
COLUMNS = ("country", "tier", "points", "newsletter")


@st.composite
def channel_orders(draw: st.DrawFn) -> list[Row]:
    """Return orders, most of them with a channel."""
    channels = st.sampled_from([None, *CHANNELS])
    return [{**row, "channel": draw(channels)} for row in draw(orders())]


@st.composite
def interactions(draw: st.DrawFn) -> list[Row]:
    """Return touchpoints, some without owner, stage or duration."""
    found = []
    for place in range(draw(st.integers(0, 12))):
        row = {**draw(rows("interactions")), "interaction_id": f"i{place}", "row_key": f"i{place}"}
        row["touchpoint"] = draw(st.sampled_from(TOUCHPOINTS))
        row["owner"] = draw(st.sampled_from([None, "brand", "partner"]))
        row["stage"] = draw(st.sampled_from([None, "buy", "problem"]))
        found.append({**row, "duration_s": draw(st.sampled_from([None, 10.0, 33.3]))})
    return found


@st.composite
def tickets(draw: st.DrawFn) -> list[Row]:
    """Return tickets, answered and solved or not."""
    found = []
    for place in range(draw(st.integers(0, 8))):
        row = {**draw(rows("tickets")), "ticket_id": f"t{place}", "row_key": f"t{place}"}
        answered, solved = draw(st.sampled_from([(None, None), (1, 3), (1, None), (50, 60), (47, 400)]))
        row["first_response_at"] = (
            None if answered is None else row["occurred_at"] + timedelta(hours=answered)
        )
        row["resolved_at"] = None if solved is None else row["occurred_at"] + timedelta(hours=solved)
        row["reason"] = draw(st.sampled_from([None, "delivery", "billing"]))
        found.append({**row, "reopened_count": draw(st.sampled_from([None, 0, 2]))})
    return found


@st.composite
def attributed(draw: st.DrawFn) -> list[Row]:
    """Return customers with a text, a number and a flag beyond the contract."""
    found = []
    for place in range(draw(st.integers(0, 6))):
        row = draw(rows("customers"))
        row |= {
            "row_key": f"{row['customer_id']}{place}",
            "country": draw(st.sampled_from([None, "IT", "GB"])),
        }
        row |= {"tier": draw(st.sampled_from([None, "gold", "silver"])), "profiling_consent": True}
        row |= {"points": draw(st.sampled_from([None, 0.0, 2.5])), "newsletter": draw(st.booleans())}
        found.append({**row, "acquisition_cost": draw(st.sampled_from([None, 3.0]))})
    return found


def touch_stores() -> st.SearchStrategy[Store]:
    """Return stores of orders with channels, touchpoints, tickets and attributes; any may be empty."""
    return st.fixed_dictionaries(
        {
            "orders": channel_orders(),
            "interactions": interactions(),
            "tickets": tickets(),
            "customers": attributed(),
        }
    )
