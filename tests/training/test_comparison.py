"""Two versions side by side: the better one by each figure, and honesty about what was compared."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkit.documents import build_document
from training.comparison import compare
from training.figures import PARTS, find_loss


def with_served(version, part, metric, value):
    return build_document(
        model_version=version, families={"served": {part: {metric: value}}}, segments=None, errors=None
    )


@pytest.mark.parametrize(
    ("part", "metric", "a", "b", "better"),
    [
        ("churn", "auc", 0.71, 0.72, "b"),
        ("churn", "log_loss", 0.56, 0.57, "a"),
        ("churn", "log_loss", 0.56, 0.56, None),
        ("churn", "base_rate", 0.1, 0.2, None),
        ("clv", "total_error", -0.05, 0.04, "b"),
        ("clv", "coverage_80", 0.78, 0.83, "a"),
        ("clv", "interval_score", 9.0, 8.0, "b"),
    ],
)
def test_the_better_value_is_marked_by_what_better_means_for_each_figure(part, metric, a, b, better):
    (line,) = compare(with_served("1", part, metric, a), with_served("2", part, metric, b)).lines
    assert line.better == better
    assert line.difference == pytest.approx(b - a)


def test_a_figure_that_one_side_lacks_is_shown_without_a_verdict():
    (line,) = compare(with_served("1", "churn", "auc", 0.7), build_document("few")).lines
    assert (line.a, line.b, line.difference, line.better) == (0.7, None, None, None)


def test_errors_of_each_side_stand_beside_and_segments_have_lines_of_their_own():
    found = compare(build_document(), build_document("failed"))
    loss = next(line for line in found.lines if line.metric == "log_loss" and line.segment is None)
    assert (loss.a_error, loss.b_error) == (0.0047, 0.0047)
    coverage = [line for line in found.lines if line.metric == "coverage_80"]
    assert [line.segment for line in coverage] == [None, "thin", "regular", "lapsed"]
    assert found.gates == (True, False)


def test_the_coverage_of_a_segment_is_found_where_the_family_has_none():
    segments = {"thin": {"coverage": 0.7}}
    found = compare(build_document(segments=segments), build_document("few"))
    assert [(line.metric, line.a) for line in found.lines if line.segment] == [("coverage_80", 0.7)]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"data_digest": "00" * 32}, ("data_digest",)),
        ({"cutoffs": None}, ("report cutoff",)),
        ({"horizon_days": 30, "currency": "EUR"}, ("horizon_days", "currency")),
    ],
)
def test_what_keeps_two_versions_from_being_compared_is_named(changes, named):
    found = compare(build_document(), build_document(**changes))
    assert found.unlike == named
    assert not found.same_data
    assert found.notes[0].startswith(f"Not judged on the same data; different: {', '.join(named)}.")


def test_terms_that_leave_the_figures_alone_do_not_keep_versions_apart():
    assert compare(build_document(), build_document(annual_discount_rate=0.0, clv_horizon_days=180)).same_data


def test_equal_data_are_said_to_be_and_differences_are_said_to_have_no_error():
    found = compare(build_document(), build_document("failed"))
    assert found.same_data
    assert found.notes[0] == "Both were judged on the same data."
    assert "no standard error" in found.notes[1]


def test_the_comparison_is_plain_json_with_every_line():
    found = compare(build_document(), build_document("failed"))
    said = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (said["a"], said["b"], said["same_data"]) == ("3", "4", True)
    assert said["served"]["b"]["churn"]["regular"] == "naive_silence"
    assert len(said["figures"]) == len(found.lines)
    assert {"part", "metric", "segment", "a", "b", "difference", "better"} <= set(said["figures"][0])


@given(
    st.sampled_from([(part, metric) for part, metrics in PARTS.items() for metric in metrics]),
    st.floats(-2, 2),
    st.floats(-2, 2),
)
def test_turning_the_sides_round_turns_the_verdict_round(name, a, b):
    (one,) = compare(with_served("1", *name, a), with_served("2", *name, b)).lines
    (other,) = compare(with_served("2", *name, b), with_served("1", *name, a)).lines
    assert (one.better, other.better) in {("a", "b"), ("b", "a"), (None, None)}
    assert one.difference == -other.difference


@given(st.floats(-2, 2))
def test_a_value_never_beats_itself_and_a_figure_not_known_has_no_better(value):
    assert find_loss("never_heard_of", value) is None
    assert find_loss("auc", value) == -value
