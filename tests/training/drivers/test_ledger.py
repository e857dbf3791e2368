"""Windows of each customer's own time, against plain loops."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.drivers.ledger import Ledger

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20), st.integers(1, 9)), max_size=25)
ASKED = st.lists(
    st.tuples(st.integers(0, 4), st.integers(-5, 25), st.integers(0, 12)), min_size=1, max_size=8
)


def open_ledger(rows):
    who, at, amount = (np.array(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return Ledger.of(
        np.asarray(who, dtype=np.int64), np.asarray(at, dtype=float), net=np.asarray(amount, dtype=float)
    )


@given(ROWS, ASKED)
def test_counts_and_sums_of_a_window_are_those_of_a_plain_loop(rows, asked):
    ledger = open_ledger(rows)
    who, start, days = (np.array(column) for column in zip(*asked, strict=True))
    inside = [
        [amount for one, at, amount in rows if one == who[k] and start[k] < at <= start[k] + days[k]]
        for k in range(len(asked))
    ]
    first, last = start.astype(float), (start + days).astype(float)
    assert ledger.count(who, first, last).tolist() == [len(each) for each in inside]
    assert ledger.total("net", who, first, last).tolist() == [sum(each) for each in inside]


@given(ROWS, ASKED)
def test_what_lies_before_an_instant_leaves_the_instant_itself_out(rows, asked):
    ledger = open_ledger(rows)
    who, at, _ = (np.array(column) for column in zip(*asked, strict=True))
    before = [[row for row in rows if row[0] == who[k] and row[1] < at[k]] for k in range(len(asked))]
    assert ledger.count_before(who, at.astype(float)).tolist() == [len(each) for each in before]
    assert ledger.total_before("net", who, at.astype(float)).tolist() == [
        sum(row[2] for row in each) for each in before
    ]
    last = [max((row[1] for row in each), default=np.nan) for each in before]
    np.testing.assert_array_equal(ledger.last(who, at.astype(float)), last)
    first = [min((row[1] for row in rows if row[0] == one), default=np.nan) for one in who]
    np.testing.assert_array_equal(ledger.first(who), first)
