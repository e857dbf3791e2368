"""One canonical form of bytes for a score, from whichever path it comes."""

import json
import math
from dataclasses import asdict, replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.scores import (
    FIELDS,
    ChurnRange,
    Clv,
    RiskBands,
    dumps,
    flatten,
    to_dict,
    to_json,
    unflatten,
)
from contracts.time import to_text
from testkit.score_strategies import chances, score_records
from testkit.stored import build_record

MONEY = ("value_if_stays", "value_if_leaves", "value_at_risk", "contact_value", "net_clv", "historic_value")
MONEY_OF_ALL = {*MONEY, "net_historic_value", "mean", "p10", "p50", "p90", "clv_mean"}
CHANCES = ("churn_probability", "risk_percentile", "p_alive", "p_no_spend", "expected_purchases")
CHANCES_OF_ALL = {*CHANCES, "low", "high", "detractor", "passive", "promoter"}


@given(record=score_records())
def test_the_canonical_bytes_read_back_as_the_plain_record(record):
    assert json.loads(to_json(record)) == to_dict(record)
    assert dumps(json.loads(to_json(record))) == to_json(record)


@given(record=score_records())
def test_the_bytes_are_those_of_a_json_encoder_on_the_rounded_values(record):
    def plain(name, value):
        if isinstance(value, float):
            digits = 2 if name in MONEY_OF_ALL else 6 if name in CHANCES_OF_ALL else 17
            return (round(value, digits) if digits < 17 else value) + 0.0
        if isinstance(value, datetime):
            return to_text(value)
        if isinstance(value, dict):
            return {part: plain(part, held) for part, held in value.items()}
        if isinstance(value, list | tuple):
            return [plain(name, part) for part in value]
        return value

    assert to_json(record) == dumps(plain("", asdict(record)))


@given(record=score_records())
def test_fields_come_in_the_order_of_the_contract(record):
    plain = json.loads(to_json(record))
    assert tuple(plain) == FIELDS
    assert list(plain["clv"]) == ["mean", "p10", "p50", "p90"]
    assert list(plain["churn_range"]) == ["low", "high"]


@given(record=score_records())
def test_no_byte_says_minus_zero_or_something_that_is_no_number(record):
    numbers = []
    json.loads(to_json(record), parse_float=numbers.append, parse_constant=numbers.append)
    assert not {"NaN", "Infinity", "-Infinity", "-0.0"} & set(numbers)


@given(record=score_records())
def test_money_has_two_decimals_and_probabilities_have_six(record):
    plain = to_dict(record)
    money = [plain[name] for name in MONEY if plain[name] is not None] + list(plain["clv"].values())
    assert all(value == round(value, 2) for value in money)
    chance = [plain[name] for name in CHANCES if plain[name] is not None]
    assert all(value == round(value, 6) for value in chance)
    assert all(point["clv_mean"] == round(point["clv_mean"], 2) for point in plain["curve"])


@given(record=score_records())
def test_flattening_and_back_gives_the_same_bytes(record):
    row = flatten(to_dict(record))
    assert all(not isinstance(value, dict | list) for value in row.values())
    assert dumps(unflatten(row)) == to_json(record)


@given(record=score_records())
def test_missing_numbers_may_come_back_as_nan(record):
    row = {
        name: math.nan if value is None and not name.startswith("satisfaction") else value
        for name, value in flatten(to_dict(record)).items()
    }
    assert dumps(unflatten(row)) == to_json(record)


@given(low=chances, high=chances, p=chances)
def test_rounding_keeps_the_order_of_what_was_in_order(low, high, p):
    low, p, high = sorted((low, p, high))
    record = build_record(
        "c", churn_probability=p, churn_range=ChurnRange(low, high), clv=Clv(p, low, p, high)
    )
    plain = to_dict(record)
    assert plain["churn_range"]["low"] <= plain["churn_probability"] <= plain["churn_range"]["high"]
    assert plain["clv"]["p10"] <= plain["clv"]["p50"] <= plain["clv"]["p90"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["churn_probability", "value_at_risk", "annual_discount_rate"])
def test_a_number_that_is_not_finite_is_refused_by_its_name(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        to_json(replace(build_record("c"), **{name: value}))


def test_a_nested_number_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="p90 is inf"):
        to_json(replace(build_record("c"), clv=Clv(1.0, 0.0, 0.5, math.inf)))


def test_the_bytes_are_utf8_without_spaces_between_parts():
    data = to_json(replace(build_record("José", language="it"), flags=("stale",)))
    assert b'{"customer_id":"Jos\xc3\xa9","kind":"shop",' in data
    assert '"text":"Ultimo ordine 58 giorni fa; di solito ogni 31. È tardi."'.encode() in data
    assert b'"as_of":"2026-11-20T00:00:00Z"' in data
    assert b'"flags":["stale"]' in data


def test_floats_are_as_short_as_they_can_be():
    record = replace(build_record("c"), value_at_risk=0.1 + 0.2, churn_probability=1 / 3, net_clv=-0.001)
    data = to_json(record)
    assert b'"value_at_risk":0.3,' in data
    assert b'"churn_probability":0.333333,' in data
    assert b'"net_clv":0.0,' in data


@given(medium=chances, high=chances, p=chances)
def test_a_band_never_falls_as_the_probability_rises(medium, high, p):
    medium, high = sorted((medium, high))
    order = ["low", "medium", "high"]
    bands = RiskBands(medium, high, "tests")
    assert order.index(bands.band(p)) <= order.index(bands.band(min(1.0, p + 0.1)))
    assert bands.band(high) == "high"


@given(record=score_records(), seed=st.integers())
def test_a_record_equal_in_value_has_equal_bytes(record, seed):
    assert to_json(replace(record)) == to_json(record)
