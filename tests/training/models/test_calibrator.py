import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.isotonic import IsotonicRegression

from contracts.errors import BundleRefused
from contracts.randomness import generator
from training.metrics import ece, log_loss
from training.models.calibrator import MAX_KNOTS, Calibrator


def scores(rows, seed, stretch=1.0, shift=0.0):
    draw = generator(seed, "calibrator")
    truth = draw.normal(0.5, 1.5, rows)
    churned = (draw.random(rows) < 1 / (1 + np.exp(-truth))).astype(float)
    return truth * stretch + shift, churned


def venn_abers_by_hand(raw, churned, point):
    """Isotonic regression with the point added once as a stayer and once as a churner."""
    answer = []
    for label in (0.0, 1.0):
        fit = IsotonicRegression().fit(np.append(raw, point), np.append(churned, label))
        answer.append(fit.predict([point])[0])
    return answer


@pytest.mark.parametrize(("rows", "seed"), [(200, 1), (300, 2), (450, 3)])
def test_p0_and_p1_are_isotonic_fits_with_the_point_added_twice(rows, seed):
    raw, churned = scores(rows, seed, stretch=2.0)
    raw = raw.round(1)
    calibrator = Calibrator.fit(raw, churned)
    for knot, low, high in zip(calibrator.raw, calibrator.p0, calibrator.p1, strict=True):
        assert [low, high] == pytest.approx(venn_abers_by_hand(raw, churned, knot), abs=1e-9)


def test_one_score_for_everyone_gives_the_share_of_churners():
    churned = (np.arange(300) < 90).astype(float)
    calibrator = Calibrator.fit(np.full(300, 2.0), churned)
    p, low, high = calibrator.predict(np.array([-1.0, 2.0, 5.0]))
    assert p == pytest.approx(np.full(3, 0.3), abs=0.003)
    assert [low[0], high[0]] == pytest.approx([90 / 301, 91 / 301])


@pytest.mark.parametrize(("stretch", "shift"), [(2.0, 0.0), (1.0, 1.0), (0.4, -0.5)])
def test_scores_that_are_off_are_put_right(stretch, shift):
    calibrator = Calibrator.fit(*scores(5000, 1, stretch, shift))
    raw, churned = scores(5000, 2, stretch, shift)
    p = calibrator.predict(raw)[0]
    own = Calibrator.identity().predict(raw)[0]
    assert not calibrator.keeps_raw
    assert log_loss(churned, p) < log_loss(churned, own)
    assert ece(churned, p) < 0.03


def test_scores_that_are_right_are_kept_with_a_range():
    calibrator = Calibrator.fit(*scores(800, 3))
    raw = np.linspace(-4, 4, 50)
    p, low, high = calibrator.predict(raw)
    assert calibrator.keeps_raw
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-raw)))
    assert (high - low).mean() > 0.01


@pytest.mark.parametrize("rows", [0, 1, 199])
def test_under_200_rows_nothing_is_changed(rows):
    assert Calibrator.fit(*scores(rows, 4)).is_identity


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_under_20_of_a_label_nothing_is_changed(label):
    raw, _ = scores(1000, 4)
    churned = np.full(1000, label)
    churned[:19] = 1 - label
    assert Calibrator.fit(raw, churned).is_identity


RAW_SCORES = arrays.arrays(np.float64, st.integers(200, 260), elements=st.floats(-30, 30))


@given(
    raw=RAW_SCORES,
    seed=st.integers(0, 99),
    asked=arrays.arrays(np.float64, 40, elements=st.floats(-800, 800)),
)
@settings(max_examples=25, deadline=None)
def test_probabilities_are_bounded_ordered_and_monotone(raw, seed, asked):
    churned = (generator(seed, "labels").random(len(raw)) < 0.4).astype(float)
    calibrator = Calibrator.fit(raw, churned)
    p, low, high = calibrator.predict(np.sort(asked))
    for column in (p, low, high):
        assert ((column > 0) & (column < 1)).all()
        assert (np.diff(column) >= 0).all()
    assert ((low <= p) & (p <= high)).all()


@given(seed=st.integers(0, 99), digits=st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_permuting_the_rows_it_learns_from_changes_nothing(seed, digits):
    raw, churned = scores(900, seed, stretch=1.5)
    raw = raw.round(digits)
    order = generator(seed, "order").permutation(900)
    assert Calibrator.fit(raw[order], churned[order]) == Calibrator.fit(raw, churned)


def test_the_grid_stays_small():
    calibrator = Calibrator.fit(*scores(30_000, 5, stretch=1.3))
    assert 10 < len(calibrator.raw) <= MAX_KNOTS


def test_fitting_leaves_inputs_and_numpy_warnings_as_they_were():
    raw, churned = scores(300, 6)
    before = raw.copy(), churned.copy(), np.geterr()
    Calibrator.fit(raw, churned)
    np.testing.assert_array_equal(raw, before[0])
    np.testing.assert_array_equal(churned, before[1])
    assert np.geterr() == before[2]


def test_the_calibrator_comes_back_from_json_to_the_bit():
    for calibrator in (Calibrator.fit(*scores(2000, 7, stretch=2.0)), Calibrator.identity()):
        assert Calibrator.from_dict(json.loads(json.dumps(calibrator.to_dict()))) == calibrator


@pytest.mark.parametrize(
    ("altered", "fault"),
    [
        ({"raw": [0.0]}, "unequal length"),
        ({"raw": [1.0, 1.0]}, "not rising"),
        ({"p0": [0.5, 0.2]}, "not rising"),
        ({"p1": [0.1, float("nan")]}, "not finite"),
        ({"p0": [0.3, 0.4]}, "p0 <= p1"),
        ({"p1": [0.2, 1.4]}, "p0 <= p1"),
        ({"raw": ["x", 1.0]}, "ValueError"),
        ({"keeps_raw": None, "raw": [], "p0": [], "p1": []}, "unequal length"),
    ],
)
def test_a_grid_that_is_none_is_refused(altered, fault):
    sound = {"raw": [0.0, 1.0], "p0": [0.1, 0.2], "p1": [0.2, 0.3], "keeps_raw": False}
    with pytest.raises(BundleRefused, match=fault):
        Calibrator.from_dict(sound | altered)


def test_a_grid_without_its_points_is_refused():
    with pytest.raises(BundleRefused, match="KeyError"):
        Calibrator.from_dict({})
