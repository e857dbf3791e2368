"""The facts of a scoring run: who is scored as what, who is not and why, and what is known beside."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from contracts.errors import ContractError
from contracts.feature_frame import FeatureFrame
from contracts.scores import NotScored
from contracts.workspace import Workspace
from features.answered import read_answers
from features.economics import Economics, read_economics
from features.engine import Engine, Events
from features.frame import build_frame
from features.freshness import find_newest_fact
from features.hearing import open_company
from features.population import find_not_scored
from features.snapshot import take_snapshot
from features.spoken import AS_OF
from training.models.company_model import SHOP, SUBSCRIPTION, CompanyModel
from training.models.company_voice import CompanyVoice


@dataclass(frozen=True)
class Everyone:
    """``frame`` holds who buys by orders, ``subscribers`` who subscribes.

    Each has the features of the model for its kind, and is None where there is no such model. ``answers`` are
    those of ``features.answered``, None where the model says nothing of satisfaction.
    """

    frame: FeatureFrame | None
    subscribers: FeatureFrame | None
    not_scored: dict[str, NotScored]
    economics: Economics
    newest: datetime | None
    answers: pd.DataFrame | None = None

    @property
    def frames(self) -> dict[str, FeatureFrame]:
        """The frames there are, by kind."""
        both = {SHOP: self.frame, SUBSCRIPTION: self.subscribers}
        return {kind: frame for kind, frame in both.items() if frame is not None}


def listen(events: Events, voice: CompanyVoice | None) -> Events:
    """Return the events whose texts are read by the model's own head, where it has one.

    Raises:
        ContractError: the head reads the vectors of another embedder.
    """
    if voice is None or events.heard is None:
        return events
    if voice.embedder != events.heard.embedder:
        raise ContractError(
            f"The model reads texts by {voice.embedder}, [voice] embedder in fedele.toml is "
            f"{events.heard.embedder}: set it back, or train again."
        )
    return events.with_teaching(lambda told: dict.fromkeys(told[AS_OF].drop_duplicates(), voice.head))


def read_everyone(workspace: Workspace, model: CompanyModel, as_of: datetime) -> Everyone:
    """Return the facts of a scoring run as known at ``as_of``."""
    engine = Engine(threads=workspace.settings.training.engine_threads)
    events = listen(open_company(workspace, engine), model.voice)
    snapshot = take_snapshot(events, as_of, workspace.settings)
    known = find_not_scored(snapshot)
    reasons: dict[str, NotScored] = dict(zip(known["customer_id"], known["reason"], strict=True))
    lapse = None if model.shop is None else model.shop.reference.lapsed_after_days
    frames: dict[str, FeatureFrame] = {}
    for kind, part in model.parts.items():
        whole = build_frame(snapshot, part.features, lapse)
        frames[kind] = whole.rows((whole.index["kind"] == kind).to_numpy())
    waiting = whole.index.loc[~whole.index["kind"].isin(list(frames)), "customer_id"]
    reasons |= dict.fromkeys(waiting, "no_model")
    recent_days = workspace.settings.satisfaction.recent_days
    return Everyone(
        frames.get(SHOP),
        frames.get(SUBSCRIPTION),
        dict(sorted(reasons.items())),
        read_economics(snapshot),
        find_newest_fact(snapshot),
        None if model.satisfaction is None else read_answers(snapshot, recent_days),
    )
