"""The report document: every figure a model was judged by, one JSON file a version."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.atomic import replace_file
from contracts.errors import BundleRefused, SchemaTooNew, WorkspaceError
from contracts.workspace import Workspace
from training.bundle import is_version, read_pointer
from training.manifest import decode, encode

SCHEMA_VERSION = 1
_KINDS: dict[str, type | tuple[type, ...]] = {
    "model_version": str,
    "as_of": str,
    "data_digest": str,
    "currency": str,
    "horizon_days": int,
    "clv_horizon_days": int,
    "window_days": int,
    "annual_discount_rate": (int, float),
    "seed": int,
    "population": dict,
    "remarks": list,
    "gate": dict,
    "looks": int,
    "served": dict,
    "cutoffs": list,
    "families": dict,
    "everyone": dict,
    "errors": dict,
    "differences": list,
    "segments": dict,
    "headline": dict,
    "reliability": list,
    "gains": dict,
    "deciles": list,
    "coverage": dict,
    "pit": list,
    "monthly": list,
    "level_spread": (int, float),
    "history": list,
    "weights": dict,
    "subscription": dict,
    "satisfaction": dict,
}
_ALWAYS = ("model_version", "as_of", "currency", "horizon_days", "gate")
_ROWS: dict[str, tuple[str, ...]] = {
    "cutoffs": ("cutoff", "role", "customers"),
    "differences": ("metric", "family", "difference", "se", "verdict"),
    "reliability": ("rows", "predicted", "observed"),
    "deciles": ("decile", "customers", "predicted", "observed"),
    "monthly": ("month", "mean", "p10", "p90"),
    "history": ("months",),
}
_HEADLINE = ("cutoff", "contacts", "left", "random")
_RETENTION = ("month", "predicted", "observed")
_SATISFACTION = ("customers", "answered", "recent_days", "silence_odds", "beyond", "lots")
_NPS = {
    **dict.fromkeys(("raw", "corrected"), ("nps", "low", "high")),
    **dict.fromkeys(("range", "sampled_range", "bounds"), ("low", "high")),
}
_RATIOS = ("detractor", "promoter")
_AGAIN = "train again with `fedele train`"


def save_document(workspace: Workspace, document: Mapping[str, Any]) -> Path:
    """Write ``document`` to ``reports/<version>.json`` at one instant and return the file.

    Args:
        workspace: of the model.
        document: plain values with finite numbers; what is not known is absent. ``schema_version`` is added.

    Raises:
        WorkspaceError: a part is missing, of another kind, or no finite number.
    """
    whole = {"schema_version": SCHEMA_VERSION, **document}
    version = str(whole.get("model_version", ""))
    try:
        data = encode(whole)
    except BundleRefused as error:
        raise WorkspaceError(
            f"The report of version {version!r} holds a value that is no finite plain data: {_AGAIN}."
        ) from error
    check_document(whole, version)
    file = workspace.reports / f"{version}.json"
    replace_file(file, data)
    return file


def load_document(workspace: Workspace, version: str) -> dict[str, Any]:
    """Return the document of a version, its form checked; keys that were not known then are absent.

    Raises:
        WorkspaceError: there is none, it is damaged, or it is of another version.
        SchemaTooNew: a later Fedele wrote it.
    """
    if not is_version(version):
        raise WorkspaceError(f"{version!r} is no version of a model: write its number, like 3.")
    file = workspace.reports / f"{version}.json"
    try:
        document = decode(file.read_bytes(), file.name)
    except FileNotFoundError as error:
        raise WorkspaceError(
            f"Version {version} has no report{_name_others(workspace)}: {_AGAIN} to get a model with one."
        ) from error
    except BundleRefused as error:
        raise _damaged(version, "it is no JSON with finite numbers") from error
    if not isinstance(document, dict):
        raise _damaged(version, "it is no JSON object")
    check_document(document, version)
    return document


def find_reported(workspace: Workspace) -> tuple[str, ...]:
    """Return the versions that have a report, oldest first."""
    names = [file.stem for file in workspace.reports.glob("*.json")] if workspace.reports.is_dir() else []
    return tuple(sorted(filter(is_version, names), key=int))


def choose_version(workspace: Workspace) -> str:
    """Return the version whose report people mean when they name none: the champion's, else the newest.

    Raises:
        WorkspaceError: there is no champion, and no version has a report.
    """
    champion = read_pointer(workspace)
    if champion is not None:
        return champion
    reported = find_reported(workspace)
    if not reported:
        raise WorkspaceError("No model here has a report yet: run `fedele train`.")
    return reported[-1]


def find_report_cutoff(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the facts of the cutoff that no choice has seen, None where none has matured."""
    cutoffs: list[Mapping[str, Any]] = document.get("cutoffs", [])
    return next((each for each in reversed(cutoffs) if each.get("role") == "report"), None)


