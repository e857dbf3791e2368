import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import BundleRefused, ContractError, ModelRefused
from testkit.churn_worlds import NAMES, build_world
from training.metrics import auc
from training.models.churn import ChurnTrees, TreeSettings, mean_log_loss

TRAIN, LATER, TEST = build_world(4000, 1), build_world(1500, 2), build_world(4000, 3)
GROWER = TreeSettings(rounds=200, categorical=("attribute.plan",))


def fit(settings=GROWER, train=TRAIN, later=LATER, **options):
    validation = None if later is None else (later.matrix, later.offset, later.churned)
    model = ChurnTrees(settings)
    return model.fit(train.matrix, NAMES, train.offset, train.churned, validation=validation, **options)


MODEL = fit()


def test_trees_find_what_the_offset_does_not_know():
    raw = MODEL.raw(TEST.matrix, TEST.offset)
    assert mean_log_loss(raw, TEST.churned) < mean_log_loss(TEST.offset, TEST.churned) - 0.05
    assert auc(TEST.churned, raw) > auc(TEST.churned, TEST.offset) + 0.05


def test_no_tree_is_kept_where_later_cutoffs_say_the_opposite():
    model = fit(later=build_world(1500, 2, effect=-1.0))
    assert model.rounds_ == 0
    np.testing.assert_array_equal(model.raw(TEST.matrix, TEST.offset), TEST.offset)


def test_trees_on_noise_are_never_worse_than_the_offset_on_later_cutoffs():
    train, later = build_world(1500, 1, effect=0.0), build_world(1500, 2, effect=0.0)
    model = fit(train=train, later=later)
    kept = mean_log_loss(model.raw(later.matrix, later.offset), later.churned)
    assert kept <= mean_log_loss(later.offset, later.churned)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_label_only_grows_no_tree(label):
    model = ChurnTrees(GROWER).fit(TRAIN.matrix, NAMES, TRAIN.offset, np.full(len(TRAIN.offset), label))
    np.testing.assert_array_equal(model.raw(TEST.matrix, TEST.offset), TEST.offset)


def test_no_rows_grow_no_tree():
    none = np.empty(0)
    assert ChurnTrees().fit(np.empty((0, len(NAMES))), NAMES, none, none).rounds_ == 0


@given(rows=st.lists(st.integers(0, 3999), min_size=1, max_size=40), slope=st.floats(-3, 3))
@settings(max_examples=60, deadline=None)
def test_contributions_offset_and_base_sum_to_the_raw_score(rows, slope):
    matrix, offset = TEST.matrix[rows] * (1 + slope), TEST.offset[rows]
    parts, base = MODEL.contributions(matrix)
    np.testing.assert_allclose(
        parts.sum(axis=1) + base + offset, MODEL.raw(matrix, offset), rtol=0, atol=1e-9
    )


@given(rows=st.permutations(range(60)))
@settings(max_examples=30, deadline=None)
def test_permuting_rows_permutes_the_answer(rows):
    rows = list(rows)
    straight = MODEL.raw(TEST.matrix[:60], TEST.offset[:60])
    np.testing.assert_array_equal(MODEL.raw(TEST.matrix[rows], TEST.offset[rows]), straight[rows])
    np.testing.assert_array_equal(
        MODEL.contributions(TEST.matrix[rows])[0], MODEL.contributions(TEST.matrix[:60])[0][rows]
    )


@given(shift=st.floats(-5, 5))
@settings(max_examples=30, deadline=None)
def test_the_offset_is_added_and_nothing_else(shift):
    straight = MODEL.raw(TEST.matrix[:50], TEST.offset[:50])
    np.testing.assert_allclose(
        MODEL.raw(TEST.matrix[:50], TEST.offset[:50] + shift), straight + shift, atol=1e-12
    )


def test_a_row_scores_alike_alone_and_in_any_batch():
    whole = MODEL.raw(TEST.matrix, TEST.offset)
    for row in (0, 17, 3999):
        alone = MODEL.raw(TEST.matrix[[row]], TEST.offset[[row]])
        assert alone[0] == whole[row]


def test_equal_inputs_give_equal_bytes_with_one_and_two_threads():
    texts = [fit(TreeSettings(rounds=12, num_threads=threads), later=None).to_text() for threads in (1, 1, 2)]
    assert len(set(texts)) == 1
    assert fit(TreeSettings(rounds=12, seed=1), later=None).to_text() != texts[0]


