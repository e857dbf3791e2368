import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.randomness import generator
from features.nps import PASSIVE_FROM, PROMOTER_FROM, TOP
from training.models.text_head import PASSIVE, TextHead, bend_scores

SEEDS = st.integers(2000, 2999)


def draw_comments(seed, count, dim=24, skill=1.0):
    """Return unit vectors, a base reading that is right with ``skill``, and scores 0..1."""
    random = generator(seed, "comments")
    vectors = random.normal(size=(count, dim))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    mood = vectors[:, 0] * np.sqrt(dim)
    base = np.tanh(skill * mood + random.normal(size=count))
    scores = np.round(10 / (1 + np.exp(-2 * mood + random.normal(size=count)))) / 10
    return vectors, base, scores, mood


def rank_agreement(sentiment, mood):
    return np.corrcoef(np.argsort(np.argsort(sentiment)), np.argsort(np.argsort(mood)))[0, 1]


def test_without_labels_the_head_repeats_the_base_reading():
    vectors, base, scores, _ = draw_comments(2001, 20)
    silent = TextHead.fit(vectors, base, np.full(20, np.nan))
    assert silent.labels == 0
    assert silent.sentiment(vectors, base) == pytest.approx(np.clip(base, -0.995, 0.995))
    assert scores.max() <= 1


@given(SEEDS)
def test_five_labels_never_make_it_much_worse(seed):
    vectors, base, scores, _ = draw_comments(seed, 5)
    later, plain, _, mood = draw_comments(seed + 1000, 300)
    taught = TextHead.fit(vectors, base, scores).sentiment(later, plain)
    assert rank_agreement(taught, mood) > rank_agreement(plain, mood) - 0.06


@pytest.mark.parametrize(("score", "sign"), [(0.2, -1), (0.6, -1), (0.8, 1), (1.0, 1)])
def test_comments_are_complaints_where_who_wrote_them_are_detractors(score, sign):
    vectors, base = np.tile(np.eye(8)[:2], (60, 1)), np.zeros(120)
    scores = np.tile([score, 0.75], 60)
    told = TextHead.fit(vectors, base, scores).sentiment(np.eye(8)[:2], np.zeros(2))
    assert np.sign(told[0]) == sign
    assert told[1] == pytest.approx(0, abs=0.1)


def test_half_good_is_the_middle_of_the_passives():
    assert (PASSIVE_FROM + PROMOTER_FROM) / 2 / TOP == PASSIVE
    assert bend_scores(np.array([PASSIVE])) == 0.5


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_better_answers_teach_no_worse_moods(scores):
    bent = bend_scores(np.sort(scores))
    assert (np.diff(bent) >= 0).all()
    assert ((bent >= 0) & (bent <= 1)).all()


def test_five_labels_that_lie_move_it_little():
    vectors, base, scores, _ = draw_comments(2002, 5)
    later, plain, _, mood = draw_comments(2003, 300)
    taught = TextHead.fit(vectors, base, 1 - scores).sentiment(later, plain)
    assert rank_agreement(taught, mood) > rank_agreement(plain, mood) - 0.15


def test_many_labels_teach_what_the_base_does_not_know():
    vectors, base, scores, _ = draw_comments(2004, 1500, skill=0.3)
    later, plain, _, mood = draw_comments(2005, 400, skill=0.3)
    taught = TextHead.fit(vectors, base, scores).sentiment(later, plain)
    assert rank_agreement(plain, mood) < 0.5
    assert rank_agreement(taught, mood) > 0.9


@given(SEEDS, st.integers(0, 40))
def test_sentiment_lies_between_its_ends_whatever_the_labels(seed, count):
    vectors, base, scores, _ = draw_comments(seed, count)
    head = TextHead.fit(vectors, base, (scores > 0.5).astype(float))
    later, plain, _, _ = draw_comments(seed + 1, 30)
    assert (np.abs(head.sentiment(later, plain)) <= 1).all()


@given(SEEDS)
def test_the_order_of_the_labels_does_not_matter_and_inputs_stay(seed):
    vectors, base, scores, _ = draw_comments(seed, 40)
    order = generator(seed, "order").permutation(40)
    kept = vectors.copy(), base.copy(), scores.copy()
    first = TextHead.fit(vectors, base, scores)
    second = TextHead.fit(vectors[order], base[order], scores[order])
    assert first.sentiment(vectors, base) == pytest.approx(second.sentiment(vectors, base), abs=1e-5)
    assert all((now == then).all() for now, then in zip((vectors, base, scores), kept, strict=True))


def test_a_label_twice_weighs_as_two():
    vectors, base, scores, _ = draw_comments(2006, 30)
    doubled = TextHead.fit(*(np.concatenate([each, each]) for each in (vectors, base, scores)), shrinkage=1.0)
    assert doubled.labels == 60
    assert np.abs(doubled.weights).sum() > np.abs(TextHead.fit(vectors, base, scores, 1.0).weights).sum()


def test_rows_with_something_missing_teach_nothing_and_read_as_missing():
    vectors, base, scores, _ = draw_comments(2007, 30)
    holed, unsaid = base.copy(), scores.copy()
    holed[0], unsaid[1] = np.nan, np.nan
    head = TextHead.fit(vectors, holed, unsaid)
    assert head.labels == 28
    assert np.isnan(head.sentiment(vectors, holed)).tolist() == [True] + [False] * 29


def test_extreme_labels_and_certain_readings_stay_finite():
    vectors = np.eye(4, dtype=np.float32)
    head = TextHead.fit(vectors, np.array([1.0, -1, 1, -1]), np.array([0.0, 1, 0, 1]))
    assert np.isfinite(head.sentiment(vectors, np.array([1.0, -1, 1, -1]))).all()


def test_scores_outside_their_scale_are_refused():
    with pytest.raises(ValueError, match=r"Scores run from 2 to 9: bring them to 0..1"):
        TextHead.fit(np.eye(2), np.zeros(2), np.array([2.0, 9]))
    with pytest.raises(ValueError, match="2 vectors, 3 base readings, 2 scores"):
        TextHead.fit(np.eye(2), np.zeros(3), np.zeros(2))


def test_a_head_told_as_plain_data_is_the_same_head():
    vectors, base, scores, _ = draw_comments(2008, 50)
    head = TextHead.fit(vectors, base, scores)
    again = TextHead.from_dict(head.to_dict())
    assert again.sentiment(vectors, base).tolist() == head.sentiment(vectors, base).tolist()
    assert again.labels == 50
