"""Panels survive their files, whichever families they hold."""

import json

import numpy as np
import pytest

from contracts.errors import BundleRefused
from contracts.scores import SEGMENTS
from testkit.invented_folds import invent_fold
from training.learning import School
from training.models.members import Panel, alone, find_raw, find_scale
from training.models.panel_files import CHURN_FILES, PANELS, VALUE_FILES, read_panels, write_panels
from training.models.trees import TreeSettings

FOLD = invent_fold(rows=700, effect=lambda frame: 0.8 * frame.column("support.tickets") - 0.8)
SCHOOL = School.of([FOLD], TreeSettings(leaf_rows=20), centred=False)
NAMES = SCHOOL.encoder.names
MIXED = (
    Panel(
        {name: SCHOOL.teach_churn(name, 5) for name in ("lgbm_btyd", "lgbm", "naive_silence")},
        {"thin": "naive_silence", "regular": "lgbm_btyd", "lapsed": "lgbm"},
    ),
    Panel(
        {name: SCHOOL.teach_value(name, 5) for name in ("lgbm_btyd", "lgbm", "naive_constant")},
        {"thin": "naive_constant", "regular": "lgbm", "lapsed": "lgbm_btyd"},
    ),
)


def bare(family):
    return alone(SCHOOL.teach_churn(family)), alone(SCHOOL.teach_value(family))


PAIRS = {"mixed": MIXED} | {name: bare(name) for name in ("bgnbd_gg", "naive_constant", "naive_rate")}


def through_text(files):
    """Return the files as a bundle keeps them: JSON parsed again, trees as text."""
    return {
        name: json.loads(json.dumps(value)) if name.endswith(".json") else value
        for name, value in files.items()
    }


@pytest.mark.parametrize("name", PAIRS)
def test_panels_come_back_from_their_files_to_the_bit(name):
    churn, value = PAIRS[name]
    files = write_panels(churn, value, NAMES)
    again = read_panels(through_text(files), NAMES)
    sight = FOLD.see(SCHOOL.encoder)
    np.testing.assert_array_equal(find_raw(again[0], sight), find_raw(churn, sight))
    np.testing.assert_array_equal(find_scale(again[1], sight), find_scale(value, sight))
    assert write_panels(*again, NAMES) == files


def test_the_two_main_tree_files_are_always_there_and_the_others_only_where_needed():
    always = {PANELS, "churn.lgb.txt", "value.lgb.txt"}
    assert set(write_panels(*PAIRS["naive_rate"], NAMES)) == always
    assert set(write_panels(*MIXED, NAMES)) == {PANELS, *CHURN_FILES.values(), *VALUE_FILES.values()}


@pytest.mark.parametrize("part", [PANELS, *CHURN_FILES.values(), *VALUE_FILES.values()])
def test_a_file_that_is_missing_is_told_by_its_name(part):
    files = write_panels(*MIXED, NAMES)
    del files[part]
    with pytest.raises(KeyError, match=part):
        read_panels(files, NAMES)


def test_a_segment_whose_member_is_gone_is_refused():
    files = through_text(write_panels(*MIXED, NAMES))
    del files[PANELS]["churn"]["members"]["naive_silence"]
    with pytest.raises(BundleRefused, match="Segment thin is served by 'naive_silence'"):
        read_panels(files, NAMES)


def test_trees_over_other_columns_are_refused():
    with pytest.raises(BundleRefused, match="feature_names"):
        read_panels(write_panels(*MIXED, NAMES), NAMES[::-1])


def test_a_rule_that_is_none_is_refused():
    files = through_text(write_panels(*MIXED, NAMES))
    files[PANELS]["churn"]["members"]["naive_silence"]["rule"]["rates"] = [2.0, 0.5]
    with pytest.raises(BundleRefused, match=r"Rule silence: rates \(2\.0, 0\.5\)"):
        read_panels(files, NAMES)


def test_every_segment_is_named_in_the_file():
    plain = write_panels(*MIXED, NAMES)[PANELS]
    assert set(plain["churn"]["served"]) == set(plain["value"]["served"]) == set(SEGMENTS)
