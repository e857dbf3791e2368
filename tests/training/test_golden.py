"""Golden rows are invented, and a child that crashes, hangs or answers otherwise refuses the bundle."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import BundleRefused
from testkit.tiny_model import build_tiny_model, invent_frame, tiny_content
from training import golden
from training.bundle import MANIFEST
from training.golden import build_golden_rows, check_golden_rows, invent_rows

CRASHES = {
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": "ended its process with signal 11",
    "import os; os.abort()": "ended its process with signal 6",
    "raise ValueError('no such tree')": r"the model failed \(ValueError: no such tree\)",
    "import sys; sys.exit(3)": r"the model failed \(no reason given\)",
    "print('[LightGBM] [Info] hello')": "answer is no JSON",
    "print('[]')": "did not answer all 13",
    "print('{}')": "did not answer all 13",
    "print([{'raw': 1e9}] * 13)": "answer is no JSON",
}


@pytest.fixture(scope="module")
def parts():
    files = {name: data.decode() for name, data in tiny_content().to_bytes().items()}
    return json.loads(files.pop(MANIFEST)), files


@pytest.fixture
def child(monkeypatch):
    def be(code):
        monkeypatch.setattr(golden, "COMMAND", (sys.executable, "-S", "-c", code))

    return be


def test_a_genuine_model_passes_in_a_child(parts):
    check_golden_rows(*parts, seconds=60)


@pytest.mark.parametrize("code", CRASHES)
def test_a_child_that_fails_refuses_the_bundle_with_the_reason(parts, child, code):
    child(code)
    with pytest.raises(BundleRefused, match=CRASHES[code]):
        check_golden_rows(*parts, seconds=60)


def test_a_child_that_hangs_is_ended(parts, child):
    child("import threading; threading.Event().wait()")
    with pytest.raises(BundleRefused, match=r"no answer within 0\.5 s"):
        check_golden_rows(*parts, seconds=0.5)


@pytest.mark.parametrize("wrong", ["1.00001", "null", '"1.0"', "NaN"])
def test_a_child_that_answers_another_number_refuses_the_bundle(parts, child, wrong):
    manifest, files = parts
    case = {"row": {}, "expected": {"raw": 1.0}}
    child(f'print(\'[{{"raw": 1.0}}, {{"raw": {wrong}}}]\')')
    with pytest.raises(BundleRefused, match=r"golden row 1: raw is .*, not 1\.0"):
        check_golden_rows({**manifest, "golden": [case, case]}, files, seconds=60)


def test_a_difference_in_the_last_digits_is_another_machine_and_passes(parts, child):
    manifest, files = parts
    child("print('[{\"raw\": 1.0000000001}]')")
    check_golden_rows({**manifest, "golden": [{"row": {}, "expected": {"raw": 1.0}}]}, files, seconds=60)


def test_golden_rows_hold_what_the_model_answers():
    rows = invent_rows(invent_frame().values)
    cases = build_golden_rows(build_tiny_model(), rows)
    assert [case["row"] for case in cases] == rows
    assert cases[0]["expected"].keys() == {"raw", "churn_probability", "clv_mean"}


COLUMNS = st.lists(
    st.tuples(st.floats(0, 1e6), st.floats(0, 1), st.sampled_from(["a", "b", None])), min_size=1, max_size=40
)


@given(COLUMNS)
def test_invented_rows_keep_the_order_between_columns_and_forget_that_of_rows(drawn):
    values = pd.DataFrame(
        {"t_x": [age * share for age, share, _ in drawn], "T": [age for age, _, _ in drawn]}
    )
    values["plan"] = pd.Series([plan for _, _, plan in drawn], dtype=object)
    rows = invent_rows(values)
    assert all(row["t_x"] <= row["T"] for row in rows)
    assert {row["plan"] for row in rows} <= {"a", "b", None}
    assert invent_rows(values.iloc[::-1].reset_index(drop=True)) == rows


def test_a_column_without_any_value_is_missing_in_every_invented_row():
    assert invent_rows(pd.DataFrame({"a": [np.nan, np.nan]}), levels=(0.5,)) == [{"a": None}]
