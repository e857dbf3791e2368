"""The facts of a scoring run: who is scored as what, who is not and why, and what is known beside."""

from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd

from contracts.errors import ContractError
from contracts.feature_frame import FeatureFrame
from contracts.scores import NotScored
from contracts.settings import Settings
from contracts.time import just_after
from contracts.workspace import Workspace
from features.answered import read_answers
from features.economics import Economics, read_economics
from features.engine import Engine, Events
from features.frame import build_frame, read_crowd
from features.freshness import find_newest_fact
from features.hearing import hear_company, open_company
from features.live import Company, find_company
from features.population import find_not_scored
from features.snapshot import Crowd, Snapshot, take_snapshot
from features.spoken import AS_OF, read_all
from features.store.erasure import find_loads
from training.models.company_model import SHOP, SUBSCRIPTION, CompanyModel
from training.models.company_voice import CompanyVoice


@dataclass(frozen=True)
class Everyone:
    """``frame`` holds who buys by orders, ``subscribers`` who subscribes.

    Each has the features of the model for its kind, and is None where there is no such model. ``crowd`` is
    what features asked of all customers together, ``loads`` are the loads by which rows had come. ``answers``
    are those of ``features.answered``, None where the model says nothing of satisfaction. ``company`` and
    ``readings`` (of ``spoken.read_all``) are what live scores must know, None where nobody asks for them.
    """

    frame: FeatureFrame | None
    subscribers: FeatureFrame | None
    not_scored: dict[str, NotScored]
    economics: Economics
    newest: datetime | None
    crowd: Crowd
    loads: frozenset[str]
    answers: pd.DataFrame | None = None
    company: Company | None = None
    readings: pd.DataFrame | None = None

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


@dataclass(frozen=True)
class Hindsight:
    """What to look back with: some customers, and the loads, crowd, settings and margin of then."""

    customer_ids: tuple[str, ...]
    loads: frozenset[str]
    crowd: Crowd
    settings: Settings
    margin_share: float | None


def read_everyone(
    workspace: Workspace, model: CompanyModel, as_of: datetime, now: datetime | None = None
) -> Everyone:
    """Return the facts of a scoring run as known at ``as_of``.

    Who has objected to profiling by ``now`` (None: by ``as_of``) is not scored, whatever day it is.
    """
    engine = Engine(threads=workspace.settings.training.engine_threads)
    events = listen(open_company(workspace, engine), model.voice)
    if now is not None:
        events = events.heeding(just_after(now))
    snapshot = take_snapshot(events, as_of, workspace.settings)
    crowd = read_crowd(snapshot)
    found = _gather(snapshot, model, crowd, frozenset(find_loads(workspace.events)))
    if not workspace.settings.serve.live:
        return found
    return replace(found, company=find_company(snapshot, crowd), readings=read_all(events, as_of))


def look_back(workspace: Workspace, model: CompanyModel, as_of: datetime, hindsight: Hindsight) -> Everyone:
    """Return what ``read_everyone`` gave of some customers, whatever was loaded or erased since."""
    engine = Engine(threads=workspace.settings.training.engine_threads)
    later = find_loads(workspace.events) - hindsight.loads
    own = engine.open_events(workspace.events, later).of(hindsight.customer_ids)
    events = listen(hear_company(own, workspace, hindsight.settings), model.voice)
    snapshot = replace(take_snapshot(events, as_of, hindsight.settings), crowd=hindsight.crowd)
    found = _gather(snapshot, model, hindsight.crowd, hindsight.loads)
    return replace(found, economics=replace(found.economics, margin_share=hindsight.margin_share))


def _gather(snapshot: Snapshot, model: CompanyModel, crowd: Crowd, loads: frozenset[str]) -> Everyone:
    known = find_not_scored(snapshot)
    reasons: dict[str, NotScored] = dict(zip(known["customer_id"], known["reason"], strict=True))
    lapse = None if model.shop is None else model.shop.reference.lapsed_after_days
    frames: dict[str, FeatureFrame] = {}
    for kind, part in model.parts.items():
        whole = build_frame(snapshot, part.features, lapse)
        frames[kind] = whole.rows((whole.index["kind"] == kind).to_numpy())
    waiting = whole.index.loc[~whole.index["kind"].isin(list(frames)), "customer_id"]
    reasons |= dict.fromkeys(waiting, "no_model")
    recent_days = snapshot.settings.satisfaction.recent_days
    return Everyone(
        frames.get(SHOP),
        frames.get(SUBSCRIPTION),
        dict(sorted(reasons.items())),
        read_economics(snapshot),
        find_newest_fact(snapshot),
        crowd,
        loads,
        None if model.satisfaction is None else read_answers(snapshot, recent_days),
    )
