"""The gate lets a model through only where it beats every simple rule on the same rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.gate import NAIVE, judge

losses = st.floats(0.01, 2)


def families(served, **rules):
    return {
        name: {"churn": {"log_loss": loss}, "clv": {}}
        for name, loss in {"lgbm_btyd": served, **rules}.items()
    }


@given(served=losses, rules=st.dictionaries(st.sampled_from(NAIVE), losses))
def test_a_model_passes_exactly_when_it_is_below_every_rule_that_ran(served, rules):
    gate = judge(families(served, **rules), "lgbm_btyd")
    beaten = [name for name in NAIVE if name in rules and served >= rules[name]]
    assert gate.passed == (not beaten)
    assert [any(name in reason for reason in gate.reasons) for name in beaten] == [True] * len(beaten)
    assert len(gate.reasons) == len(beaten)


def test_a_tie_with_a_rule_is_no_pass():
    assert judge(families(0.5, naive_rate=0.5), "lgbm_btyd").reasons == (
        "Log loss 0.5000 of lgbm_btyd is not below 0.5000 of the simple rule naive_rate.",
    )


def test_another_learned_family_may_be_better_without_closing_the_gate():
    assert judge(families(0.5, bgnbd_gg=0.4, naive_rate=0.6), "lgbm_btyd").passed


@pytest.mark.parametrize("found", [{}, {"naive_rate": {"churn": {"log_loss": 0.6}}}])
def test_a_model_that_nothing_measured_does_not_pass(found):
    assert judge(found, "lgbm_btyd").to_dict() == {
        "passed": False,
        "reasons": ["No cutoff has matured: nothing proves this model yet."],
        "leak": False,
    }
