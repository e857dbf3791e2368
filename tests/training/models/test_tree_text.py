import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import BundleRefused
from testkit.churn_worlds import NAMES, build_world
from training.models.churn import ChurnTrees
from training.models.tree_text import check_tree_text
from training.models.trees import Trees, TreeSettings


def grown_text(columns):
    world = build_world(1500, 3)
    matrix = np.where([name in columns for name in NAMES], world.matrix, 0.0)
    grower = TreeSettings(rounds=4, categorical=("attribute.plan",))
    return ChurnTrees(grower).fit(matrix, NAMES, world.offset, world.churned).to_text()


TEXT = grown_text(NAMES)
CATEGORY_TEXT = grown_text(["attribute.plan"])


def with_field(key, value, text=TEXT):
    """Replace the first list called ``key`` and put the sizes right again, as one who tampers would."""
    text = re.sub(rf"^{key}=.*$", f"{key}={value}", text, count=1, flags=re.MULTILINE)
    if key == "tree_sizes":
        return text
    starts = [found.start() for found in re.finditer(r"^Tree=", text, flags=re.MULTILINE)]
    ends = [*starts[1:], text.index("end of trees")]
    sizes = " ".join(str(end - start) for start, end in zip(starts, ends, strict=True))
    return re.sub(r"^tree_sizes=.*$", f"tree_sizes={sizes}", text, count=1, flags=re.MULTILINE)


def list_of(key):
    return re.search(rf"^{key}=(.*)$", TEXT, flags=re.MULTILINE)[1].split(" ")


def with_entry(key, place, value):
    entries = list_of(key)
    entries[place] = value
    return with_field(key, " ".join(entries))


def test_what_lightgbm_wrote_passes_with_and_without_names():
    check_tree_text(TEXT, NAMES)
    check_tree_text(TEXT)


def test_the_model_without_trees_passes():
    check_tree_text(Trees.empty(NAMES).text, NAMES)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "lacks Tree=0"),
        (TEXT[:-40], "tree_sizes"),
        (TEXT + "x", "tree_sizes"),
        (TEXT.replace("num_leaves", "num_léaves"), "ASCII"),
        (with_field("version", "v3"), "version is 'v3'"),
        (with_field("num_class", "2"), "num_class is '2'"),
        (with_field("max_feature_idx", "99"), "max_feature_idx is '99'"),
        (with_field("objective", "custom"), "objective is 'custom'"),
        (with_field("feature_infos", "none"), "feature_infos"),
        (with_field("tree_sizes", "10 10 10 10"), "tree 0 does not start or end"),
        (with_field("tree_sizes", "4_0"), "tree_sizes holds something"),
        (with_field("num_leaves", "1000"), "1000 leaves"),
        (with_field("is_linear", "1"), "is_linear"),
        (with_field("shrinkage", "nan"), "shrinkage"),
        (with_field("leaf_value", "0.1 0.2"), "leaf_value has 2 entries"),
        (with_entry("leaf_value", 0, "inf"), "leaf_value"),
        (with_entry("threshold", 0, "nan"), "threshold"),
        (with_entry("split_feature", 0, "6"), "split_feature outside 0 to 5"),
        (with_entry("split_feature", 0, "-1"), "split_feature outside"),
        (with_entry("left_child", 0, "0"), "out of range"),
        (with_entry("left_child", 0, "77"), "out of range"),
        (with_entry("right_child", 0, "-77"), "out of range"),
        (with_entry("leaf_count", 0, "0"), "row counts"),
        (with_entry("decision_type", 0, "12"), "decision_type 12"),
        (with_entry("internal_count", 0, "5"), "row counts"),
    ],
)
def test_a_tampered_text_is_refused_by_what_is_wrong(text, fault):
    with pytest.raises(BundleRefused, match=fault):
        check_tree_text(text, NAMES)


def test_a_cycle_is_refused():
    cycle = [child if int(child) < 0 else "1" for child in list_of("left_child")]
    rows = " ".join(["50"] * len(list_of("internal_count")))
    text = with_field("left_child", " ".join(cycle), with_field("internal_count", rows))
    with pytest.raises(BundleRefused, match=r"row counts|reached twice"):
        check_tree_text(text, NAMES)


def test_two_splits_that_point_to_one_leaf_are_refused():
    left = list_of("left_child")
    right = list_of("right_child")
    place = next(number for number, child in enumerate(right) if int(child) < 0)
    left[place] = right[place]
    with pytest.raises(BundleRefused, match=r"row counts|reached twice"):
        check_tree_text(with_field("left_child", " ".join(left)), NAMES)


def test_splits_by_category_pass():
    assert "cat_threshold" in CATEGORY_TEXT
    check_tree_text(CATEGORY_TEXT, NAMES)


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("threshold", "40", "points to set 40|threshold has 1 entries"),
        ("cat_boundaries", "0 9", "cat_boundaries|cat_threshold"),
        ("cat_boundaries", "1 2", "cat_boundaries"),
        ("cat_threshold", "-1", "cat_threshold"),
        ("num_cat", "0", "lack or add 'cat_"),
    ],
)
def test_a_broken_split_by_category_is_refused(key, value, fault):
    with pytest.raises(BundleRefused, match=fault):
        check_tree_text(with_field(key, value, CATEGORY_TEXT), NAMES)


def test_other_names_are_refused_by_the_first_that_differs():
    with pytest.raises(BundleRefused, match=r"first 'rfm\.frequency'"):
        check_tree_text(TEXT, ("rfm.recency", *NAMES[1:]))
    with pytest.raises(BundleRefused, match="their order"):
        check_tree_text(TEXT, NAMES[::-1])
    with pytest.raises(BundleRefused, match="their order"):
        check_tree_text(Trees.empty(NAMES).text, NAMES[::-1])


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_altered_character_is_refused_or_harmless(data):
    place = data.draw(st.integers(0, len(TEXT) - 1))
    letter = data.draw(st.sampled_from("0123456789-+._= \ne[]:xT"))
    altered = TEXT[:place] + letter + TEXT[place + 1 :]
    world = build_world(50, 4)
    try:
        trees = Trees(altered, NAMES)
    except BundleRefused:
        return
    parts, base = trees.contributions(world.matrix)
    raw = trees.raw(world.matrix)
    assert abs(parts.sum(axis=1) + base - raw).max() <= 1e-9 * max(1.0, abs(raw).max())
