import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.randomness import generator
from features.text.heads import ClassHead, MoodHead, fit_classes, fit_mood

SEEDS = st.integers(2000, 2999)


def draw_classes(seed, spread, rows=40):
    """Return unit vectors around three centres, three entries to a row, with labels and rows."""
    random = generator(seed, "heads")
    truth = np.arange(rows) % 3
    centres = np.eye(8)[:3]
    vectors = centres[np.repeat(truth, 3)] + spread * random.normal(size=(rows * 3, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, [f"class {each}" for each in np.repeat(truth, 3)], np.repeat(np.arange(rows), 3)


@given(SEEDS, st.floats(0.02, 0.6))
def test_probabilities_add_up_and_classes_that_lie_apart_are_told_apart(seed, spread):
    vectors, labels, rows = draw_classes(seed, spread)
    shares = fit_classes(vectors, labels, rows).read(vectors)
    assert shares.sum(axis=1) == pytest.approx(1)
    assert (shares >= 0).all()
    if spread < 0.1:
        assert np.mean(np.array(labels) == np.array([f"class {each}" for each in shares.argmax(axis=1)])) == 1


def test_where_classes_overlap_the_head_is_less_sure():
    sure = [
        fit_classes(*draw_classes(2001, spread)).read(draw_classes(2002, spread)[0]).max(axis=1).mean()
        for spread in (0.05, 0.5)
    ]
    assert sure[0] > 0.95
    assert sure[1] < 0.85


def test_a_class_expected_more_often_is_said_more_often():
    vectors, labels, rows = draw_classes(2003, 0.5)
    flat = fit_classes(vectors, labels, rows).read(vectors)
    often = fit_classes(vectors, labels, rows, {"class 0": 0.8, "class 1": 0.1, "class 2": 0.1}).read(vectors)
    assert (often[:, 0] > flat[:, 0]).all()


@given(SEEDS)
def test_the_mood_grows_along_what_teaches_it_and_stays_between_its_ends(seed):
    vectors, labels, rows = draw_classes(seed, 0.2)
    moods = np.array([{"class 0": 1.0, "class 1": -1.0, "class 2": 0.0}[label] for label in labels])
    mood = np.tanh(fit_mood(vectors, moods, rows).read(vectors))
    assert mood[moods > 0].mean() > 0.5 > abs(mood[moods == 0].mean())
    assert mood[moods < 0].mean() < -0.5
    assert (np.abs(mood) < 1).all()


def test_heads_told_as_plain_data_read_the_same():
    vectors, labels, rows = draw_classes(2004, 0.3)
    classes, mood = fit_classes(vectors, labels, rows), fit_mood(vectors, rows % 3 - 1.0, rows)
    again = ClassHead.from_dict(classes.to_dict())
    assert again.classes == classes.classes
    assert again.read(vectors) == pytest.approx(classes.read(vectors), abs=1e-4)
    assert MoodHead.from_dict(mood.to_dict()).read(vectors) == pytest.approx(mood.read(vectors), abs=1e-4)


def test_fitting_changes_neither_vectors_nor_labels_and_repeats_itself():
    vectors, labels, rows = draw_classes(2005, 0.3)
    before = vectors.copy()
    first = fit_classes(vectors, labels, rows)
    assert (first.weights == fit_classes(vectors, labels, rows).weights).all()
    assert (vectors == before).all()
