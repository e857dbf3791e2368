"""What is served keeps up with the best family: real orders, three cutoffs each, judged on what came after.

At each cutoff the training knows nothing from it on; families are assembled by the same code from the same
folds. Where a past is too short to choose a number of trees they are 100, shown without a bar. CDNOW ships
with `lifetimes`; Online Retail is looked for in the folder of benchmark data. The small form takes the
published tenth of CDNOW and one cutoff.
"""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from cli.cdnow import save_cdnow
from contracts.settings import SourceSection
from contracts.workspace import Workspace, create_workspace, open_workspace
from features.engine import Engine
from features.ingest.load import ingest_files
from testkit.benchmarks import find_benchmark
from testkit.claims.figure import Figure, Scale, noted
from testkit.rivals import (
    LIFETIMES,
    METRICS,
    Contest,
    Standing,
    hold_contest,
    longer,
    stand,
    stand_to_guesses,
)
from testkit.tenth import write_sample

HORIZON_DAYS = 90
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SLACK = 0.01
PROOF, FEW = (1.0, 1.0), (3.0, -1.0)
"""Bars of the gap to the best family and of the gain over `lifetimes`; one cutoff of 748 customers in play
proves little, so the small form asks only that nothing is far off."""
CDNOW = tuple(datetime(*day, tzinfo=UTC) for day in ((1997, 10, 4), (1998, 1, 2), (1998, 4, 2)))
RETAIL = tuple(datetime(*day, tzinfo=UTC) for day in ((2011, 3, 14), (2011, 6, 12), (2011, 9, 10)))


def measure(scale: Scale) -> list[Figure]:
    """Return the gaps to the best family and to `lifetimes` alone, averaged over cutoffs."""
    with TemporaryDirectory(prefix="fedele-race-") as folder:
        if not scale.thorough:
            orders = write_sample(Path(folder) / "sample.csv")
            return _race("CDNOW tenth", _load(Path(folder) / "shop", orders, "USD"), CDNOW[2:], FEW)
        cdnow, retail = Path(folder) / "cdnow.csv", Path(folder) / "retail.csv"
        save_cdnow(cdnow)
        _save_retail(retail)
        return [
            *_race("CDNOW full", _load(Path(folder) / "cdnow", cdnow, "USD"), CDNOW),
            *_race("Online Retail", _load(Path(folder) / "retail", retail, "GBP"), RETAIL),
        ]


def _load(folder: Path, orders: Path, currency: str) -> Workspace:
    folder.mkdir()
    workspace = open_workspace(create_workspace(folder, currency=currency, name="race").root)
    options = SourceSection(currency=currency, timezone="UTC")
    ingest_files(workspace, "orders", [orders], options, source="race", now=NOW)
    return workspace


def _save_retail(file: Path) -> None:
    """Write one order per invoice and customer; cancellations are negative and find their order."""
    lines = pd.read_parquet(find_benchmark("online_retail.parquet")).dropna(subset=["customer_id"])
    lines["amount"] = lines["quantity"] * lines["unit_price"]
    keys = ["invoice_no", "customer_id"]
    orders = lines.groupby(keys, as_index=False).agg(amount=("amount", "sum"), at=("invoice_date", "min"))
    pd.DataFrame({
        "order_id": orders["invoice_no"],
        "customer_id": orders["customer_id"].astype(str),
        "occurred_at": pd.to_datetime(orders["at"]).dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "amount": orders["amount"].round(2),
    }).to_csv(file, index=False)  # fmt: skip


def _race(
    name: str, workspace: Workspace, cutoffs: tuple[datetime, ...], bars: tuple[float, float] = PROOF
) -> list[Figure]:
    events = Engine(threads=2).open_events(workspace.events)
    settings = longer(workspace.settings, HORIZON_DAYS)
    contests = [hold_contest(events, settings, cutoff) for cutoff in cutoffs]
    kept = [_keep_up(name, contests, metric, bars[0]) for metric in METRICS]
    guessed = [
        noted(_tell(name, metric, at), at.gap / at.error if at.error else 0.0)
        for metric in METRICS
        for at in stand_to_guesses(contests, metric)
    ]
    return [*kept, _beat(name, contests, bars[1]), *guessed]


def _tell(name: str, metric: str, at: Standing) -> str:
    told = f"{name}: {metric} {at.served:.4f} against {at.best:.4f} of {at.family}"
    return f"{told}, gap in paired standard errors"


def _keep_up(name: str, contests: list[Contest], metric: str, bar: float) -> Figure:
    """Return the gap to the best family as a share of what is allowed: 1 % or one paired standard error."""
    at = stand(contests, metric)
    allowed = max(SLACK * at.best, at.error)
    told = f"{name}: {metric} {at.served:.4f} against {at.best:.4f} of {at.family} (SE {at.error:.4f})"
    return Figure(f"{told}, gap in parts of what is allowed", at.gap / allowed, bar, "at most")


def _beat(name: str, contests: list[Contest], bar: float) -> Figure:
    at = stand(contests, "log_loss", against=LIFETIMES)
    told = f"{name}: log loss {at.served:.4f} against {at.best:.4f} of lifetimes alone"
    return Figure(f"{told}, gain in paired standard errors", -at.gap / at.error, bar, "at least")
