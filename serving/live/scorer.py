"""Scores computed now: stored features or fresh facts, and the model in service; by the batch's own code."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from contracts.errors import FedeleError
from contracts.feature_frame import FeatureFrame
from contracts.scores import FLAGS, Flag, Language, to_json
from contracts.workspace import Workspace
from features.economics import Economics
from features.live import Company, LiveFeatures
from features.wording.catalogue import load_catalogue
from serving.api.problems import Problem
from serving.batch import find_bands, find_costs
from serving.champion import Champion, ChampionHolder
from serving.live.copy import META, LiveCopy
from serving.live.facts import NewFacts
from serving.score import Occasion, score_frame
from serving.store.rows import GenerationInfo
from serving.subscriber_score import score_subscribers
from training.models.subscription_model import SubscriptionModel

WAIT = {"retry-after": "5"}
error_log = logging.getLogger("fedele.errors")


@dataclass(frozen=True)
class LiveScore:
    """A record's canonical bytes, or why there is none."""

    record: bytes | None = None
    reason: str | None = None


@dataclass
class _Opened:
    """What one copy and one model need to be read together; ``mark`` tells when the copy was replaced."""

    mark: tuple[str, int]
    version: str
    copy: LiveCopy
    features: LiveFeatures | None = None


class LiveScorer:
    """Scores customers of one workspace now. Reading a copy and compiling happen at most once per pair."""

    def __init__(self, workspace: Workspace, holder: ChampionHolder) -> None:
        self._workspace, self._holder = workspace, holder
        self._opened: _Opened | None = None
        self._lock = Lock()

    def prepare(self, info: GenerationInfo | None) -> None:
        """Open and compile ahead of the first request; what cannot be done is told to that request."""
        champion = self._holder.champion
        if info is None or champion is None or not (self._folder(info) / META).is_file():
            return
        try:
            with self._lock:
                self._compile(self._open(info, champion), champion)
        except FedeleError as error:
            error_log.error('{"error": "live", "code": "%s"}', error.code)

    def score_stored(
        self, info: GenerationInfo, customer_ids: Sequence[str], language: Language, now: datetime
    ) -> tuple[Champion, dict[str, bytes]]:
        """Return the model and the records, by id, of those customers who have stored features.

        Raises:
            Problem: no model is loaded, or the features are not those of the model.
            StoreError: there is no copy.
        """
        champion = self._find_champion()
        found: dict[str, bytes] = {}
        for kind, part in champion.model.parts.items():
            with self._lock:
                copy = self._open(info, champion).copy
                stored = copy.facts.hashes.get(kind)
                if stored not in (None, part.features.hash):
                    raise Problem(
                        "other-features",
                        "The stored features are of another model: run `fedele score`, or leave out mode.",
                    )
                frame, economics = copy.read_features(customer_ids, kind, part.features)
                newest = copy.facts.newest
            if len(frame):
                occasion = self._describe(champion, kind, info, (info.as_of, now, newest))
                found |= _write(champion, kind, frame, economics, (occasion, language))
        return champion, found

    def rescore(
        self,
        info: GenerationInfo,
        customer_id: str,
        facts: NewFacts,
        moment: tuple[datetime, datetime],
        language: Language,
    ) -> LiveScore:
        """Return one customer's score as of ``moment`` (as_of, now) from the history and the new facts.

        Raises:
            Problem: no model is loaded.
            StoreError: there is no copy.
        """
        champion, (as_of, now) = self._find_champion(), moment
        with self._lock:
            opened = self._open(info, champion)
            known, live = opened.copy.facts, self._compile(opened, champion)
            rows = facts.join(opened.copy.read_events([customer_id]))
            company = _learn(known.company, facts, as_of)
            found = live.build(rows, as_of, company)
        status = found.status.get(customer_id, "no_first_order")
        if status != "scored":
            return LiveScore(reason=status)
        newest = max((each for each in (known.newest, facts.newest) if each is not None), default=None)
        economics = Economics(found.economics, known.margin_share)
        for kind, frame in found.frames.items():
            own = frame.rows((frame.index["kind"] == kind).to_numpy())
            if len(own):
                occasion = self._describe(champion, kind, info, (as_of, now, newest))
                return LiveScore(_write(champion, kind, own, economics, (occasion, language))[customer_id])
        return LiveScore(reason="no_model")

    def close(self) -> None:
        """Close the copy."""
        with self._lock:
            if self._opened is not None:
                self._opened.copy.close()
            self._opened = None

    def _find_champion(self) -> Champion:
        champion = self._holder.champion
        if champion is None:
            raise Problem("not-ready", "No model is loaded yet: try again, or see /v1/model.", headers=WAIT)
        return champion

    def _open(self, info: GenerationInfo, champion: Champion) -> _Opened:
        folder = self._folder(info)
        try:
            mark = (info.generation, (folder / META).stat().st_ino)
        except OSError:
            mark = (info.generation, 0)
        before = self._opened
        if before is None or before.mark != mark:
            copy = LiveCopy(folder)
            if before is not None:
                before.copy.close()
            self._opened = _Opened(mark, champion.version, copy)
        elif before.version != champion.version:
            self._opened = replace(before, version=champion.version, features=None)
        assert self._opened is not None
        return self._opened

    def _compile(self, opened: _Opened, champion: Champion) -> LiveFeatures:
        if opened.features is None:
            shop = champion.model.shop
            lapse = None if shop is None else shop.reference.lapsed_after_days
            lists = {kind: part.features for kind, part in champion.model.parts.items()}
            opened.features = LiveFeatures(opened.copy.schemas, lists, self._workspace.settings, lapse)
        return opened.features

    def _folder(self, info: GenerationInfo) -> Path:
        return self._workspace.live / info.generation

    def _describe(
        self,
        champion: Champion,
        kind: str,
        info: GenerationInfo,
        moment: tuple[datetime, datetime, datetime | None],
    ) -> Occasion:
        as_of, now, newest = moment
        limit = timedelta(days=self._workspace.settings.history.stale_after_days)
        raised: dict[Flag, bool] = {
            "stale": newest is None or as_of - newest > limit,
            "degraded": not champion.proves(kind),
            "hindsight": as_of < champion.trained_until,
        }
        bands = find_bands(self._workspace, champion.model.parts[kind].reference.bands)
        return Occasion(
            info.generation,
            champion.version,
            as_of,
            now,
            bands,
            tuple(flag for flag in FLAGS if raised.get(flag)),
            find_costs(self._workspace),
        )


def _learn(company: Company, facts: NewFacts, as_of: datetime) -> Company:
    """Return what is known of the company, with the tables that the new facts are the first of."""
    new = {
        table: as_of - timedelta(microseconds=1) for table in facts.rows if not company.knows(table, as_of)
    }
    return replace(company, since={**company.since, **new})


def _write(
    champion: Champion,
    kind: str,
    frame: FeatureFrame,
    economics: Economics,
    manner: tuple[Occasion, Language],
) -> dict[str, bytes]:
    """Return the canonical bytes of each row's record, by customer."""
    part, (occasion, language) = champion.model.parts[kind], manner
    catalogue = load_catalogue().for_company(part.features, part.terms.currency)
    if isinstance(part, SubscriptionModel):
        scored = score_subscribers(part, frame, occasion)
    else:
        scored = score_frame(part, frame, occasion, economics)
    return {
        each.record.customer_id: to_json(each.in_words(catalogue, language, part.reference.medians))
        for each in scored
    }
