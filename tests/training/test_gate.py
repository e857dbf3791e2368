"""The gate lets a model through only where it beats every simple rule by more than chance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.gate import RULES, SERVABLE, Gate, judge


def difference(family, gap, error=0.01, metric="log_loss"):
    verdict = "tie" if abs(gap) <= error else ("better" if gap < 0 else "worse")
    return {"metric": metric, "family": family, "difference": gap, "se": error, "verdict": verdict}


gaps = st.dictionaries(st.sampled_from(RULES), st.floats(-0.5, 0.5), min_size=1)


@pytest.mark.parametrize("metric", ["log_loss", "tweedie_deviance"])
@given(gaps=gaps, error=st.floats(0, 0.2))
def test_a_model_passes_exactly_when_it_is_better_than_every_rule_that_ran(metric, gaps, error):
    gate = judge([difference(name, gap, error, metric) for name, gap in gaps.items()])
    unbeaten = [name for name, gap in gaps.items() if gap >= 0 or -gap <= error]
    assert gate.passed == (not unbeaten)
    assert len(gate.reasons) == len(unbeaten)
    assert all(name in reason for name, reason in zip(unbeaten, gate.reasons, strict=True))


@pytest.mark.parametrize("metric", ["log_loss", "tweedie_deviance"])
@given(gaps=gaps)
def test_the_best_rule_that_is_no_worse_than_the_model_is_served(metric, gaps):
    gate = judge([difference(name, gap, 0.01, metric) for name, gap in gaps.items()])
    ahead = {name: gap for name, gap in gaps.items() if name in SERVABLE[metric] and gap >= 0}
    served = gate.churn_rule if metric == "log_loss" else gate.value_rule
    assert gate.serves_rule == bool(ahead)
    assert (served in ahead) if ahead else (served is None)
    if served is not None:
        assert ahead[served] == max(ahead.values())


def test_a_tie_with_a_rule_is_no_pass_and_asks_for_data_where_the_model_is_ahead():
    gate = judge([difference("naive_rate", -0.004, 0.01)])
    (reason,) = gate.reasons
    assert reason == (
        "The log loss is only 0.0040 below that of the simple rule naive_rate, no more than its standard "
        "error 0.0100: more data are needed to tell them apart."
    )
    assert not gate.serves_rule


def test_a_rule_that_did_better_is_named_with_its_lead():
    gate = judge([difference("naive_constant", 0.5, 0.1, "tweedie_deviance")])
    (reason,) = gate.reasons
    assert reason == (
        "The mean Tweedie deviance is 0.5000 above that of the simple rule naive_constant (standard error "
        "0.1000)."
    )
    assert (gate.churn_rule, gate.value_rule) == (None, "naive_constant")


def test_nobody_serves_that_nothing_is_ever_spent():
    gate = judge([difference("naive_zero", 0.3, 0.01, "tweedie_deviance"), difference("naive_zero", 0.3)])
    assert not gate.passed
    assert not gate.serves_rule


def test_each_metric_has_a_rule_of_its_own():
    found = [difference("naive_silence", 0.2), difference("naive_rate", 0.1, metric="tweedie_deviance")]
    gate = judge(found)
    assert (gate.churn_rule, gate.value_rule) == ("naive_silence", "naive_rate")


def test_another_learned_family_may_be_better_without_closing_the_gate():
    gate = judge([difference("bgnbd_gg", 0.2), difference("naive_rate", -0.2)])
    assert gate.passed
    assert not gate.serves_rule


def test_a_model_that_nothing_measured_does_not_pass():
    assert judge([]).to_dict() == {
        "passed": False,
        "reasons": ["No cutoff has matured: nothing proves this model yet."],
        "leak": False,
    }


def test_a_reason_more_keeps_those_before_it_and_a_leak_once_told():
    gate = Gate(True).refused("one", leak=True).refused("two")
    assert gate == Gate(False, ("one", "two"), leak=True)
