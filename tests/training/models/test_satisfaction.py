"""The model of the silent: order, own answers, few answers, lots, and the bundle's plain data."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from contracts.errors import BundleRefused
from contracts.feature_frame import FeatureFrame
from contracts.randomness import generator
from testkit.tiny_model import invent_frame
from training.models.behaviour import select
from training.models.satisfaction import SILENT, Answers, SatisfactionModel, fit_satisfaction
from training.models.selection import Belief, Sample, Selection

LOTS = "reminder"


def invent_answers(frame, seed=2000, odds=(1.0, 1.0), lift=0.0):
    """Return answers that follow frequency, given by who has ordered often; and every customer's class."""
    random, n = generator(seed, "answers"), len(frame)
    frequency = frame.column("rfm.frequency").to_numpy()
    felt = 0.4 * (frequency - 4) + random.logistic(size=n)
    classes = np.digitize(felt, (-0.5, 1.0)).astype(np.int64)
    drawn = (random.random(n) < 0.5).astype(np.float64)
    logs = np.array([np.log(odds[0]), 0.0, np.log(odds[1])])[classes]
    chance = 1 / (1 + np.exp(1.0 - 0.3 * (frequency - 4) - logs - lift * drawn))
    said = random.random(n) < chance
    return Answers(np.where(said, classes, SILENT), {LOTS: drawn} if lift else {}), classes


def nps_of(classes):
    return 100 * float((classes == 2).mean() - (classes == 0).mean())


@pytest.fixture(scope="module")
def frame():
    return invent_frame(1500, seed=2000)


@pytest.fixture(scope="module")
def fitted(frame):
    answers, _ = invent_answers(frame)
    return answers, *fit_satisfaction(frame, answers, 2.0)


def test_probabilities_sum_to_one_and_an_own_answer_always_wins(frame, fitted):
    answers, model, _ = fitted
    shares = model.predict(frame, answers.classes)
    said = answers.classes != SILENT
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    np.testing.assert_array_equal(shares[said], np.eye(3)[answers.classes[said]])
    assert (shares[~said] < 1).all()


def test_the_corrected_figure_is_the_mean_of_what_is_said_of_each(frame, fitted):
    answers, model, base = fitted
    shares = model.predict(frame, answers.classes)
    assert base.corrected.nps == pytest.approx(100 * (shares[:, 2] - shares[:, 0]).mean())


def test_the_correction_goes_towards_the_truth_of_everybody(frame, fitted):
    _, _, base = fitted
    truth = nps_of(invent_answers(frame)[1])
    assert abs(base.corrected.nps - truth) < 0.5 * abs(base.raw.nps - truth)
    assert base.corrected.low <= truth <= base.corrected.high


def test_the_order_of_the_rows_changes_nothing(frame, fitted):
    answers, model, base = fitted
    order = generator(2001, "order").permutation(len(frame))
    mixed = FeatureFrame(
        frame.index.iloc[order].reset_index(drop=True),
        frame.values.iloc[order].reset_index(drop=True),
        frame.features,
    )
    again, other = fit_satisfaction(mixed, answers.rows(order), 2.0)
    assert again.to_dict() == model.to_dict()
    assert other == base


def test_where_nobody_is_silent_raw_and_corrected_are_one(frame):
    classes = invent_answers(frame)[1]
    base = fit_satisfaction(frame, Answers(classes, {}), 2.0)[1]
    assert base.corrected.nps == base.raw.nps == nps_of(classes)
    assert base.corrected.low == base.corrected.high


@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_few_answers_give_probabilities_short_of_certainty(frame, count):
    classes = np.full(len(frame), SILENT)
    classes[:count] = 2
    model, base = fit_satisfaction(frame, Answers(classes, {}), 2.0)
    shares = model.predict(frame, np.full(len(frame), SILENT))
    assert ((shares > 0) & (shares < 1)).all()
    assert base.raw.nps == 100.0
    assert -100 <= base.corrected.low <= base.corrected.nps <= base.corrected.high <= 100


