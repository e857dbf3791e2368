"""The range of what a group spends together holds what it spent, on all 23,502 buyers of CDNOW.

As of 1998-04-02, for the 90 days to 1998-07-01: 200 random groups, sizes drawn evenly on the log scale. The
common level's spread is found on the four cutoffs 90 days apart before it, each scored by a model fitted on
facts before that cutoff; the parameters' own uncertainty comes from the fit. Nothing was tuned to this.

All groups of one cutoff share one level error, so their coverage is one draw and not 200: had the level moved
a little more, nearly all of them would lie outside. Therefore the same is shown for every cutoff, each with
the spread its own past taught, and their mean, and what the ranges would hold without a common level.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from cli.cdnow import read_cdnow
from contracts.randomness import generator
from testkit.cdnow import read_cdnow_sample
from testkit.claims.figure import Figure, Scale, between, noted
from testkit.hindsight import summarise_orders
from training.levels import find_level_errors
from training.models.beta_geo import BetaGeo
from training.models.gamma_gamma import GammaGamma
from training.models.group_totals import group_total, level_spread, parameter_spread
from training.models.history import History
from training.models.joint import JointModel
from training.models.mixture import SpendMoments
from training.models.pareto_nbd import ParetoNBD
from training.models.purchase_model import PurchaseModel

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Estimator = type[BetaGeo] | type[ParetoNBD]

SEED, GROUPS = 8, 200
OTHER_SEEDS = range(20, 30)
CUTOFFS = ("1997-04-07", "1997-07-06", "1997-10-04", "1998-01-02", "1998-04-02")
WINDOW_DAYS, DAY = 90, pd.Timedelta(days=1)
WEEKS = WINDOW_DAYS / 7
SMALLEST, LARGEST = 50, 5000


@dataclass(frozen=True, eq=False)
class Moment:
    """One cutoff: what a model fitted before it says of each customer, and what each really spent."""

    model: PurchaseModel
    covariance: Array
    moments: SpendMoments
    history: History
    spend_each: Array
    real: Array

    @cached_property
    def predicted(self) -> float:
        """The predicted total of everyone."""
        return float(self.moments.mean.sum())

    def spread_of(self, group: Places) -> float:
        """Return what the parameters' uncertainty makes of a group's total."""
        return parameter_spread(
            self.model, self.covariance, lambda model: float(self.expected(model)[group].sum())
        )

    def expected(self, model: PurchaseModel) -> Array:
        """Return everyone's expected spend under other parameters, kept per model."""
        if model not in self._kept:
            past = self.history
            purchases = model.expected_purchases(WEEKS, past.frequency, past.recency, past.age)
            self._kept[model] = purchases * self.spend_each
        return self._kept[model]

    @cached_property
    def _kept(self) -> dict[PurchaseModel, Array]:
        return {}


def measure(scale: Scale) -> list[Figure]:
    """Return the coverage at the last cutoff, and at every cutoff for comparison."""
    orders = _read_orders(whole=scale.thorough)
    low, high = (0.7, 0.9) if scale.thorough else (0.5, 1.0)
    moments = [_look(orders, pd.Timestamp(cutoff), BetaGeo) for cutoff in CUTOFFS]
    held = [_cover(moments[: place + 1]) for place in range(len(moments))]
    said = f"share of {GROUPS} groups inside their 80 % range"
    figures = [
        Figure("customers", len(moments[-1].real), 2300, "at least"),
        Figure("past cutoffs that teach the level", len(moments) - 1, 4, "equals"),
        between(f"BG/NBD, as of {CUTOFFS[-1]}: {said}", held[-1], low, high),
        between(f"BG/NBD, mean of {len(held)} cutoffs: {said}", float(np.mean(held)), low, high),
    ]
    for cutoff, moment, share in zip(CUTOFFS, moments, held, strict=True):
        figures.append(noted(f"BG/NBD, as of {cutoff}: {said}", share))
        error = find_level_errors([moment.predicted], [float(moment.real.sum())])[0]
        figures.append(noted(f"BG/NBD, as of {cutoff}: log of real total over predicted", error))
    figures.append(
        noted(f"BG/NBD, as of {CUTOFFS[-1]}: {said} without a common level", _cover(moments, level=False))
    )
    if scale.thorough:
        again = [_cover(moments, seed=seed) for seed in OTHER_SEEDS]
        drawn = f"BG/NBD, as of {CUTOFFS[-1]}, {len(again)} other draws of the groups: {said}"
        figures += [noted(f"{drawn}, lowest", min(again)), noted(f"{drawn}, highest", max(again))]
        figures += _pareto(orders, said)
    return figures


def _pareto(orders: pd.DataFrame, said: str) -> Iterator[Figure]:
    moments = [_look(orders, pd.Timestamp(cutoff), ParetoNBD) for cutoff in CUTOFFS]
    held = [_cover(moments[: place + 1]) for place in range(len(moments))]
    yield noted(f"Pareto/NBD, as of {CUTOFFS[-1]}: {said}", held[-1])
    yield noted(f"Pareto/NBD, mean of {len(held)} cutoffs: {said}", float(np.mean(held)))


@cache
def _read_orders(whole: bool) -> pd.DataFrame:
    rows = read_cdnow() if whole else read_cdnow_sample()
    orders = pd.DataFrame(rows, columns=["customer_id", "occurred_at", "amount"])
    orders = orders.assign(
        occurred_at=pd.to_datetime(orders["occurred_at"]), amount=orders["amount"].astype(np.float64)
    )
    return orders[orders["amount"] > 0]


def _look(orders: pd.DataFrame, cutoff: pd.Timestamp, estimator: Estimator) -> Moment:
    past = orders[orders["occurred_at"] < cutoff]
    history = summarise_orders(past, past["occurred_at"], cutoff - DAY)
    fitted = estimator().fit(history.frequency, history.recency, history.age)
    spend = GammaGamma().fit(history.frequency, history.monetary_value).parameters_
    model = fitted.parameters_
    silent = model.p_no_purchase(WEEKS, history.frequency, history.recency, history.age)
    ids = np.unique(past["customer_id"])
    after = (orders["occurred_at"] >= cutoff) & (orders["occurred_at"] < cutoff + WINDOW_DAYS * DAY)
    real = orders[after].groupby("customer_id")["amount"].sum().reindex(ids, fill_value=0.0)
    return Moment(
        model,
        fitted.covariance_,
        JointModel(model, spend, WEEKS, WEEKS).moments(history, silent),
        history,
        spend.expected_spend(history.frequency, history.monetary_value),
        real.to_numpy(dtype=np.float64),
    )


def _cover(moments: Sequence[Moment], level: bool = True, seed: int = SEED) -> float:
    """Return the share of groups of the last moment inside the range that the earlier ones taught."""
    *earlier, now = moments
    errors = find_level_errors(
        [each.predicted for each in earlier], [float(each.real.sum()) for each in earlier]
    )
    spread = level_spread(errors) if level else 0.0
    inside = []
    for group in _draw_groups(len(now.real), seed):
        own = SpendMoments(*(part[group] for part in vars(now.moments).values()))
        total = group_total(own, spread, now.spread_of(group))
        inside.append(total.p10 <= now.real[group].sum() <= total.p90)
    return float(np.mean(inside))


def _draw_groups(customers: int, seed: int) -> Iterator[Places]:
    random = generator(seed, "groups")
    largest = min(LARGEST, customers // 2)
    sizes = np.exp(random.uniform(np.log(SMALLEST), np.log(largest), GROUPS)).round().astype(int)
    for size in sizes:
        yield random.choice(customers, size, replace=False)
