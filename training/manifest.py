"""The manifest of a bundle: its canonical spelling in bytes and its shape."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from contracts.errors import BundleRefused
from contracts.feature_frame import FeatureList

SCHEMA_VERSION = 1
FAMILIES = (
    "naive_silence",
    "naive_rate",
    "naive_constant",
    "bgnbd_gg",
    "pnbd_gg",
    "lgbm",
    "lgbm_btyd",
    "hazard",
)
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "files": dict,
    "features": list,
    "feature_hash": str,
    "vocabularies": dict,
    "members": list,
    "settings": dict,
    "population": dict,
    "bands": dict,
    "reference": dict,
    "metrics": dict,
    "coverage": (dict, float, int, type(None)),
    "gate": dict,
    "data_digest": str,
    "golden": list,
}
_SUBSCRIPTION: dict[str, type | tuple[type, ...]] = {
    "features": list,
    "feature_hash": str,
    "vocabularies": dict,
    "fills": dict,
    "settings": dict,
    "reference": dict,
    "gate": dict,
}
TABLE = "table"
_TABLE_FIELDS: dict[str, type | tuple[type, ...]] = {
    "files": dict,
    "features": list,
    "feature_hash": str,
    "vocabularies": dict,
    "label": str,
    "customer_id": (str, type(None)),
    "base_rate": (float, int),
    "metrics": dict,
    "gate": dict,
    "data_digest": str,
    "golden": list,
}
_SETTINGS: dict[str, type | tuple[type, ...]] = {
    "horizon_days": (int, float),
    "clv_horizon_days": (int, float),
    "annual_discount_rate": (int, float),
    "clv_basis": str,
    "currency": str,
    "time_unit": str,
}
# What changes from run to run has no place in a bundle, or the same data would give two digests.
_BANNED = {"version", "model_version", "run_id", "created_at", "trained_at", "path", "folder"}
_FEATURE_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")


def encode(value: Any) -> bytes:
    r"""Return the one JSON spelling of plain data: UTF-8, sorted keys, shortest floats, one item a line.

    Raises:
        BundleRefused: a value is no plain data, or a number is not finite.

    Examples:
        >>> encode({"b": 0.1, "a": [1]})
        b'{\n "a": [\n  1\n ],\n "b": 0.1\n}\n'
        >>> encode({"a": float("nan")})
        Traceback (most recent call last):
        contracts.errors.BundleRefused: A bundle holds plain data with finite numbers only: ...
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=1)
    except (TypeError, ValueError) as error:
        raise BundleRefused(f"A bundle holds plain data with finite numbers only: {error}.") from error
    return f"{text}\n".encode()


