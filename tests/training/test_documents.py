"""Report documents are written whole, read checked, and refused with the next step."""

import json
import math
import re

import numpy as np
import pytest

from contracts.errors import SchemaTooNew, WorkspaceError
from testkit.documents import VARIANTS, build_document
from training.bundle import point_champion
from training.documents import (
    choose_version,
    find_report_cutoff,
    find_reported,
    load_document,
    save_document,
)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_document_comes_back_as_it_went(workspace, variant):
    document = build_document(variant)
    file = save_document(workspace, document)
    assert file == workspace.reports / f"{document['model_version']}.json"
    assert load_document(workspace, document["model_version"]) == document
    assert [entry.name for entry in workspace.reports.iterdir()] == [file.name]


def test_equal_documents_give_equal_bytes_in_whatever_order_they_were_put_together(workspace):
    document = build_document()
    first = save_document(workspace, document).read_bytes()
    assert save_document(workspace, dict(reversed(document.items()))).read_bytes() == first


def test_the_schema_version_is_added_where_the_writer_left_it_out(workspace):
    save_document(workspace, build_document(schema_version=None))
    assert load_document(workspace, "3")["schema_version"] == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, np.int64(3), {1, 2}], ids=repr)
def test_a_value_that_is_no_finite_plain_data_is_not_written(workspace, value):
    with pytest.raises(WorkspaceError, match="'3' holds a value that is no finite plain data"):
        save_document(workspace, build_document(level_spread=value))
    assert not workspace.reports.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gate": None}, "gate is missing"),
        ({"gate": {"passed": "yes"}}, "gate.passed is neither true nor false"),
        ({"families": []}, "families is a list"),
        ({"horizon_days": True}, "horizon_days is a bool"),
        ({"model_version": "../3"}, "it is of model_version '../3'"),
        ({"schema_version": 0}, "schema_version is 0 instead of 1"),
        ({"cutoffs": [{"cutoff": "1998-04-01T00:00:00Z", "customers": 9}]}, "cutoffs lacks role"),
        ({"monthly": [12.5]}, "monthly lacks month"),
        ({"headline": {"contacts": 50}}, "headline lacks cutoff"),
        ({"segments": {"thin": {"coverage": 0.8}}}, "segments.thin lacks customers"),
        ({"subscription": {"retention": [{"month": 1}]}}, "subscription.retention lacks predicted"),
        ({"gains": {"share": [0, 1], "served": [0]}}, "the curves of gains differ in length"),
    ],
)
def test_a_document_of_another_form_is_not_written(workspace, changes, message):
    with pytest.raises(WorkspaceError, match=re.escape(message)):
        save_document(workspace, build_document(**changes))
    assert not workspace.reports.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "it is no JSON with finite numbers"),
        ('{"a": NaN}', "it is no JSON with finite numbers"),
        ('{"a": 1e999}', "it is no JSON with finite numbers"),
        ("[]", "it is no JSON object"),
        (json.dumps(build_document("failed")), "it is of model_version '4'"),
    ],
)
def test_a_damaged_file_is_refused_with_version_and_next_step(workspace, text, message):
    workspace.reports.mkdir()
    (workspace.reports / "3.json").write_text(text, encoding="utf-8")
    with pytest.raises(
        WorkspaceError, match=f"'3' is not usable, {message}: train again with `fedele train`"
    ):
        load_document(workspace, "3")


def test_a_document_of_a_later_fedele_is_refused_as_such(workspace):
    workspace.reports.mkdir()
    (workspace.reports / "3.json").write_text(json.dumps(build_document() | {"schema_version": 2}))
    with pytest.raises(SchemaTooNew, match="schema_version 2, this Fedele knows 1: use a newer Fedele"):
        load_document(workspace, "3")


def test_a_version_without_a_report_is_named_with_those_that_have_one(workspace):
    with pytest.raises(WorkspaceError, match="Version 9 has no report: train again"):
        load_document(workspace, "9")
    save_document(workspace, build_document())
    with pytest.raises(WorkspaceError, match=r"Version 9 has no report \(versions with one: 3\)"):
        load_document(workspace, "9")


@pytest.mark.parametrize("version", ["../3", "", "3/..", "three"])
def test_what_is_no_version_never_becomes_a_path(workspace, version):
    with pytest.raises(WorkspaceError, match="is no version of a model"):
        load_document(workspace, version)


def test_the_champion_is_meant_where_none_is_named_else_the_newest(workspace):
    with pytest.raises(WorkspaceError, match="No model here has a report yet: run `fedele train`"):
        choose_version(workspace)
    for version in ("2", "10"):
        save_document(workspace, build_document(model_version=version))
    (workspace.reports / "notes.json").write_text("{}", encoding="utf-8")
    assert find_reported(workspace) == ("2", "10")
    assert choose_version(workspace) == "10"
    workspace.models.mkdir()
    point_champion(workspace, "2")
    assert choose_version(workspace) == "2"


def test_the_report_cutoff_is_the_one_with_that_role():
    assert find_report_cutoff(build_document())["cutoff"] == "1998-04-01T00:00:00Z"
    assert find_report_cutoff(build_document("few")) is None
    assert find_report_cutoff({"cutoffs": [{"role": "fit"}, {"role": "choice"}]}) is None
