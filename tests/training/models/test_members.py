"""Members answer alone or by segment; what they say is a sum, and naive money hits the mean it names."""

from dataclasses import replace

import numpy as np
import pytest

from contracts.errors import BundleRefused
from contracts.scores import SEGMENTS
from testkit.invented_folds import WINDOW, invent_fold
from testkit.panel_models import strip_btyd
from training.learning import School
from training.models.columns import BTYD_FEATURES, append_btyd, find_offset
from training.models.members import (
    ChurnMember,
    Panel,
    Sight,
    alone,
    blank,
    find_raw,
    find_scale,
    score,
)
from training.models.rules import BUYING_RHYTHM, RULE_FEATURES
from training.models.trees import TreeSettings
from training.models.value import SCALE_HIGH, SCALE_LOW, ValueTrees

FOLD = invent_fold(rows=700, effect=lambda frame: 0.8 * frame.column("support.tickets") - 0.8)
SCHOOL = School.of([FOLD], TreeSettings(leaf_rows=20), centred=False)
SIGHT = FOLD.see(SCHOOL.encoder)
CHURN = {
    name: SCHOOL.teach_churn(name, 8)
    for name in ("bgnbd_gg", "lgbm_btyd", "lgbm", "naive_constant", "naive_silence", "naive_rate")
}
VALUE = {
    name: SCHOOL.teach_value(name, 8)
    for name in ("bgnbd_gg", "lgbm_btyd", "lgbm", "naive_constant", "naive_rate")
}
MIXED = {"thin": "naive_silence", "regular": "lgbm_btyd", "lapsed": "lgbm"}
MIXED_VALUE = {"thin": "naive_rate", "regular": "lgbm_btyd", "lapsed": "lgbm"}
PANELS = {name: alone(member) for name, member in CHURN.items()} | {"mixed": Panel(CHURN, MIXED)}


def far(days):
    """Return the rows as asked for other days than the window."""
    whole = append_btyd(strip_btyd(FOLD.frame), FOLD.btyd.purchase_model, FOLD.btyd.gamma_gamma, days)
    return SIGHT.farther(whole, days)


