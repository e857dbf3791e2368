"""Every name a user can meet is explained in the glossary, and nothing there explains a name that is gone."""

import ast
import fnmatch
import re
from dataclasses import fields
from functools import cache
from typing import get_args

import pytest

from contracts import errors, scores
from contracts.events import TABLES, Name, Stored
from contracts.feature_frame import INDEX
from contracts.settings import Settings
from contracts.voice import READING, UNDETERMINED, UNNAMED
from features.families import find_families, voice
from features.frame import decide_features
from features.ingest.reasons import REASONS
from features.snapshot import take_snapshot
from features.store import quarantine
from features.store.loads import Load
from features.synthetic import CompanyParameters, simulate_company
from features.wording.catalogue import load_catalogue
from testkit.companies import open_company
from testkit.readings import read_bank
from testkit.tree import ROOT, find_modules, parse
from training.models.columns import BTYD_FEATURES

NESTED = (scores.ChurnRange, scores.Clv, scores.CurvePoint, scores.Satisfaction, scores.Reason)


@cache
def read_parts():
    """Return the rows under each heading of the glossary: the name without ticks, then the other cells."""
    parts, heading = {}, ""
    for line in (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ").replace("`", "")
        elif line.startswith("| `"):
            name, *others = (cell.strip() for cell in line.strip("|").split(" | "))
            parts.setdefault(heading, []).append((name.strip("` "), *others))
    return parts


def names_under(heading):
    return {name for name, *_ in read_parts()[heading]}


def find_pattern(feature):
    """Return the row of the glossary that speaks of a feature: its own, or the narrowest with a star."""
    rows = [row for row in read_parts()["Features"] if fnmatch.fnmatchcase(feature, row[0])]
    return max(rows, key=lambda row: (feature == row[0], len(row[0])), default=None)


@cache
def all_features():
    """Return every feature of a full workspace, and those families declare that it has no data for."""
    company = simulate_company(CompanyParameters(customers=150, days=400), seed=4)
    heard = open_company(company).with_readings(read_bank())
    snapshot = take_snapshot(heard, company.parameters.ends_at, Settings())
    fixed = (family.features for family in find_families() if not callable(family.features))
    spoken = (*voice.REQUESTS, *voice.EVERY_TOPIC, *voice.EVERY_EMOTION)
    every = (*decide_features(snapshot), *(each for features in fixed for each in features), *spoken)
    return (*every, *BTYD_FEATURES)


@pytest.mark.parametrize("table", TABLES)
def test_every_column_of_a_table_is_in_the_glossary_and_no_other(table):
    assert names_under(f"Table {table}") == set(TABLES[table].names)


@pytest.mark.parametrize("table", TABLES)
def test_the_glossary_says_of_each_column_what_the_contract_says(table):
    said = {
        name: [each.rstrip("| ") for each in others[2:]] for name, *others in read_parts()[f"Table {table}"]
    }
    columns = TABLES[table].columns
    assert said == {each.name: ["yes" if each.required else "no", each.state] for each in columns}


def test_the_columns_that_the_store_adds_are_in_the_glossary():
    ours = {str(name) for name in (Name.RECORDED_AT, Name.SOURCE, *Stored)}
    assert names_under("Added to each stored row") == ours
    assert names_under("Table quarantine") == set(quarantine.SCHEMA.names)
    assert names_under("Table loads") == {each.name for each in fields(Load)}


def test_the_index_of_the_feature_frame_is_in_the_glossary():
    assert names_under("Index of the frame") == set(INDEX)


def test_every_feature_is_in_the_glossary_with_its_unit_and_what_missing_means():
    wrong = []
    for feature in all_features():
        row = find_pattern(feature.name)
        same = row is not None and (
            feature.family == "attribute"
            or (row[2] == feature.unit and row[3] == feature.missing)
            or (row[2] == feature.unit and row[3] == re.sub(r"\d+", "*", feature.missing))
        )
        if not same:
            wrong.append(feature.name)
    assert wrong == []


def test_the_glossary_explains_the_features_that_have_texts_and_no_others():
    worded = {pattern.split(":")[0] for pattern in load_catalogue().entries["en"] if "." in pattern}
    explained = {name for name in names_under("Features") if "." in name}
    assert explained == worded


def test_every_feature_family_is_in_the_glossary():
    families = {name for name in names_under("Features") if "." not in name}
    assert families == {family.name for family in find_families()} | {BTYD_FEATURES[0].family}


def test_every_field_of_a_score_record_is_in_the_glossary_nested_ones_too():
    ours = {*scores.FIELDS, *(part.name for kind in NESTED for part in fields(kind))}
    assert names_under("Score record") == ours


def test_every_code_of_a_score_is_in_the_glossary():
    listed = names_under("Codes of a score")
    assert {*scores.FLAGS, *scores.SEGMENTS, "low", "medium", "high", "raises", "lowers"} <= listed
    assert set(get_args(scores.NotScored)) <= listed


def test_every_column_and_code_of_a_reading_is_in_the_glossary():
    assert names_under("Reading of a text") == {each.name for each in READING}
    codes = {value for each in READING for value in each.values}
    assert names_under("Codes of a reading") == codes | {UNDETERMINED, UNNAMED}


def test_every_quarantine_code_is_in_the_glossary():
    assert names_under("Quarantine codes") == set(REASONS)


def test_every_code_of_check_is_in_the_glossary():
    calls = (
        node
        for path in find_modules()
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding" and len(node.args) > 1
    )
    codes = {node.args[1].value for node in calls if isinstance(node.args[1], ast.Constant)}
    assert names_under("Codes of fedele check") == {*codes, "quarantine_*"}


def test_every_code_of_an_error_is_in_the_glossary():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert names_under("Codes of errors") == {kind.code for kind in kinds}
