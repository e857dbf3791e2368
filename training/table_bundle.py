"""The bundle of a model of a table: plain data under a version of its own, which scores tables only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from contracts.errors import BundleRefused, ModelRefused, WorkspaceError
from contracts.feature_frame import FeatureFrame
from contracts.workspace import Workspace
from training.bundle import BundleContent, is_version, load_manifest, verify_bundle
from training.golden import build_golden_rows, check_golden_rows, invent_rows
from training.manifest import TABLE, decode, is_table
from training.models.table_model import TableModel
from training.signature import read_key

LEVELS = (0.02, 0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.95, 0.98)
GOLDEN_SECONDS = 60.0


def build_table_content(model: TableModel, frame: FeatureFrame, facts: Mapping[str, Any]) -> BundleContent:
    """Return the bundle of ``model``; golden rows are made up of quantiles and common levels of ``frame``.

    Args:
        model: the model to keep.
        frame: what it was fitted on.
        facts: label, customer_id, base_rate, metrics, gate, data_digest, remarks: no clock, path or version.
    """
    manifest, files = model.to_parts()
    golden = build_golden_rows(model, invent_rows(_without_rare(model, frame), LEVELS))
    return BundleContent({**manifest, **facts, "kind": TABLE, "golden": golden}, files)


def find_fault(content: BundleContent) -> str | None:
    """Return why the golden rows are not reproduced from the bundle's bytes, None where they are."""
    files = {name: data.decode() for name, data in content.to_bytes().items()}
    manifest = decode(files.pop("manifest.json").encode(), "manifest.json")
    try:
        check_golden_rows(manifest, files, seconds=GOLDEN_SECONDS)
    except BundleRefused as error:
        return str(error)
    return None


def load_table_model(workspace: Workspace, version: str) -> tuple[TableModel, dict[str, Any]]:
    """Return a model of tables and its manifest, from the very bytes that were verified.

    Raises:
        WorkspaceError: no such version was trained here.
        ModelRefused: it scores customers and no tables, or its gate said no.
        BundleRefused: its bundle is damaged or does not answer as it should.
    """
    chosen = version.strip()
    folder = workspace.bundles / chosen if is_version(chosen) else Path()
    if not is_version(chosen) or not folder.is_dir():
        raise WorkspaceError(f"No version {chosen!r} was trained here: run `fedele train --frame`.")
    manifest = load_manifest(folder)
    if not is_table(manifest):
        raise ModelRefused(
            f"Version {chosen} scores customers of the workspace: run `fedele score` without --frame, or "
            "name a version of `fedele train --frame`."
        )
    gate = manifest["gate"]
    if not gate["passed"]:
        why = " ".join(map(str, gate["reasons"])) or "No reason is recorded."
        raise ModelRefused(f"Version {chosen} failed its gate and scores nobody: {why}")
    parts = verify_bundle(folder, read_key(workspace))
    return TableModel.from_parts(parts.manifest, parts.files), parts.manifest


def _without_rare(model: TableModel, frame: FeatureFrame) -> pd.DataFrame:
    """Return the values without texts outside the vocabulary: what few customers carry is not invented."""
    vocabularies = model.model.encoder_.vocabularies
    return frame.values.assign(
        **{
            name: frame.values[name].where(frame.values[name].isin(levels), None)
            for name, levels in vocabularies.items()
        }
    )
