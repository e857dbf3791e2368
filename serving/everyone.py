"""The facts of a scoring run: who is scored as what, who is not and why, and what is known beside."""

from dataclasses import dataclass
from datetime import datetime

from contracts.feature_frame import FeatureFrame
from contracts.scores import NotScored
from contracts.workspace import Workspace
from features.economics import Economics, read_economics
from features.engine import Engine
from features.frame import build_frame
from features.freshness import find_newest_fact
from features.live import Company, find_company
from features.population import find_not_scored
from features.snapshot import take_snapshot
from training.models.company_model import SHOP, SUBSCRIPTION, CompanyModel


@dataclass(frozen=True)
class Everyone:
    """``frame`` holds who buys by orders, ``subscribers`` who subscribes.

    Each has the features of the model for its kind, and is None where there is no such model. ``company`` is
    what live scores must know of everybody.
    """

    frame: FeatureFrame | None
    subscribers: FeatureFrame | None
    not_scored: dict[str, NotScored]
    economics: Economics
    newest: datetime | None
    company: Company | None = None

    @property
    def frames(self) -> dict[str, FeatureFrame]:
        """The frames there are, by kind."""
        both = {SHOP: self.frame, SUBSCRIPTION: self.subscribers}
        return {kind: frame for kind, frame in both.items() if frame is not None}


def read_everyone(workspace: Workspace, model: CompanyModel, as_of: datetime) -> Everyone:
    """Return the facts of a scoring run as known at ``as_of``."""
    engine = Engine(threads=workspace.settings.training.engine_threads)
    snapshot = take_snapshot(engine.open_events(workspace.events), as_of, workspace.settings)
    known = find_not_scored(snapshot)
    reasons: dict[str, NotScored] = dict(zip(known["customer_id"], known["reason"], strict=True))
    lapse = None if model.shop is None else model.shop.reference.lapsed_after_days
    frames: dict[str, FeatureFrame] = {}
    for kind, part in model.parts.items():
        whole = build_frame(snapshot, part.features, lapse)
        frames[kind] = whole.rows((whole.index["kind"] == kind).to_numpy())
    waiting = whole.index.loc[~whole.index["kind"].isin(list(frames)), "customer_id"]
    reasons |= dict.fromkeys(waiting, "no_model")
    return Everyone(
        frames.get(SHOP),
        frames.get(SUBSCRIPTION),
        dict(sorted(reasons.items())),
        read_economics(snapshot),
        find_newest_fact(snapshot),
        find_company(snapshot),
    )