def test_the_model_comes_back_from_its_plain_data(frame, fitted):
    answers, model, _ = fitted
    again = SatisfactionModel.from_dict(json.loads(json.dumps(model.to_dict())))
    np.testing.assert_array_equal(
        again.predict(frame, answers.classes), model.predict(frame, answers.classes)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda plain: plain.pop("tilt"), "Satisfaction: KeyError"),
        (lambda plain: plain["coefficients"].pop(), "Satisfaction: coefficients of shape"),
        (lambda plain: plain["behaviour"].update(kept=[10_000]), "Behaviour: a column beyond"),
        (lambda plain: plain["behaviour"]["logs"].pop(), r"Behaviour: \d features"),
        (lambda plain: plain["behaviour"].update(expansions=[[1]]), "Behaviour: ValueError"),
    ],
)
def test_plain_data_that_hold_no_model_are_refused(fitted, change, message):
    plain = json.loads(json.dumps(fitted[1].to_dict()))
    change(plain)
    with pytest.raises(BundleRefused, match=message):
        SatisfactionModel.from_dict(plain)


def test_lots_show_that_silence_depends_on_mood_and_correct_for_it():
    frame = invent_frame(6000, seed=2002)
    answers, classes = invent_answers(frame, 2003, odds=(0.25, 1.5), lift=2.5)
    base, truth = fit_satisfaction(frame, answers, 2.0)[1], nps_of(classes)
    blind = fit_satisfaction(frame, replace(answers, lots={}), 2.0)[1]
    assert base.lots is not None
    assert base.lots.detractor.low <= 0.25 <= base.lots.detractor.high
    assert base.is_beyond
    assert not blind.is_beyond
    assert abs(base.corrected.nps - truth) < 0.5 * abs(blind.corrected.nps - truth)
    assert base.range == blind.range


def test_lots_that_move_nobody_are_no_instrument(frame):
    answers, _ = invent_answers(frame)
    drawn = (generator(2004, "lots").random(len(frame)) < 0.5).astype(np.float64)
    base = fit_satisfaction(frame, replace(answers, lots={LOTS: drawn}), 2.0)[1]
    assert base.lots is None


def test_what_customers_said_is_no_behaviour(frame):
    features = type(frame.features)(
        tuple(
            replace(each, name=each.name.replace("rfm.frequency", "voice.level")) for each in frame.features
        )
    )
    values = frame.values.set_axis(list(features.names), axis=1)
    answers, _ = invent_answers(frame)
    model, _ = fit_satisfaction(FeatureFrame(frame.index, values, features), answers, 2.0)
    assert "voice" not in model.features.families


def test_only_features_that_explain_something_are_asked_for(frame, fitted):
    answers, model, _ = fitted
    assert "rfm.frequency" in model.features.names
    assert len(model.features) < len(frame.features)
    kept = [name for name in frame.features.names if name in model.features.names]
    lean = select(frame, type(frame.features)(tuple(each for each in frame.features if each.name in kept)))
    np.testing.assert_array_equal(model.predict(lean, answers.classes), model.predict(frame, answers.classes))


def test_answers_are_put_beside_the_customers_they_are_of():
    known = pd.DataFrame({"band": [2.0, np.nan], LOTS: [np.nan, 1.0]}, index=["b", "c"])
    answers = Answers.align(known, ["a", "b", "c"])
    assert answers.classes.tolist() == [SILENT, 2, SILENT]
    np.testing.assert_array_equal(answers.lots[LOTS], [np.nan, np.nan, 1.0])


def test_the_slope_of_the_likelihood_is_that_of_its_differences():
    from training.models.selection import _lose

    random = generator(2005, "slope")
    scores = np.column_stack([np.ones(60), random.normal(size=(60, 3))])
    sample = Sample(scores, random.integers(-1, 3, 60), random.integers(0, 2, (60, 1)).astype(float))
    theta = random.normal(size=15) * 0.3
    steps = 1e-6 * np.eye(15)
    slopes = [(_lose(theta + step, sample)[0] - _lose(theta - step, sample)[0]) / 2e-6 for step in steps]
    np.testing.assert_allclose(_lose(theta, sample)[1], slopes, atol=1e-5)


def test_a_certain_belief_is_what_the_selection_returns(frame):
    answers, _ = invent_answers(frame, lift=2.0)
    scores = np.column_stack([np.ones(len(frame)), np.zeros((len(frame), 3))])
    sample = Sample(scores, answers.classes, answers.lots[LOTS][:, None])
    found = Selection.fit(sample, Belief(-0.7, 0.4, spread=1e-4)).ratios
    assert [log for log, _ in found] == pytest.approx([-0.7, 0.4], abs=1e-3)
