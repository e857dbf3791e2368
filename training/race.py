"""The choice: which family answers for which segment, decided on the last but one cutoff and never later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from contracts.scores import SEGMENTS
from training.bootstrap import Bootstrap, Difference, compare
from training.folds import Fold
from training.lanes import Lane
from training.learning import WITH_BTYD, Choice, Learned, School
from training.losses import log_losses, to_probability, tweedie_losses
from training.models.churn import ChurnTrees
from training.models.columns import find_offset
from training.models.members import WITHOUT_BTYD, ChurnMember, alone
from training.models.rules import Rule
from training.models.trees import TreeSettings

Array = npt.NDArray[np.float64]

FOLDS_TO_CALIBRATE, FOLDS_FOR_A_RACE = 2, 3
PREFERRED: tuple[tuple[str, str], ...] = (
    ("pnbd_gg", WITH_BTYD),
    ("bgnbd_gg", WITH_BTYD),
    ("bgnbd_gg", WITHOUT_BTYD),
    ("pnbd_gg", WITHOUT_BTYD),
    ("pnbd_gg", "pnbd_gg"),
    ("bgnbd_gg", "bgnbd_gg"),
)
"""What runs on a tie: trees, which stopped where they gained no more, on Pareto/NBD, in which one-time buyers
can leave (BG/NBD keeps them for ever)."""
FEWEST_ROWS, FEWEST_OF_EACH = 200, 20
"""A segment smaller than this gets no family of its own: nothing could be told of it."""


@dataclass(frozen=True, eq=False)
class Race:
    """The lane that runs on, and who answers for whom."""

    lane: Lane
    choice: Choice


@dataclass(frozen=True, eq=False)
class Runner:
    """A candidate at the choice cutoff: its lane, its member and its probabilities there, (n,)."""

    lane: Lane
    member: ChurnMember
    probability: Array

    @property
    def family(self) -> str:
        """The member's family."""
        return self.member.family

    def losses(self) -> Array:
        """Return its log losses, (n,)."""
        return log_losses(self.lane.folds[-2].churned, self.probability)

    def loss(self) -> float:
        """Return its mean log loss over the customers in play."""
        return float(self.losses()[self.lane.folds[-2].judged].mean())


def run_race(lanes: Sequence[Lane], settings: TreeSettings, *, centred: bool, seed: int = 0) -> Race:
    """Return the choice of the lanes' last but one fold, by members that learned from the folds before it.

    Churn is won by log loss, value by Tweedie deviance where its CRPS is no worse than a tie; a segment gets
    a family of its own only for a gain of more than one paired standard error. Fewer than three folds in
    every lane leave nobody to choose: a purchase model answers for everyone, with two folds the better one.
    ``centred``: windows are shorter than the horizon; BTYD must carry the level, so trees without it may not
    run.
    """
    racing = [lane for lane in lanes if len(lane.folds) >= FOLDS_FOR_A_RACE]
    if not racing:
        return run_bare(lanes, seed=seed)
    schools: dict[str, School] = {
        lane.family: School.of(lane.folds[:-2], settings, centred) for lane in racing
    }
    runners = _line_up(racing, schools)
    bootstrap = Bootstrap(racing[0].folds[-2].customers, seed)
    best = _find_winner(runners, bootstrap)
    lane = best.lane if best.family != WITHOUT_BTYD else _find_lane(runners)
    within = {each.family: each for each in runners if each.lane is lane or each.family == WITHOUT_BTYD}
    losses = {family: (runner.losses(),) for family, runner in within.items()}
    churn = _choose_by_segment(lane.folds[-2], best.family, losses, bootstrap)
    probability = _find_probability(lane.folds[-2], within, churn)
    value, value_rounds = _choose_value(lane, schools[lane.family], probability, bootstrap)
    rounds = {family: runner.member.trees.rounds_ for family, runner in within.items()}
    return Race(lane, Choice(churn, value, rounds, value_rounds))


def run_bare(lanes: Sequence[Lane], *, seed: int = 0) -> Race:
    """Return the race of the purchase models alone: with two folds the better one answers for everyone."""
    judged = [lane for lane in lanes if len(lane.folds) >= FOLDS_TO_CALIBRATE and not lane.stepped_out]
    if not judged:
        return Race(lanes[0], serve(lanes[0]))
    bootstrap = Bootstrap(judged[0].folds[-2].customers, seed)
    lane = _find_winner([_run_bare(lane) for lane in judged], bootstrap).lane
    return Race(lane, serve(lane))


def _run_bare(lane: Lane) -> Runner:
    judge = lane.folds[-2]
    member = ChurnMember(lane.family, Rule(), ChurnTrees.none(judge.frame.features.names))
    return Runner(lane, member, to_probability(find_offset(judge.frame)))


def serve(lane: Lane, family: str | None = None) -> Choice:
    """Return the choice of one family for everyone's churn, by default the lane's; money is the lane's."""
    return Choice(_everyone(family or lane.family), _everyone(lane.family), {}, {})


