"""The manifest has one spelling and one shape."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import BundleRefused
from testkit.tiny_model import tiny_content
from training.bundle import MANIFEST
from training.manifest import check_manifest, decode, encode

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=20,
)

FAULTS = {
    "manifest.golden is missing": lambda it: it.pop("golden"),
    "manifest.features is a dict": lambda it: it.update(features={}),
    "schema_version is 2": lambda it: it.update(schema_version=2),
    "manifest.run_id would differ": lambda it: it.update(run_id="7"),
    "manifest.version would differ": lambda it: it.update(version="7"),
    "features are not features": lambda it: it["features"][0].update(odd=1),
    "is no slug": lambda it: it["features"][0].update(name="RFM frequency"),
    "listed twice": lambda it: it["features"].append(it["features"][0]),
    "has hash": lambda it: it["features"].reverse(),
    "belongs to no category": lambda it: it["vocabularies"].update({"rfm.frequency": ["a"]}),
    "is no list of texts": lambda it: it["vocabularies"].update({"attribute.plan": [1]}),
    "members are empty": lambda it: it["members"].clear(),
    "a member is a str": lambda it: it["members"].append("churn"),
    "is none of naive_silence": lambda it: it["members"][0].update(family="oracle"),
    "is not in the bundle": lambda it: it["members"][0].update(file="other.json"),
    "settings.currency is missing": lambda it: it["settings"].pop("currency"),
    "settings.horizon_days is a str": lambda it: it["settings"].update(horizon_days="90"),
    "settings.horizon_days is a bool": lambda it: it["settings"].update(horizon_days=True),
    "gate.passed is missing": lambda it: it["gate"].pop("passed"),
    "gate.passed is neither": lambda it: it["gate"].update(passed=1),
    "gate.leak is neither": lambda it: it["gate"].update(leak="no"),
    "gate.reasons is a str": lambda it: it["gate"].update(reasons=""),
    "golden is empty": lambda it: it["golden"].clear(),
    "golden is no list of rows": lambda it: it["golden"].append(1),
    "golden.row is missing": lambda it: it["golden"].append({"expected": {"raw": 1.0}}),
    "holds no numbers": lambda it: it["golden"][0]["expected"].update(raw="1"),
    "files.beta_geo.json is a str": lambda it: it["files"].update({"beta_geo.json": ""}),
}


@pytest.fixture
def manifest():
    return json.loads(tiny_content().to_bytes()[MANIFEST])


@given(PLAIN)
def test_encoding_gives_back_the_same_data_and_the_same_bytes_again(value):
    once = encode(value)
    assert decode(once, "a.json") == value
    assert encode(decode(once, "a.json")) == once


@given(st.dictionaries(st.text("abcdef", max_size=3), st.integers(), max_size=6))
def test_the_order_in_which_a_dictionary_was_filled_does_not_show(value):
    assert encode(dict(reversed(value.items()))) == encode(value)


@pytest.mark.parametrize(
    "text", [b"{", b'{"a": NaN}', b'{"a": 1e999}', b'{"a": -Infinity}', b"[" * 200_000, b"\xff"]
)
def test_what_is_no_json_of_finite_numbers_is_refused(text):
    with pytest.raises(BundleRefused, match=r"a\.json is no JSON of finite numbers"):
        decode(text, "a.json")


@pytest.mark.parametrize("value", [float("inf"), float("nan"), {1, 2}, b"bytes", {"a": object()}])
def test_what_is_no_plain_data_is_not_written(value):
    with pytest.raises(BundleRefused, match="plain data with finite numbers only"):
        encode(value)


def test_the_manifest_of_a_real_model_passes(manifest):
    check_manifest(manifest)


@pytest.mark.parametrize("message", FAULTS)
def test_each_fault_of_a_manifest_is_named(manifest, message):
    FAULTS[message](manifest)
    with pytest.raises(BundleRefused, match=message.replace(".", r"\.")):
        check_manifest(manifest)


@pytest.mark.parametrize("value", [None, [], "manifest", 3])
def test_what_is_no_object_is_refused(value):
    with pytest.raises(BundleRefused, match="no JSON object"):
        check_manifest(value)


def test_checking_a_manifest_changes_nothing(manifest):
    before = copy.deepcopy(manifest)
    check_manifest(manifest)
    assert manifest == before
