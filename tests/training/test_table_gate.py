import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.randomness import generator
from training.evaluation import OutOfFold
from training.leaks import ROWS, LeakReport, Suspicion
from training.table_gate import Gain, judge_table, measure_gain, paired_error


def found_of(churned, probability, repeats=2):
    constant = np.full((repeats, len(churned)), churned.mean())
    return OutOfFold(np.zeros(constant.shape, dtype=np.int64), np.tile(probability, (repeats, 1)), constant)


@pytest.fixture(scope="module")
def rows():
    """Return labels and the probabilities they were drawn with."""
    draw = generator(1, "gate")
    p = draw.uniform(0.05, 0.95, 800)
    return (draw.random(800) < p).astype(float), p


def test_the_error_is_that_of_a_mean_where_every_row_stands_alone(rows):
    churned, p = rows
    differences = churned - p
    error = paired_error(differences, np.arange(800), seed=0)
    assert error == pytest.approx(differences.std() / np.sqrt(800), rel=0.1)


def test_identical_rows_count_as_one_and_widen_the_error(rows):
    churned, p = rows
    differences, groups = np.repeat(churned - p, 4), np.repeat(np.arange(800), 4)
    together = paired_error(differences, groups, seed=0)
    assert together == pytest.approx(2 * paired_error(differences, np.arange(3200), seed=0), rel=0.15)


def test_a_model_that_knows_the_probabilities_passes(rows):
    churned, p = rows
    gain = measure_gain(churned, np.arange(800), found_of(churned, p))
    assert gain.size > 5 * gain.error > 0
    assert judge_table(gain, LeakReport()).to_dict() == {"passed": True, "reasons": [], "leak": False}


def test_a_model_of_shuffled_labels_is_refused_in_words(rows):
    churned, p = rows
    gain = measure_gain(generator(2, "mixed").permutation(churned), np.arange(800), found_of(churned, p))
    gate = judge_table(gain, LeakReport())
    assert not gate.passed
    assert not gate.leak
    assert "the base rate for everyone, by more than a standard error" in gate.reasons[0]


@given(st.floats(-0.1, 0.1), st.floats(0, 0.1))
def test_a_gain_within_one_error_is_a_tie_and_does_not_pass(size, error):
    gate = judge_table(Gain(0.5 - size, 0.5, error), LeakReport())
    gain = Gain(0.5 - size, 0.5, error)
    assert gate.passed == (gain.size > error)


def test_a_leak_closes_the_gate_whatever_the_gain_and_names_the_way_out():
    leaks = LeakReport(
        (Suspicion("exit", "single_auc", "Column 'exit' alone."), Suspicion(ROWS, "x", "Copies."))
    )
    gate = judge_table(Gain(0.1, 0.5, 0.01), leaks)
    assert gate.reasons == (
        "Column 'exit' alone. Leave it out, or vouch for it with --allow 'exit'.",
        "Copies. Take each customer once, or vouch for it with --allow 'identical rows'.",
    )
    assert (gate.passed, gate.leak) == (False, True)
    assert gate.refuse("It broke.").reasons[-1] == "It broke."