def _everyone(family: str) -> dict[str, str]:
    return dict.fromkeys(SEGMENTS, family)


def replace_served(race: Race, churn_rule: str | None, value_rule: str | None) -> Race:
    """Return the race with a simple rule in the winner's place, for churn, money or both."""
    choice = race.choice
    if churn_rule is not None:
        choice = replace(choice, churn=_everyone(churn_rule))
    if value_rule is not None:
        choice = replace(choice, value=_everyone(value_rule))
    return replace(race, choice=choice)


def _line_up(lanes: Sequence[Lane], schools: Mapping[str, School]) -> list[Runner]:
    runners = []
    for place, lane in enumerate(lanes):
        school = schools[lane.family]
        families: list[str] = [] if lane.stepped_out else [lane.family, WITH_BTYD]
        if lane.stepped_out or (place == 0 and not school.centred):
            families.append(WITHOUT_BTYD)
        runners += [_run(lane, school, family) for family in families]
    return runners


def _run(lane: Lane, school: School, family: str) -> Runner:
    judge = lane.folds[-2]
    member = school.teach_churn(family, judge=judge)
    learned = Learned(school.encoder, alone(member), alone(school.teach_value(lane.family)), school.centred)
    return Runner(lane, member, to_probability(learned.raw(judge)))


def _find_winner(runners: Sequence[Runner], bootstrap: Bootstrap) -> Runner:
    """Return the first of ``PREFERRED`` among the runner with the lowest loss and those that tie with it."""
    best = min(runners, key=Runner.loss)
    rows = best.lane.folds[-2].judged
    tied = [
        runner
        for runner in runners
        if runner is best or compare(bootstrap, runner.losses(), best.losses(), rows).verdict != "worse"
    ]
    return min(tied, key=lambda runner: PREFERRED.index((runner.lane.family, runner.family)))


def _find_lane(runners: Sequence[Runner]) -> Lane:
    """Return the lane whose own purchase model did best; the only one where BTYD has stepped out."""
    own = [runner for runner in runners if runner.family == runner.lane.family]
    return min(own or runners, key=Runner.loss).lane


def _choose_by_segment(
    judge: Fold, overall: str, losses: Mapping[str, Sequence[Array]], bootstrap: Bootstrap
) -> dict[str, str]:
    """Return the family of each segment; the first loss decides, the others may be no worse than a tie."""
    served = _everyone(overall)
    for segment in SEGMENTS:
        rows = judge.segment(segment)
        labels = judge.churned[rows]
        if rows.sum() < FEWEST_ROWS or min(labels.sum(), (1 - labels).sum()) < FEWEST_OF_EACH:
            continue
        gains = {
            name: [
                compare(bootstrap, own, usual, rows) for own, usual in zip(each, losses[overall], strict=True)
            ]
            for name, each in losses.items()
            if name != overall
        }
        winners = {name: each for name, each in gains.items() if _wins(each)}
        if winners:
            served[segment] = min(winners, key=lambda name: winners[name][0].mean)
    return served


def _wins(gains: Sequence[Difference]) -> bool:
    first, *others = gains
    return first.verdict == "better" and all(each.verdict != "worse" for each in others)


def _find_probability(judge: Fold, runners: Mapping[str, Runner], churn: Mapping[str, str]) -> Array:
    """Return each customer's probability by the family that was chosen for the segment."""
    p = runners[churn["regular"]].probability.copy()
    for segment, family in churn.items():
        rows = judge.segment(segment)
        p[rows] = runners[family].probability[rows]
    return p


def _choose_value(
    lane: Lane, school: School, probability: Array, bootstrap: Bootstrap
) -> tuple[dict[str, str], dict[str, int]]:
    """Return the value family of each segment and the trees each asks for, given the churn chosen."""
    judge = lane.folds[-2]
    losses: dict[str, tuple[Array, Array]] = {}
    rounds: dict[str, int] = {}
    for family in _value_families(lane, school):
        member = school.teach_value(family, judge=judge)
        churn = alone(school.teach_churn(lane.family))
        scale = Learned(school.encoder, churn, alone(member), school.centred).scale(judge)
        mean = judge.joint().predict(judge.history, probability, scale).clv_mean
        crps = judge.joint().crps(judge.history, probability, judge.spend, scale)
        losses[family] = (tweedie_losses(judge.spend, mean), crps)
        rounds[family] = member.trees.rounds_
    usual = next(iter(losses.values()))
    allowed = {
        family: own
        for family, own in losses.items()
        if compare(bootstrap, own[1], usual[1], judge.judged).verdict != "worse"
    }
    overall = min(allowed, key=lambda family: float(allowed[family][0][judge.judged].mean()))
    return _choose_by_segment(judge, overall, losses, bootstrap), rounds


def _value_families(lane: Lane, school: School) -> tuple[str, ...]:
    if lane.stepped_out:
        return (WITHOUT_BTYD,)
    return (lane.family, WITH_BTYD) if school.centred else (lane.family, WITH_BTYD, WITHOUT_BTYD)
