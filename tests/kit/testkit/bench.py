"""``python -m testkit.bench``: ours against what it replaces, as ratios of times taken in one run."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt

from contracts.feature_frame import Feature, FeatureList
from contracts.randomness import generator
from contracts.scores import LANGUAGES
from serving.keys import create_key
from serving.tenants import Tenants
from testkit.cdnow import cdnow_summary
from testkit.churn_worlds import NAMES, build_world
from testkit.desk import NOW, make_workspace
from testkit.service import build_service
from training.models.beta_geo import BetaGeo, quiet_lifetimes
from training.models.beta_geo_parameters import BetaGeoParameters
from training.models.churn import ChurnTrees, TreeSettings
from training.models.explain import explain
from training.models.gamma_gamma import GammaGammaParameters
from training.models.history import History
from training.models.joint import JointModel

Array = npt.NDArray[np.float64]

AT = BetaGeoParameters(0.243, 4.414, 0.793, 2.426, "week")
SPEND = GammaGammaParameters(6.25, 3.74, 15.44)
MANY, BATCH, EXPLAINED, REQUESTS = 1_000_000, 200_000, 2_000, 300
REPEATS = 3


@dataclass(frozen=True)
class Timing:
    """Seconds of ours and of what it is compared with; None where there is nothing to compare with."""

    name: str
    ours: float
    theirs: float | None = None

    def __str__(self) -> str:
        """Return the line that is printed."""
        if self.theirs is None:
            return f"{self.name:<68} {self.ours:9.4f} s"
        return f"{self.name:<68} {self.ours:9.4f} s  {self.theirs:9.4f} s  {self.theirs / self.ours:7.2f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line per comparison: ours, theirs, how many times faster ours is."""
    wanted = list(arguments if arguments is not None else sys.argv[1:])
    print(f"{'':<68} {'ours':>11}  {'theirs':>11}  {'theirs/ours':>7}")
    compared = (compare_fits, compare_predictions, compare_contributions, compare_routes)
    for compare in (*compared, time_joint, time_reasons):
        if not wanted or compare.__name__.partition("_")[2] in wanted:
            print(compare(), flush=True)
    return 0


def compare_fits() -> Timing:
    """BG/NBD on the published summary ten times over: ours over distinct histories, `lifetimes` over rows."""
    summary = cdnow_summary()
    rows = [np.tile(part, 10) for part in (summary.frequency, summary.recency, summary.age)]

    def fit_lifetimes() -> None:
        with quiet_lifetimes():
            from lifetimes import BetaGeoFitter

            BetaGeoFitter().fit(*rows)

    ours = find_best(lambda: BetaGeo().fit(*rows))
    return Timing(f"BG/NBD fit, {rows[0].size:,} customers", ours, find_best(fit_lifetimes))


def compare_predictions() -> Timing:
    """Expected purchases of a million customers in 39 weeks."""
    x, t_x, age, _ = draw_histories(MANY)
    with quiet_lifetimes():
        from lifetimes import BetaGeoFitter

        fitter = BetaGeoFitter()
        fitter.params_ = {name: getattr(AT, name) for name in ("r", "alpha", "a", "b")}
        theirs = find_best(
            lambda: fitter.conditional_expected_number_of_purchases_up_to_time(39, x, t_x, age), 1
        )
    ours = find_best(lambda: AT.expected_purchases(39, x, t_x, age), 1)
    return Timing(f"expected purchases, {MANY:,} customers", ours, theirs)


def compare_contributions() -> Timing:
    """Contributions of a small forest: LightGBM's own, which we serve, against `shap.TreeExplainer`."""
    import lightgbm
    import shap

    world = build_world(EXPLAINED, seed=1)
    model = ChurnTrees(TreeSettings(rounds=100)).fit(world.matrix, NAMES, world.offset, world.churned)
    explainer = shap.TreeExplainer(lightgbm.Booster(model_str=model.to_text()))
    ours = find_best(lambda: model.contributions(world.matrix))
    theirs = find_best(lambda: explainer.shap_values(world.matrix))
    return Timing(f"contributions, {EXPLAINED:,} rows, 100 trees; theirs: shap", ours, theirs)


def compare_routes() -> Timing:
    """A stored score through the whole app, against the probe that answers without looking anything up."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder) / "shop", count=300)
        tenants = Tenants()
        tenants.open([workspace.root])
        store = next(iter(tenants)).store
        _, key = create_key(store.work, ["score:read"], "bench", NOW)
        app: Any = build_service(tenants, lambda: NOW)
        headers = {"authorization": f"Bearer {key}"}
        path = f"/v1/customers/C-10001/score?lang={LANGUAGES[0]}"
        stored, empty = (asyncio.run(ask_often(app, each, headers)) for each in (path, "/livez"))
        tenants.close()
    return Timing("median of a stored score through the app; theirs: /livez", stored, empty)


async def ask_often(app: Any, path: str, headers: dict[str, str]) -> float:
    """Return the median seconds of one request to ``path``."""
    times = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
        for _ in range(REQUESTS):
            started = time.perf_counter()
            answer = await client.get(path, headers=headers)
            times.append(time.perf_counter() - started)
            answer.raise_for_status()
    return float(np.median(times))


def time_joint() -> Timing:
    """The whole joint prediction of 200,000 customers: probabilities, means and quantiles."""
    x, t_x, age, money = draw_histories(BATCH)
    model = JointModel(AT, SPEND, horizon=90 / 7, clv_horizon=365 / 7)
    churn = AT.p_no_purchase(90 / 7, x, t_x, age)
    history = History(x, t_x, age, money)
    return Timing(
        f"joint prediction, {BATCH:,} customers", find_best(lambda: model.predict(history, churn), 1)
    )


def time_reasons() -> Timing:
    """Whom to tell what: the families that move 23,500 customers, from the contributions of 70 features."""
    draw = generator(1, "explain")
    features = FeatureList(tuple(Feature(f"family{place % 12}.x{place}", "", "") for place in range(70)))
    contributions, offsets = draw.normal(0, 0.1, (23_500, 70)), draw.normal(size=23_500)
    seconds = find_best(lambda: explain(contributions, offsets, 0.0, features))
    return Timing("reasons chosen, 23,500 customers", seconds)


def draw_histories(count: int) -> tuple[Array, Array, Array, Array]:
    """Return frequency, recency, age in weeks (whole days) and money of ``count`` invented customers."""
    draw = generator(1, "bench", count)
    x = draw.geometric(0.4, count).astype(np.float64) - 1
    days = draw.integers(30, 700, count).astype(np.float64)
    recency = np.where(x > 0, np.maximum(np.floor(days * draw.random(count)), 1.0), 0.0)
    return x, recency / 7, days / 7, np.where(x > 0, np.round(draw.gamma(3, 12, count) + 1, 2), np.nan)


def find_best(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Return the shortest of several durations, in seconds: the one least disturbed."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    sys.exit(main())
