"""A refund goes to the order it names, else to the latest earlier one with enough left."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from features.ingest.refunds import Account, Purchase, Refund, match_refunds
from testkit.stores import NOW, load_lines, make_workspace, read_rows

HEADER = "order_id,customer_id,occurred_at,amount,refund_of"
DAYS = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 9)]


def refunds_of(workspace):
    return {row["row_key"]: row["refund_of"] for row in read_rows(workspace, "orders") if row["amount"] < 0}


def test_a_refund_that_names_no_order_goes_to_the_latest_earlier_one_with_enough_left(tmp_path):
    workspace = make_workspace(tmp_path)
    lines = (
        "r,c,2026-01-09,-8,",
        "a,c,2026-01-02,10,",
        "b,c,2026-01-05,5,",
        "d,c,2026-01-10,50,",
        "e,x,2026-01-08,50,",
    )
    load_lines(workspace, "orders", HEADER, *lines)
    assert refunds_of(workspace) == {"r": "a"}


def test_with_the_rule_none_an_unnamed_refund_is_quarantined(tmp_path):
    workspace = make_workspace(tmp_path, history={"refund_match": "none"})
    report = load_lines(workspace, "orders", HEADER, "a,c,2026-01-02,10,", "r,c,2026-01-09,-8,")
    assert report.reasons == {"refund_unmatched": 1}


def test_a_refund_loaded_before_its_order_is_taken_when_read_again(tmp_path):
    workspace = make_workspace(tmp_path)
    refund = (HEADER, "r,c,2026-01-09,-8,a")
    assert load_lines(workspace, "orders", *refund, name="refunds.csv").reasons == {"refund_unmatched": 1}
    load_lines(workspace, "orders", HEADER, "a,c,2026-01-02,10,", name="orders.csv")
    assert load_lines(workspace, "orders", *refund, name="refunds.csv").loaded == 1
    assert refunds_of(workspace) == {"r": "a"}


def test_refunds_of_earlier_loads_have_used_up_their_orders(tmp_path):
    workspace = make_workspace(tmp_path)
    load_lines(workspace, "orders", HEADER, "a,c,2026-01-02,10,", "r,c,2026-01-03,-8,a")
    lines = ("s,c,2026-01-04,-3,a", "t,c,2026-01-04,-2,")
    report = load_lines(workspace, "orders", HEADER, *lines, name="b.csv", now=NOW + timedelta(days=1))
    assert report.reasons == {"refund_exceeds": 1}
    assert refunds_of(workspace) == {"r": "a", "t": "a"}


def test_the_order_of_another_customer_is_not_paid_back(tmp_path):
    workspace = make_workspace(tmp_path)
    report = load_lines(workspace, "orders", HEADER, "a,c,2026-01-02,10,", "r,x,2026-01-03,-8,a")
    assert report.reasons == {"refund_unmatched": 1}


MONEY = st.integers(1, 40).map(Decimal)
PURCHASES = st.lists(st.tuples(st.sampled_from(DAYS), MONEY), max_size=5)
REFUNDS = st.lists(st.tuples(st.sampled_from(DAYS), MONEY, st.none() | st.integers(0, 5)), max_size=5)


def account_of(purchases, refunds, order):
    rows = [
        Refund(n, f"r{n}", "EUR", day, amount, None if to is None else f"o{to}")
        for n, (day, amount, to) in enumerate(refunds)
    ]
    bought = [Purchase(f"o{number}", "EUR", day, amount) for number, (day, amount) in enumerate(purchases)]
    return Account(bought[::-1] if order else bought, sorted(rows, key=lambda row: hash((order, row.line))))


@given(purchases=PURCHASES, refunds=REFUNDS, order=st.integers(0, 9))
def test_no_order_is_paid_back_beyond_its_amount_or_before_it_happened(purchases, refunds, order):
    fates = match_refunds(account_of(purchases, refunds, order), "last")
    left = {f"o{number}": amount for number, (_, amount) in enumerate(purchases)}
    for fate in fates:
        assert (fate.order_id is None) != (fate.code is None)
        if fate.order_id is not None:
            left[fate.order_id] -= refunds[fate.line][1]
            assert purchases[int(fate.order_id[1:])][0] <= refunds[fate.line][0]
    assert min(left.values(), default=0) >= 0
    assert sorted(fate.line for fate in fates) == list(range(len(refunds)))


@given(purchases=PURCHASES, refunds=REFUNDS, order=st.integers(1, 9))
def test_the_order_of_rows_does_not_change_a_fate(purchases, refunds, order):
    one, other = (match_refunds(account_of(purchases, refunds, each), "last") for each in (0, order))
    assert sorted(one, key=lambda fate: fate.line) == sorted(other, key=lambda fate: fate.line)
