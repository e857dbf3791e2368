"""What every family would have served at a cutoff, beside what was served, against what then happened."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from contracts.scores import SEGMENTS
from contracts.settings import Settings
from contracts.time import add_days
from features.engine import Events
from features.labels import build_labels
from features.snapshot import take_snapshot
from training.assembly import assemble
from training.bootstrap import Bootstrap
from training.fitting import Training, fit
from training.lanes import Lane
from training.learning import GROWN, Choice, find_tree_settings, score_ahead
from training.losses import log_losses, tweedie_losses
from training.models.beta_geo import BetaGeoParameters, quiet_lifetimes
from training.models.columns import build_history
from training.models.customer_model import CustomerModel
from training.models.members import WITHOUT_BTYD
from training.race import Race, serve

Array = npt.NDArray[np.float64]
Losses = dict[str, Array]

LIFETIMES = "lifetimes alone"
LONG_AFTER = 3650
USUAL_ROUNDS = 100
UNRACED, GUESSED = " without a race", " (guessed where unraced)"
"""Trees of a family at a cutoff whose past was too short to choose any: guessed, and named so."""
PENALIZERS = (0.0, 0.001, 0.01, 0.1)
METRICS = ("log_loss", "tweedie_deviance", "crps")


@dataclass(frozen=True, eq=False)
class Contest:
    """One cutoff: who was in play, and each family's losses by metric, (n,)."""

    as_of: datetime
    customers: npt.NDArray[np.object_]
    losses: dict[str, Losses]
    training: Training


def hold_contest(events: Events, settings: Settings, as_of: datetime) -> Contest:
    """Train as of a date and judge every family on the horizon after it, for customers in play."""
    training = fit(events, settings, as_of)
    present = training.training_set.present
    horizon = settings.horizons.horizon_days
    labels = build_labels(
        take_snapshot(events, (as_of,), settings),
        horizon_days=horizon,
        clv_horizon_days=horizon,
        lag_days=0,
        known_before=add_days(as_of, LONG_AFTER),
    )
    rows = present.index[["as_of", "customer_id"]].merge(labels, on=["as_of", "customer_id"], how="left")
    inside = (present.index["segment"] != "lapsed").to_numpy()
    churned, spend = (rows[name].to_numpy(dtype=np.float64) for name in ("churned", "spend"))
    found: dict[str, Losses] = {metric: {} for metric in METRICS}
    for name, model in _find_models(training).items():
        prediction = model.predict(present)
        p, joint = prediction.churn_probability, prediction.joint
        crps = model.joint.crps(prediction.history, p, spend, prediction.scale)
        found["log_loss"][name] = log_losses(churned, p)[inside]
        found["tweedie_deviance"][name] = tweedie_losses(spend, joint.clv_mean)[inside]
        found["crps"][name] = crps[inside]
    found["log_loss"][LIFETIMES] = log_losses(churned, _ask_lifetimes(training, horizon))[inside]
    names = present.index["customer_id"].to_numpy(dtype=object)[inside]
    return Contest(as_of, names, found, training)


def _ask_lifetimes(training: Training, horizon: int) -> Array:
    """Return P(no purchase) of BG/NBD as `lifetimes` fits it: no gates, the first penalizer that works."""
    history = build_history(training.training_set.present, "week")
    parts = (history.frequency, history.recency, history.age)
    for penalizer in PENALIZERS:
        try:
            with quiet_lifetimes():
                from lifetimes import BetaGeoFitter

                found = BetaGeoFitter(penalizer_coef=penalizer).fit(*parts).params_
        except (ArithmeticError, ValueError):
            continue
        r, alpha, a, b = (float(found[name]) for name in ("r", "alpha", "a", "b"))
        return BetaGeoParameters(r, alpha, a, b, "week").p_no_purchase(horizon / 7, *parts)
    raise AssertionError("lifetimes fits these orders at no penalizer")


def _find_models(training: Training) -> dict[str, CustomerModel]:
    models = {"served": training.model}
    for lane in training.lanes:
        models[lane.family] = _assemble(training, lane, serve(lane))
    choice, lane = training.race.choice, training.race.lane
    for family in GROWN:
        usual = 0 if training.race.choice.churn_rounds or not lane.folds else USUAL_ROUNDS
        rounds = (choice.churn_rounds.get(family, usual), choice.value_rounds.get(family, usual))
        centred = training.training_set.plan.is_shorter
        if any(rounds) and not (centred and family == WITHOUT_BTYD):
            everyone: dict[str, str] = dict.fromkeys(SEGMENTS, family)
            alone = Choice(everyone, everyone, {family: rounds[0]}, {family: rounds[1]})
            name = f"{family}{UNRACED}" if usual else family
            models[name] = _assemble(training, lane, alone)
    return models


def _assemble(training: Training, lane: Lane, choice: Choice) -> CustomerModel:
    settings, race = training.settings, Race(lane, choice)
    centred = training.training_set.plan.is_shorter
    ahead = score_ahead(lane.folds, choice, find_tree_settings(settings), centred)
    return assemble(training.training_set, race, ahead, settings)


@dataclass(frozen=True)
class Standing:
    """A loss averaged over cutoffs: what was served, the best family, their gap and its paired error."""

    served: float
    best: float
    family: str
    gap: float
    error: float


def stand(contests: list[Contest], metric: str, against: str | None = None) -> Standing:
    """Return how what was served stands to the best family on average over cutoffs, or to one family.

    Families that stood at every cutoff count, among them those that at some had to guess their trees.
    """
    plain = [_fill(contest.losses[metric]) for contest in contests]
    families = set.intersection(*({*losses} for losses in plain)) - {"served"}
    names = [against] if against else sorted(name for name in families - {LIFETIMES} if GUESSED not in name)
    means = {name: float(np.mean([losses[name].mean() for losses in plain])) for name in ("served", *names)}
    best = min(names, key=lambda name: means[name])
    customers = np.concatenate([contest.customers for contest in contests])
    gaps = np.concatenate([
        (losses["served"] - losses[best]) / len(losses[best]) for losses in plain
    ])  # fmt: skip
    weighted = gaps * customers.size / len(contests)
    error = Bootstrap(customers).error(weighted)
    return Standing(means["served"], means[best], best, means["served"] - means[best], error)


def stand_to_guesses(contests: list[Contest], metric: str) -> list[Standing]:
    """Return how what was served stands to each grown family, guessed where nothing could choose it."""
    known = set.intersection(*({*_fill(contest.losses[metric])} for contest in contests))
    names = [f"{family}{GUESSED}" for family in GROWN]
    return [stand(contests, metric, against=name) for name in names if name in known]


def _fill(losses: Losses) -> Losses:
    """Return the losses by family, with ``family?`` for those that guessed at a cutoff or did not have to."""
    filled = {name: each for name, each in losses.items() if UNRACED not in name}
    for family in GROWN:
        found = losses.get(family, losses.get(f"{family}{UNRACED}"))
        if found is not None:
            filled[f"{family}{GUESSED}"] = found
    return filled


def longer(settings: Settings, days: int) -> Settings:
    """Return settings with both horizons at ``days``."""
    horizons = settings.horizons.model_copy(update={"horizon_days": days, "clv_horizon_days": days})
    return settings.model_copy(update={"horizons": horizons})