def check_document(document: Mapping[str, Any], version: str) -> None:
    """Return nothing when ``document`` is one of ``version`` in its form; what passes here can be drawn.

    Raises:
        WorkspaceError: a part is missing or of another kind, or it is of another version.
        SchemaTooNew: a later Fedele wrote it.
    """
    schema = document.get("schema_version")
    if isinstance(schema, int) and schema > SCHEMA_VERSION:
        raise SchemaTooNew(
            f"The report of version {version} has schema_version {schema}, this Fedele knows "
            f"{SCHEMA_VERSION}: use a newer Fedele."
        )
    if schema != SCHEMA_VERSION or isinstance(schema, bool):
        raise _damaged(version, f"schema_version is {schema!r} instead of {SCHEMA_VERSION}")
    for name in _ALWAYS:
        if name not in document:
            raise _damaged(version, f"{name} is missing")
    for name, kind in _KINDS.items():
        value = document.get(name)
        if name in document and (not isinstance(value, kind) or isinstance(value, bool)):
            raise _damaged(version, f"{name} is a {type(value).__name__}")
    if document["model_version"] != version or not is_version(version):
        raise _damaged(version, f"it is of model_version {document['model_version']!r}")
    if not isinstance(document["gate"].get("passed"), bool):
        raise _damaged(version, "gate.passed is neither true nor false")
    _check_rows(document, version)


def _check_rows(document: Mapping[str, Any], version: str) -> None:
    """Raise ``WorkspaceError`` where a row lacks what it is a row of; metrics in it may be absent."""
    named = [(name, row, keys) for name, keys in _ROWS.items() for row in document.get(name, ())]
    named += [
        ("subscription.retention", row, _RETENTION)
        for row in document.get("subscription", {}).get("retention", ())
    ]
    named += [(f"segments.{name}", row, ("customers",)) for name, row in document.get("segments", {}).items()]
    named += _name_satisfaction(document.get("satisfaction"))
    if document.get("headline"):
        named.append(("headline", document["headline"], _HEADLINE))
    for name, row, keys in named:
        lacking = keys if not isinstance(row, dict) else [key for key in keys if key not in row]
        if lacking:
            raise _damaged(version, f"{name} lacks {lacking[0]}")
    gains = document.get("gains", {})
    if len({len(gains[name]) for name in ("share", "served", "rule") if gains.get(name)}) > 1:
        raise _damaged(version, "the curves of gains differ in length")


def _name_satisfaction(found: Mapping[str, Any] | None) -> list[tuple[str, Any, tuple[str, ...]]]:
    """Return the parts of what is said of satisfaction, with the keys that each of them needs."""
    if not found:
        return []
    named: list[tuple[str, Any, tuple[str, ...]]] = [("satisfaction", found, _SATISFACTION)]
    named += [(f"satisfaction.{part}", found.get(part), keys) for part, keys in _NPS.items()]
    if lots := found.get("lots"):
        named.append(("satisfaction.lots", lots, ("customers", *_RATIOS)))
        named += [(f"satisfaction.lots.{name}", lots.get(name), ("odds", "low", "high")) for name in _RATIOS]
    return named


def _name_others(workspace: Workspace) -> str:
    reported = find_reported(workspace)
    return f" (versions with one: {', '.join(reported[-5:])})" if reported else ""


def _damaged(version: str, why: str) -> WorkspaceError:
    return WorkspaceError(f"The report of version {version!r} is not usable, {why}: {_AGAIN}.")
