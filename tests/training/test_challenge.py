"""A new model faces the champion where that is fair, and a worse one closes the gate."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from contracts.time import to_text
from features.engine import Engine
from features.hearing import open_company
from testkit.workspaces import find_shop
from training.bundle import BundleContent, point_champion, save_bundle
from training.challenge import challenge
from training.forecasts import SERVED
from training.gate import Gate
from training.losses import log_losses
from training.own_answers import listen
from training.train import build_content

pytestmark = pytest.mark.xdist_group("shop")


@pytest.fixture(scope="module")
def shop():
    return find_shop()


@pytest.fixture(scope="module")
def training(shop):
    return replace(shop.training, gate=Gate(True))


@pytest.fixture
def workspace(shop, tmp_path):
    return shop.copy(tmp_path / "shop")


@pytest.fixture(scope="module")
def events(shop):
    return listen(open_company(shop.workspace, Engine()))


@pytest.fixture(scope="module")
def content(training):
    return build_content(training)


def crown(workspace, content, **changes):
    """Make the model the champion under version 9, with a manifest that says otherwise in places."""
    save_bundle(BundleContent(content.manifest | changes, content.files), workspace.models / "9")
    point_champion(workspace, "9")


def lose(training, more):
    """Return the training with a report in which what is served loses so much more."""
    families = {name: dict(each) for name, each in training.report.families.items()}
    own = dict(families[SERVED]["churn"])
    families[SERVED] = {**families[SERVED], "churn": own | {"log_loss": own["log_loss"] + more}}
    report = replace(training.report, families=families, losses=training.report.losses + more)
    return replace(training, report=report)


def test_without_a_champion_there_is_nothing_to_face(workspace, events, training):
    (workspace.models / "champion").unlink()
    found = challenge(workspace, events, training)
    assert (found.gate, found.remark) == (training.gate, "")


def test_without_a_cutoff_there_is_nothing_to_face_it_on(workspace, events, training):
    race = replace(training.race, lane=replace(training.race.lane, folds=()))
    assert challenge(workspace, events, replace(training, race=race)).remark == ""


def test_a_champion_reported_at_the_same_cutoff_is_compared_by_its_report(workspace, events, training):
    found = challenge(workspace, events, training)
    error = training.report.details["errors"][SERVED]["log_loss"]
    assert found.gate == training.gate
    assert found.remark == f"Log loss against champion 1: +0.0000 (standard error {error:.4f}), tie."


def test_worse_than_the_champions_report_by_more_than_an_error_closes_the_gate(workspace, events, training):
    error = training.report.details["errors"][SERVED]["log_loss"]
    found = challenge(workspace, events, lose(training, 1.01 * error))
    assert not found.gate.passed
    assert found.gate.reasons == (
        f"The log loss is worse than that of champion 1 by {1.01 * error:+.4f} (standard error {error:.4f}).",
    )
    assert challenge(workspace, events, lose(training, 0.99 * error)).gate.passed


def test_a_champion_that_learned_nothing_later_predicts_the_cutoff_now(workspace, events, training, content):
    last = training.race.lane.folds[-1]
    crown(workspace, content, trained_until=to_text(last.cutoff))
    frame = training.training_set.at(last.cutoff)[0]
    said = dict(zip(frame.index["customer_id"], training.model.predict(frame).churn_probability, strict=True))
    p = np.array([said[name] for name in last.customers])
    gap = (training.report.losses - log_losses(last.churned, p))[last.judged].mean()
    found = challenge(workspace, events, lose(training, 1.0))
    assert not found.gate.passed
    assert f"worse than that of champion 9 by {gap + 1:+.4f}" in found.gate.reasons[-1]


@pytest.mark.parametrize("seen", ["the window", "another horizon"])
def test_a_champion_that_cannot_be_asked_fairly_is_left_out_and_that_is_said(
    workspace, events, training, content, seen
):
    last = training.race.lane.folds[-1]
    if seen == "the window":
        cutoffs = [to_text(last.cutoff + timedelta(days=5))]
        crown(workspace, content, cutoffs=cutoffs, trained_until=to_text(last.cutoff + timedelta(days=1)))
    else:
        settings = content.manifest["settings"] | {"horizon_days": 120}
        crown(workspace, content, settings=settings)
    found = challenge(workspace, events, lose(training, 9.0))
    assert found.gate == training.gate
    assert found.remark.startswith("Champion 9 is not compared: it has seen the window after ")


def test_customers_whom_the_champion_does_not_know_are_left_out(workspace, events, training, content):
    last = training.race.lane.folds[-1]
    crown(workspace, content, trained_until=to_text(last.cutoff))
    names = last.customers.copy()
    names[np.flatnonzero(last.judged)] = "stranger"
    index = last.frame.index.assign(customer_id=names)
    strangers = replace(last, frame=replace(last.frame, index=index))
    lane = replace(training.race.lane, folds=(*training.race.lane.folds[:-1], strangers))
    found = challenge(workspace, events, replace(training, race=replace(training.race, lane=lane)))
    # Nobody is left to compare on, so the two reports are.
    assert "champion 9: +0.0000" in found.remark
