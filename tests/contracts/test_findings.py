"""Findings come worst first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.findings import Finding, worst_first

SEVERITIES = ("blocking", "warning", "remark")


@given(severities=st.lists(st.sampled_from(SEVERITIES)))
def test_worst_come_first_and_equals_keep_their_order(severities):
    given_ = [Finding(severity, str(place), "x") for place, severity in enumerate(severities)]
    ordered = worst_first(given_)
    ranks = [(SEVERITIES.index(each.severity), int(each.code)) for each in ordered]
    assert ranks == sorted(ranks)
    assert sorted(each.code for each in ordered) == sorted(each.code for each in given_)


@pytest.mark.parametrize(
    ("remedy", "sentence"), [("Ingest some.", "No orders. Ingest some."), ("", "No orders.")]
)
def test_a_finding_reads_as_what_was_seen_and_what_to_do(remedy, sentence):
    assert str(Finding("blocking", "no_orders", "No orders.", remedy)) == sentence
