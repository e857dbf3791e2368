"""Scoring everyone into a new generation: built aside, shown at one instant, the same again after a crash."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from contracts.errors import ContractError, ModelRefused, WorkspaceError
from contracts.feature_frame import FeatureFrame
from contracts.scores import Flag, Language, NotScored, Reason, RiskBands, dumps, to_dict
from contracts.time import to_text
from contracts.workspace import Workspace
from features.economics import Economics, read_economics
from features.engine import Engine
from features.frame import build_frame
from features.freshness import find_newest_fact
from features.population import find_not_scored
from features.snapshot import take_snapshot
from features.wording.catalogue import Catalogue, load_catalogue
from serving.export import check_export_name, save_export
from serving.score import Costs, Occasion, Scored, score_frame
from serving.store.generations import open_store
from serving.store.rows import GenerationInfo, StoredScore, build_not_scored, build_scored
from training.bundle import load_manifest, load_model, read_champion
from training.models.customer_model import CustomerModel

CHUNK = 5_000
NO_CHAMPION = "No model has been promoted: run `fedele train`, which promotes the first one that passes."


@dataclass(frozen=True)
class Everyone:
    """The facts of one scoring run: who is scored, who is not and why, and what is known beside."""

    frame: FeatureFrame
    not_scored: dict[str, NotScored]
    economics: Economics
    newest: datetime | None


@dataclass(frozen=True)
class Champion:
    """The serving model, verified, and the version it is called by; ``proven`` when its gate passed."""

    version: str
    digest: str
    trained_until: datetime
    proven: bool
    model: CustomerModel


def load_champion(workspace: Workspace) -> Champion:
    """Return the champion of a workspace, verified.

    Raises:
        WorkspaceError: nothing has been promoted.
        BundleRefused: its bundle is damaged.
    """
    found = read_champion(workspace)
    if found is None:
        raise WorkspaceError(NO_CHAMPION)
    version, folder = found
    manifest = load_manifest(folder)
    digest = hashlib.sha256(json.dumps(manifest["files"], sort_keys=True).encode()).hexdigest()
    trained_until = datetime.fromisoformat(manifest["trained_until"])
    return Champion(version, digest, trained_until, manifest["gate"]["passed"], load_model(folder))


def read_everyone(workspace: Workspace, model: CustomerModel, as_of: datetime) -> Everyone:
    """Return the facts of a scoring run as known at ``as_of``."""
    engine = Engine(threads=workspace.settings.training.engine_threads)
    snapshot = take_snapshot(engine.open_events(workspace.events), as_of, workspace.settings)
    frame = build_frame(snapshot, model.features, model.reference.lapsed_after_days)
    shops = (frame.index["kind"] == "shop").to_numpy()
    known = find_not_scored(snapshot)
    reasons = dict(zip(known["customer_id"], known["reason"], strict=True))
    reasons |= dict.fromkeys(frame.index.loc[~shops, "customer_id"], "no_model")
    return Everyone(
        frame.rows(shops), dict(sorted(reasons.items())), read_economics(snapshot), find_newest_fact(snapshot)
    )


def score_everyone(
    workspace: Workspace,
    as_of: datetime,
    now: datetime,
    *,
    hindsight: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> GenerationInfo:
    """Write a new generation of scores and make it the current one; the caller holds the workspace's lock.

    The generation's name is made of what it was computed from, so a run after a crash writes the same one.
    ``progress`` is told how many of how many customers are done.

    Raises:
        WorkspaceError: nothing has been promoted.
        ModelRefused: ``as_of`` is before the facts the model was trained on, without ``hindsight``.
    """
    champion = load_champion(workspace)
    if as_of < champion.trained_until and not hindsight:
        raise ModelRefused(
            f"Model {champion.version} learned from facts until {to_text(champion.trained_until)}, "
            f"after {to_text(as_of)}: score a later date, or allow it with --hindsight."
        )
    everyone = read_everyone(workspace, champion.model, as_of)
    flags = _find_flags(workspace, everyone, as_of, champion)
    bands = _find_bands(workspace, champion.model)
    draft = Occasion("", champion.version, as_of, now, bands, flags, _find_costs(workspace))
    occasion = replace(draft, generation=_name_generation(champion, everyone, draft))
    info = GenerationInfo(occasion.generation, as_of, champion.version, now, everyone.newest, flags)
    store = open_store(workspace)
    try:
        with store.begin(info) as writer:
            writer.add(build_rows(champion.model, everyone, occasion, progress))
            return writer.finish()
    finally:
        store.close()


def build_rows(
    model: CustomerModel,
    everyone: Everyone,
    occasion: Occasion,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[StoredScore]:
    """Yield the stored rows of a run: every scored customer by id, then everyone without a score and why."""
    catalogue = load_catalogue().for_company(model.features, model.terms.currency)
    peers = model.reference.medians
    total = len(everyone.frame)
    for start in range(0, total, CHUNK):
        place = pd.RangeIndex(total)
        chunk = everyone.frame.rows((place >= start) & (place < start + CHUNK))
        for scored in score_frame(model, chunk, occasion, everyone.economics):
            yield build_row(scored, catalogue, peers)
        if progress is not None:
            progress(min(start + CHUNK, total), total)
    for customer_id, reason in everyone.not_scored.items():
        yield build_not_scored(customer_id, reason)


def build_row(scored: Scored, catalogue: Catalogue, peers: Mapping[str, Any]) -> StoredScore:
    """Return the row of one score with its canonical bytes in both languages."""
    english = to_dict(scored.in_words(catalogue, "en", peers))
    italian = english | {"reasons": _reworded(english["reasons"], scored.worded(catalogue, "it", peers))}
    return build_scored(english, dumps(english), dumps(italian), scored.raw)


def _reworded(plain: Sequence[dict[str, Any]], worded: Sequence[Reason]) -> list[dict[str, Any]]:
    return [{**reason, "text": other.text} for reason, other in zip(plain, worded, strict=True)]


def export_generation(
    workspace: Workspace, generation: GenerationInfo, file: Path, language: Language
) -> int:
    """Write the records of a generation to ``file`` in ``language``; return how many."""
    check_export_name(file)
    store = open_store(workspace)
    try:
        return save_export(file, store.records(generation, language))
    finally:
        store.close()


def _find_flags(
    workspace: Workspace, everyone: Everyone, as_of: datetime, champion: Champion
) -> tuple[Flag, ...]:
    limit = timedelta(days=workspace.settings.history.stale_after_days)
    raised: dict[Flag, bool] = {
        "stale": everyone.newest is None or as_of - everyone.newest > limit,
        "degraded": not champion.proven,
        "hindsight": as_of < champion.trained_until,
    }
    return tuple(flag for flag, holds in raised.items() if holds)


def _find_bands(workspace: Workspace, model: CustomerModel) -> RiskBands:
    chosen, trained = workspace.settings.bands, model.reference.bands
    if chosen.medium is None and chosen.high is None:
        return trained
    medium, high = chosen.medium or trained.medium, chosen.high or trained.high
    if medium > high:
        raise ContractError(f"Risk bands: medium {medium} is above high {high}: mend [bands] in fedele.toml.")
    return RiskBands(medium, high, chosen.owner)


def _find_costs(workspace: Workspace) -> Costs:
    costs = workspace.settings.costs
    return Costs(costs.per_ticket, costs.per_interaction)


def _name_generation(champion: Champion, everyone: Everyone, occasion: Occasion) -> str:
    """Return a name that equal facts, model and settings share: date, model version, digest."""
    moment = replace(occasion, scored_at=occasion.as_of)
    context = [champion.digest, moment, everyone.economics.margin_share, everyone.not_scored]
    sums = hashlib.sha256(repr(context).encode())
    for part in (everyone.frame.index, everyone.frame.values, everyone.economics.table):
        sums.update(pd.util.hash_pandas_object(part, index=True).to_numpy().tobytes())
    return f"{occasion.as_of:%Y%m%d}-m{champion.version}-{sums.hexdigest()[:10]}"