def decode(data: bytes, name: str) -> Any:
    """Return the plain data in the JSON bytes of the file called ``name``.

    Raises:
        BundleRefused: it is no JSON, or holds NaN or an infinity.
    """
    try:
        return json.loads(data, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BundleRefused(f"{name} is no JSON of finite numbers") from error


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def check_manifest(manifest: Any) -> None:
    """Return nothing when the manifest has every part in its shape, each reference inside it holding.

    Raises:
        BundleRefused: naming the first part that is missing, of another type, or refers to nothing.
    """
    if not isinstance(manifest, dict):
        raise BundleRefused("manifest.json is no JSON object")
    version = manifest.get("schema_version")
    if version != SCHEMA_VERSION:
        raise BundleRefused(f"manifest schema_version is {version!r}, this Fedele knows {SCHEMA_VERSION}")
    _check_fields("manifest", manifest, _TABLE_FIELDS if is_table(manifest) else _FIELDS)
    for name in sorted(_BANNED & manifest.keys()):
        raise BundleRefused(f"manifest.{name} would differ from run to run; leave it out")
    _check_files(manifest["files"])
    _check_features(manifest)
    if "subscription" in manifest:
        _check_subscription(manifest["subscription"])
    if not is_table(manifest):
        _check_members(manifest)
        _check_fields("settings", manifest["settings"], _SETTINGS)
    _check_gate(manifest["gate"])
    _check_golden(manifest["golden"])


def is_table(manifest: Mapping[str, Any]) -> bool:
    """Return whether the bundle is of a model of tables, which scores no customer of a workspace.

    Examples:
        >>> is_table({"kind": "table"}), is_table({"members": []})
        (True, False)
    """
    return manifest.get("kind") == TABLE


def _check_fields(where: str, values: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    for name, kinds in wanted.items():
        if name not in values:
            raise BundleRefused(f"{where}.{name} is missing")
        if not isinstance(values[name], kinds) or isinstance(values[name], bool):
            raise BundleRefused(f"{where}.{name} is a {type(values[name]).__name__}")


def _check_files(files: Mapping[str, Any]) -> None:
    for name, facts in files.items():
        if not isinstance(facts, dict):
            raise BundleRefused(f"files.{name} is a {type(facts).__name__}")
        _check_fields(f"files.{name}", facts, {"sha256": str, "size": int})


def _check_features(manifest: Mapping[str, Any]) -> None:
    try:
        features = FeatureList.from_dicts(manifest["features"])
    except TypeError as error:
        raise BundleRefused(f"features are not features ({error})") from error
    for name in features.names:
        if not _FEATURE_NAME.fullmatch(str(name)):
            raise BundleRefused(f"feature {name!r} is no slug like rfm.frequency")
    if len(set(features.names)) != len(features):
        raise BundleRefused("a feature is listed twice")
    if features.hash != manifest["feature_hash"]:
        raise BundleRefused(f"the feature list has hash {features.hash}, not {manifest['feature_hash']!r}")
    categories = {feature.name for feature in features if feature.dtype == "category"}
    for name, levels in manifest["vocabularies"].items():
        if name not in categories:
            raise BundleRefused(f"the vocabulary of {name!r} belongs to no category of the feature list")
        if not isinstance(levels, list) or not all(isinstance(level, str) for level in levels):
            raise BundleRefused(f"the vocabulary of {name!r} is no list of texts")


def list_features(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the features that rows of a bundle have: the shop's, or the subscribers' if they are alone."""
    own: list[dict[str, Any]] = manifest["features"] or manifest.get("subscription", {}).get("features", [])
    return own


def _check_subscription(part: Any) -> None:
    if not isinstance(part, dict):
        raise BundleRefused(f"manifest.subscription is a {type(part).__name__}")
    _check_fields("subscription", part, _SUBSCRIPTION)
    _check_features(part)
    _check_fields("subscription.settings", part["settings"], _SETTINGS)
    _check_gate(part["gate"])


def _check_members(manifest: Mapping[str, Any]) -> None:
    if not manifest["members"]:
        raise BundleRefused("members are empty")
    for member in manifest["members"]:
        if not isinstance(member, dict):
            raise BundleRefused(f"a member is a {type(member).__name__}")
        _check_fields("member", member, {"role": str, "family": str, "file": (str, type(None))})
        if member["family"] not in FAMILIES:
            raise BundleRefused(f"family {member['family']!r} is none of {', '.join(FAMILIES)}")
        if member["file"] is not None and member["file"] not in manifest["files"]:
            raise BundleRefused(f"the {member['role']} member's file {member['file']!r} is not in the bundle")


def _check_gate(gate: Mapping[str, Any]) -> None:
    _check_fields("gate", gate, {"reasons": list})
    for name in ("passed", "leak"):
        if not isinstance(gate.get(name, False), bool):
            raise BundleRefused(f"gate.{name} is neither true nor false")
    if "passed" not in gate:
        raise BundleRefused("gate.passed is missing")


def _check_golden(golden: list[Any]) -> None:
    if not golden:
        raise BundleRefused("golden is empty: no row to prove the model with")
    for case in golden:
        if not isinstance(case, dict):
            raise BundleRefused("golden is no list of rows with expected answers")
        _check_fields("golden", case, {"row": dict, "expected": dict})
        if not case["expected"] or not all(
            isinstance(value, int | float) and not isinstance(value, bool)
            for value in case["expected"].values()
        ):
            raise BundleRefused("golden.expected holds no numbers")
