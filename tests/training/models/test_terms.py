"""What a customer is compared with: who may be older than the log, and how a reference is kept."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from contracts.errors import BundleRefused
from contracts.scores import RiskBands
from contracts.time import to_text
from testkit.frames import AS_OF, build_frame
from training.models.terms import Reference, Terms

REFERENCE = Reference(0.1, {}, {}, (), RiskBands(0.4, 0.7, "training"), 180, 400.0)
TERMS = Terms(90, 365, 90, 0.0, "EUR")


def test_nobody_is_older_than_a_log_that_tells_all_first_orders():
    assert not REFERENCE.is_older_than_log(build_frame({"rfm.age_days": [1.0, 4000.0]})).any()


def test_who_was_acquired_before_the_log_is_complete_may_be_older_than_it():
    complete = replace(REFERENCE, complete_from=to_text(AS_OF - timedelta(days=101)))
    frame = build_frame({"rfm.age_days": [99.0, 100.0, 101.0, float("nan")]})
    assert complete.is_older_than_log(frame).tolist() == [False, False, True, False]


@pytest.mark.parametrize("complete_from", [None, "1998-01-01T00:00:00Z"])
def test_a_reference_keeps_the_instant_from_which_the_log_is_complete(complete_from):
    reference = replace(REFERENCE, complete_from=complete_from)
    assert Reference.from_dict(json.loads(json.dumps(reference.to_dict()))) == reference


@pytest.mark.parametrize("torn", ["yesterday", 7])
def test_an_instant_that_is_none_is_refused(torn):
    with pytest.raises(BundleRefused, match="reference is not readable"):
        Reference.from_dict(REFERENCE.to_dict() | {"complete_from": torn})


@pytest.mark.parametrize(("window", "shorter"), [(30, True), (90, False)])
def test_windows_under_the_horizon_are_shorter(window, shorter):
    assert replace(TERMS, window_days=window).is_shorter is shorter
