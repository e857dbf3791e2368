"""Scoring everyone into a new generation: built aside, shown at one instant, the same again after a crash."""

import hashlib
import heapq
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd

from contracts.errors import ContractError, ModelRefused
from contracts.scores import FLAGS, LANGUAGES, Flag, Language, RiskBands, to_json
from contracts.time import to_text
from contracts.workspace import Workspace
from features.wording.catalogue import Catalogue, load_catalogue
from serving.champion import Champion, load_champion
from serving.everyone import Everyone, read_everyone
from serving.export import check_export_name, save_export
from serving.kinds import score_kind
from serving.ledger.account import Account
from serving.ledger.digests import digest_features
from serving.ledger.expiry import expire
from serving.ledger.known import Known, describe_settings, describe_software, keep_texts
from serving.ledger.promotions import take_over_promotions
from serving.live.copy import prune_copies, write_copy
from serving.score import Costs, Occasion, Scored
from serving.store.generations import open_store
from serving.store.rows import GenerationInfo, StoredScore, build_not_scored, build_scored
from training.models.company_model import CompanyModel

CHUNK = 5_000


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
    everyone = read_everyone(workspace, champion.model, as_of, now)
    flags = _find_flags(workspace, everyone, as_of, champion)
    bands = RiskBands(0.5, 0.8, "")
    draft = Occasion("", champion.version, as_of, now, bands, flags, find_costs(workspace))
    occasions = _find_occasions(workspace, champion, everyone, draft)
    name = next(iter(occasions.values())).generation
    info = GenerationInfo(name, as_of, champion.version, now, everyone.newest, flags)
    take_over_promotions(workspace, now)
    store = open_store(workspace)
    try:
        with store.begin(info) as writer, Account(workspace, info) as account:
            writer.add(account.watch(build_rows(champion.model, everyone, occasions, progress)))
            account.close(_tell_known(workspace, champion, everyone, occasions))
            if workspace.settings.serve.live:
                write_copy(workspace, info, everyone, champion.model)
            done = writer.finish()
        prune_copies(workspace, done.generation)
    finally:
        store.close()
    expire(workspace, now)
    return done


def _tell_known(
    workspace: Workspace, champion: Champion, everyone: Everyone, occasions: Mapping[str, Occasion]
) -> Known:
    """Return what the ledger keeps, so that any score of the run can be computed again."""
    return Known(
        occasions,
        bundle=champion.bundle,
        margin_share=everyone.economics.margin_share,
        crowd=everyone.crowd,
        settings=describe_settings(workspace.settings),
        loads=tuple(everyone.loads),
        texts=keep_texts(workspace.ledger),
        software=describe_software(),
        since={} if everyone.company is None else everyone.company.since,
    )


def build_rows(
    model: CompanyModel,
    everyone: Everyone,
    occasions: Mapping[str, Occasion],
    progress: Callable[[int, int], None] | None = None,
    catalogue: Catalogue | None = None,
) -> Iterator[StoredScore]:
    """Yield the stored rows of a run: every scored customer by id, then everyone without a score and why.

    The reasons are worded by ``catalogue``, by default the one that comes with the package.
    """
    texts = catalogue or load_catalogue()
    scored = [_build_kind(model, everyone, kind, occasion, texts) for kind, occasion in occasions.items()]
    total = sum(map(len, everyone.frames.values()))
    for done, row in enumerate(heapq.merge(*scored, key=attrgetter("customer_id")), start=1):
        if progress is not None and (done % CHUNK == 0 or done == total):
            progress(done, total)
        yield row
    for customer_id, reason in everyone.not_scored.items():
        yield build_not_scored(customer_id, reason)


def _build_kind(
    model: CompanyModel, everyone: Everyone, kind: str, occasion: Occasion, texts: Catalogue
) -> Iterator[StoredScore]:
    part, frame = model.parts[kind], everyone.frames.get(kind)
    catalogue = texts.for_company(part.features, part.terms.currency)
    place = pd.RangeIndex(0 if frame is None else len(frame))
    for start in range(0, len(place), CHUNK):
        assert frame is not None
        chunk = frame.rows((place >= start) & (place < start + CHUNK))
        found = score_kind(model, kind, chunk, occasion, (everyone.economics, everyone.answers))
        for scored, features in zip(found, digest_features(chunk), strict=True):
            yield build_row(scored, catalogue, part.reference.medians, features)


def build_row(
    scored: Scored, catalogue: Catalogue, peers: Mapping[str, Any], features: bytes = b""
) -> StoredScore:
    """Return the row of one score with its canonical bytes in both languages."""
    english, italian = (to_json(scored.in_words(catalogue, language, peers)) for language in LANGUAGES)
    return build_scored(json.loads(english), english, italian, scored.raw, features)


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
        "degraded": not any(champion.proves(kind) for kind in everyone.frames),
        "hindsight": as_of < champion.trained_until,
    }
    return tuple(flag for flag, holds in raised.items() if holds)


def _find_occasions(
    workspace: Workspace, champion: Champion, everyone: Everyone, draft: Occasion
) -> dict[str, Occasion]:
    """Return what holds for the records of each kind: its own bands, and whether its own gate passed."""
    occasions = {}
    for kind in everyone.frames:
        bands = find_bands(workspace, champion.model.parts[kind].reference.bands)
        raised = {*draft.flags, *(() if champion.proves(kind) else ("degraded",))}
        flags = tuple(flag for flag in FLAGS if flag in raised)
        occasions[kind] = replace(draft, bands=bands, flags=flags)
    name = _name_generation(champion, everyone, occasions)
    return {kind: replace(occasion, generation=name) for kind, occasion in occasions.items()}


def find_bands(workspace: Workspace, trained: RiskBands) -> RiskBands:
    """Return the bands of the settings, where they say nothing those found in training.

    Raises:
        ContractError: together they contradict each other.
    """
    chosen = workspace.settings.bands
    if chosen.medium is None and chosen.high is None:
        return trained
    medium, high = chosen.medium or trained.medium, chosen.high or trained.high
    if medium > high:
        raise ContractError(f"Risk bands: medium {medium} is above high {high}: mend [bands] in fedele.toml.")
    return RiskBands(medium, high, chosen.owner)


def find_costs(workspace: Workspace) -> Costs:
    """Return what serving a customer costs, by the settings."""
    costs = workspace.settings.costs
    return Costs(costs.per_ticket, costs.per_interaction)


def _name_generation(champion: Champion, everyone: Everyone, occasions: Mapping[str, Occasion]) -> str:
    """Return a name that equal facts, model and settings share: date, model version, digest."""
    moments = [replace(occasion, scored_at=occasion.as_of) for occasion in occasions.values()]
    context = [champion.digest, moments, everyone.economics.margin_share, everyone.not_scored]
    sums = hashlib.sha256(repr(context).encode())
    frames = [part for frame in everyone.frames.values() for part in (frame.index, frame.values)]
    answers = [] if everyone.answers is None else [everyone.answers]
    for part in (*frames, everyone.economics.table, *answers):
        sums.update(pd.util.hash_pandas_object(part, index=True).to_numpy().tobytes())
    return f"{moments[0].as_of:%Y%m%d}-m{champion.version}-{sums.hexdigest()[:10]}"