def test_growth_changes_no_input():
    before = [part.copy() for part in (TRAIN.matrix, TRAIN.offset, TRAIN.churned)]
    fit(TreeSettings(rounds=5))
    for part, kept in zip((TRAIN.matrix, TRAIN.offset, TRAIN.churned), before, strict=True):
        np.testing.assert_array_equal(part, kept)


def test_without_validation_exactly_the_given_rounds_are_grown():
    assert fit(TreeSettings(rounds=17), later=None).rounds_ == 17
    assert fit(TreeSettings(rounds=0), later=None).rounds_ == 0


def test_rows_weighted_nought_teach_nothing():
    half = np.where(np.arange(len(TRAIN.offset)) % 2 == 0, 1.0, 0.0)
    flipped = np.where(half > 0, TRAIN.churned, 1 - TRAIN.churned)
    settings = TreeSettings(rounds=20)
    first = fit(settings, later=None, weights=half)
    other = ChurnTrees(settings).fit(TRAIN.matrix, NAMES, TRAIN.offset, flipped, weights=half)
    np.testing.assert_array_equal(first.raw(TEST.matrix, TEST.offset), other.raw(TEST.matrix, TEST.offset))


def test_the_model_comes_back_from_text_to_the_bit():
    again = ChurnTrees.from_text(MODEL.to_text(), NAMES)
    assert again.to_text() == MODEL.to_text()
    np.testing.assert_array_equal(again.raw(TEST.matrix, TEST.offset), MODEL.raw(TEST.matrix, TEST.offset))


def test_the_model_without_trees_comes_back_from_text():
    empty = fit(TreeSettings(rounds=0), later=None)
    again = ChurnTrees.from_text(empty.to_text(), NAMES)
    assert again.rounds_ == 0
    np.testing.assert_array_equal(again.raw(TEST.matrix, TEST.offset), TEST.offset)
    parts, base = again.contributions(TEST.matrix)
    assert base == 0.0
    assert not parts.any()


def test_text_over_other_names_is_refused():
    with pytest.raises(BundleRefused, match="feature_names"):
        ChurnTrees.from_text(MODEL.to_text(), NAMES[::-1])


def test_a_matrix_of_another_width_is_refused():
    with pytest.raises(ContractError, match=r"6 features got a matrix \(4000, 5\)"):
        MODEL.raw(TEST.matrix[:, :5], TEST.offset)


def test_an_infinite_value_is_refused_by_name():
    matrix = TEST.matrix[:3].copy()
    matrix[1, 2] = np.inf
    with pytest.raises(ContractError, match=r"voice\.sat.*infinite"):
        MODEL.raw(matrix, TEST.offset[:3])
    with pytest.raises(ContractError, match=r"voice\.sat.*infinite"):
        MODEL.contributions(matrix)


def test_training_rows_that_do_not_fit_together_are_refused():
    with pytest.raises(ModelRefused, match="4000 rows, but"):
        ChurnTrees().fit(TRAIN.matrix, NAMES, TRAIN.offset[:10], TRAIN.churned)
    with pytest.raises(ModelRefused, match="missing"):
        ChurnTrees().fit(TRAIN.matrix, NAMES, np.full(4000, np.nan), TRAIN.churned)
    with pytest.raises(ModelRefused, match="9999 rounds"):
        TreeSettings(rounds=9999)


def test_sixteen_threads_asking_at_once_get_the_single_answer():
    from concurrent.futures import ThreadPoolExecutor

    matrix, offset = TEST.matrix[:20], TEST.offset[:20]
    raw, parts = MODEL.raw(matrix, offset), MODEL.contributions(matrix)[0]

    def agrees(number):
        if number % 2:
            return np.array_equal(MODEL.raw(matrix, offset), raw)
        return np.array_equal(MODEL.contributions(matrix)[0], parts)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(agrees, range(2000)))


def test_centred_trees_are_judged_without_their_level():
    # Rows to learn from in which everybody leaves more often than the offset says; later ones in which not.
    offset = TRAIN.offset - 1.5
    later = (LATER.matrix, LATER.offset, LATER.churned)
    plain, centred = (
        ChurnTrees(GROWER, centred=way).fit(TRAIN.matrix, NAMES, offset, TRAIN.churned, validation=later)
        for way in (False, True)
    )
    trees = centred.raw(LATER.matrix, np.zeros(len(LATER.offset)))
    own = mean_log_loss(LATER.offset + trees - trees.mean(), LATER.churned)
    assert own < mean_log_loss(LATER.offset, LATER.churned) - 0.02
    assert trees.mean() > 0.3
    assert plain.rounds_ < centred.rounds_