@pytest.mark.parametrize("days", [WINDOW, 273])
@pytest.mark.parametrize("name", PANELS)
def test_offset_base_and_contributions_add_up_to_the_raw_score(name, days):
    sight = SIGHT if days == WINDOW else far(days)
    scores, raw = score(PANELS[name], sight), find_raw(PANELS[name], sight)
    np.testing.assert_allclose(
        raw, scores.offset + scores.base + scores.contributions.sum(axis=1), rtol=0, atol=1e-9
    )
    np.testing.assert_allclose(scores.raw, raw, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", PANELS)
def test_the_offset_is_the_rule_of_the_members_own_over_the_days_asked_for(name):
    sight = far(273)
    scores = score(PANELS[name], sight)
    for row in range(0, len(sight), 23):
        wanted = scores.rules[row].log_odds(sight.far, 273)[row]
        assert scores.offset[row] == wanted


def test_each_segment_is_answered_by_its_own_member_and_no_other():
    raw, scale = find_raw(Panel(CHURN, MIXED), SIGHT), find_scale(Panel(VALUE, MIXED_VALUE), SIGHT)
    features = np.array([rule.feature.name for rule in score(Panel(CHURN, MIXED), SIGHT).rules])
    wanted = {"thin": RULE_FEATURES["silence"], "regular": BUYING_RHYTHM, "lapsed": RULE_FEATURES["constant"]}
    for segment in SEGMENTS:
        rows = FOLD.segment(segment)
        assert rows.any()
        np.testing.assert_array_equal(raw[rows], CHURN[MIXED[segment]].raw(SIGHT)[rows])
        np.testing.assert_array_equal(scale[rows], VALUE[MIXED_VALUE[segment]].scale(SIGHT)[rows])
        assert set(features[rows]) == {wanted[segment].name}


def test_rows_of_no_known_segment_are_answered_as_regular_ones():
    index = FOLD.frame.index.assign(segment="unheard of")
    stranger = Sight.of(replace(FOLD.frame, index=index), SCHOOL.encoder, WINDOW)
    np.testing.assert_array_equal(find_raw(Panel(CHURN, MIXED), stranger), CHURN["lgbm_btyd"].raw(SIGHT))


@pytest.mark.parametrize("served", [{"thin": "lgbm", "regular": "lgbm"}, dict.fromkeys(SEGMENTS, "oracle")])
def test_a_segment_without_a_member_is_refused_by_its_name(served):
    with pytest.raises(BundleRefused, match=r"Segment (lapsed is served by None|\w+ is served by 'oracle')"):
        Panel(CHURN, served)


def test_blanking_takes_the_btyd_columns_and_leaves_the_matrix_as_it_was():
    before = SIGHT.matrix.copy()
    bare = blank(SIGHT.matrix, SIGHT.names)
    np.testing.assert_array_equal(SIGHT.matrix, before)
    for place, name in enumerate(SIGHT.names):
        if name.startswith("btyd."):
            assert np.isnan(bare[:, place]).all()
        else:
            np.testing.assert_array_equal(bare[:, place], before[:, place])


def test_trees_without_btyd_do_not_change_with_the_purchase_model():
    values = FOLD.frame.values.copy()
    values[[feature.name for feature in BTYD_FEATURES]] = 0.123
    other = Sight.of(replace(FOLD.frame, values=values), SCHOOL.encoder, WINDOW)
    np.testing.assert_array_equal(CHURN["lgbm"].raw(other), CHURN["lgbm"].raw(SIGHT))
    assert not np.array_equal(CHURN["lgbm_btyd"].raw(other), CHURN["lgbm_btyd"].raw(SIGHT))


def test_a_sight_knows_its_rows_segments_and_what_btyd_expects_of_them():
    assert len(SIGHT) == len(FOLD)
    assert SIGHT.segments.tolist() == FOLD.frame.index["segment"].tolist()
    assert (SIGHT.days, SIGHT.window_days) == (WINDOW, WINDOW)
    weeks, model = WINDOW / 7, FOLD.btyd.purchase_model
    for row in range(0, len(FOLD), 37):
        x, t_x, T, m = (
            getattr(FOLD.history, name)[row : row + 1]
            for name in ("frequency", "recency", "age", "monetary_value")
        )
        some = 1 - float(model.p_no_purchase(weeks, x, t_x, T)[0])
        purchases = max(float(model.expected_purchases(weeks, x, t_x, T)[0]) / some, 1.0)
        assert SIGHT.p_some[row] == pytest.approx(some)
        assert SIGHT.expectation[row] == pytest.approx(
            purchases * float(FOLD.btyd.gamma_gamma.expected_spend(x, m)[0])
        )


def test_a_sight_asked_for_more_days_keeps_its_matrix_and_moves_its_offset():
    sight = far(273)
    np.testing.assert_array_equal(sight.matrix, SIGHT.matrix)
    assert (find_offset(sight.far) <= find_offset(SIGHT.far)).all()
    assert (CHURN["naive_constant"].offset(sight) < CHURN["naive_constant"].offset(SIGHT)).all()


def test_a_shift_is_taken_off_the_base_and_off_every_raw_score():
    member = CHURN["lgbm_btyd"]
    shifted = replace(member, shift=0.25)
    np.testing.assert_allclose(shifted.raw(SIGHT), member.raw(SIGHT) - 0.25)
    parts, base = shifted.contributions(SIGHT)
    np.testing.assert_array_equal(parts, member.contributions(SIGHT)[0])
    assert base == pytest.approx(member.contributions(SIGHT)[1] - 0.25)


def test_the_purchase_model_changes_no_spend():
    np.testing.assert_array_equal(VALUE["bgnbd_gg"].scale(SIGHT), 1.0)


@pytest.mark.parametrize("name", ["naive_constant", "naive_rate"])
def test_naive_money_is_the_mean_it_names_wherever_the_bounds_allow(name):
    scale = VALUE[name].scale(SIGHT)
    inside = (scale > SCALE_LOW) & (scale < SCALE_HIGH)
    assert inside.sum() > 50
    mean = scale * SIGHT.p_some * SIGHT.expectation
    if name == "naive_constant":
        wanted = np.full(len(FOLD), FOLD.spend.mean())
    else:
        values = FOLD.frame.values
        rate = values["rfm.orders"] / values["rfm.age_days"]
        wanted = (rate * WINDOW * values["rfm.average_order_value"]).to_numpy()
    np.testing.assert_allclose(mean[inside], wanted[inside], rtol=1e-9)


def test_money_of_trees_without_btyd_is_their_own_wherever_the_bounds_allow():
    member = VALUE["lgbm"]
    scale = member.scale(SIGHT)
    inside = (scale > SCALE_LOW) & (scale < SCALE_HIGH)
    own = member.level * member.trees.scale(blank(SIGHT.matrix, SIGHT.names))
    assert inside.sum() > 50
    np.testing.assert_allclose((scale * SIGHT.expectation)[inside], own[inside], rtol=1e-9)


@pytest.mark.parametrize("name", VALUE)
@pytest.mark.parametrize("level", [1e-6, 1e9])
def test_no_factor_on_spend_leaves_its_bounds(name, level):
    member = replace(VALUE[name], level=level, shift=-9.0 if level > 1 else 9.0)
    scale = member.scale(SIGHT)
    assert ((scale >= SCALE_LOW) & (scale <= SCALE_HIGH)).all()


def test_a_shift_of_a_value_member_is_taken_off_the_logarithm():
    member = VALUE["lgbm_btyd"]
    np.testing.assert_allclose(
        replace(member, shift=0.1).scale(SIGHT),
        np.clip(member.scale(SIGHT) * np.exp(-0.1), SCALE_LOW, SCALE_HIGH),
    )


def test_one_member_alone_answers_for_every_segment():
    panel = alone(ChurnMember("bgnbd_gg", CHURN["bgnbd_gg"].rule, CHURN["bgnbd_gg"].trees))
    assert dict(panel.served) == dict.fromkeys(SEGMENTS, "bgnbd_gg")
    np.testing.assert_array_equal(find_raw(panel, SIGHT), find_offset(FOLD.frame))
    assert ValueTrees.none(SIGHT.names).rounds_ == 0
