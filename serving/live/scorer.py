"""Scores computed now: stored features or fresh facts, and the model in service; by the batch's own code."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from contracts.errors import FedeleError
from contracts.scores import FLAGS, Flag, Language
from contracts.workspace import Workspace
from features.economics import Economics
from features.live import LiveFeatures
from features.wording.catalogue import load_catalogue
from serving.api.problems import Problem
from serving.batch import find_bands, find_costs
from serving.champion import Champion, ChampionHolder
from serving.ledger.live import LiveAccount, LiveCall, LiveRow
from serving.live.copy import META, LiveCopy
from serving.live.facts import NewFacts
from serving.live.records import StoredFeatures, compile_features, write_records
from serving.score import Occasion
from serving.store.database import close_apart
from serving.store.rows import GenerationInfo

WAIT = {"retry-after": "5"}
error_log = logging.getLogger("fedele.errors")


@dataclass(frozen=True)
class LiveScore:
    """A record's canonical bytes, or why there is none."""

    record: bytes | None = None
    reason: str | None = None


@dataclass
class _Opened:
    """What one copy and one model need to be read together; ``mark`` tells when the copy was replaced.

    ``fits`` tells whether the copy is as the model reads texts and answers.
    """

    mark: tuple[str, int, int]
    version: str
    copy: LiveCopy
    fits: bool
    features: LiveFeatures | None = None


class LiveScorer:
    """Scores customers of one workspace now. Reading a copy and compiling happen at most once per pair."""

    def __init__(self, workspace: Workspace, holder: ChampionHolder) -> None:
        self._workspace, self._holder = workspace, holder
        self._opened: _Opened | None = None
        self._prepared: LiveFeatures | None = None
        self._lock = Lock()
        self._account = LiveAccount(workspace)

    def prepare(self, info: GenerationInfo | None) -> bool:
        """Open and compile ahead of the first request; what cannot be done is told to that request.

        Returns:
            Whether something was compiled since the last time.
        """
        champion, before = self._holder.champion, self._prepared
        if info is None or champion is None or not (self._folder(info) / META).is_file():
            return False
        try:
            with self._lock:
                self._prepared = self._compile(self._open(info, champion), champion)
        except FedeleError as error:
            error_log.error('{"error": "live", "code": "%s"}', error.code)
        return self._prepared is not before

    def score_stored(
        self, info: GenerationInfo, customer_ids: Sequence[str], language: Language, now: datetime
    ) -> tuple[Champion, dict[str, bytes]]:
        """Return the model and the records, by id, of those customers who have stored features.

        Raises:
            Problem: no model is loaded, or the features are not those of the model.
            StoreError: there is no copy.
        """
        champion = self._find_champion()
        lists = {kind: part.features for kind, part in champion.model.parts.items()}
        with self._lock:
            copy = self._open(info, champion).copy
            if any(copy.facts.hashes.get(kind) not in (None, own.hash) for kind, own in lists.items()):
                raise _other_features()
            by_kind, newest = copy.read_features(customer_ids, lists), copy.facts.newest
        told = {}
        for kind, stored in by_kind.items():
            occasion = self._describe(champion, kind, info, (info.as_of, now, newest))
            call = LiveCall(kind, occasion, champion.bundle, language)
            told[call] = self._write(champion, call, stored)
        return champion, self._tell(told)

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
            history, readings = opened.copy.read_history([customer_id])
        company = known.company.learn(facts.rows, as_of)
        found = live.build(facts.join(history), readings, as_of, company)
        status = found.status.get(customer_id, "no_first_order")
        if status != "scored":
            return LiveScore(reason=status)
        newest = max((each for each in (known.newest, facts.newest) if each is not None), default=None)
        economics = Economics(found.economics, known.margin_share)
        if not found.frames:
            return LiveScore(reason="no_model")
        ((kind, frame),) = found.frames.items()
        occasion = self._describe(champion, kind, info, (as_of, now, newest))
        call = LiveCall(kind, occasion, champion.bundle, language, facts.sent)
        stored = StoredFeatures(frame, economics, found.answers)
        told = self._tell({call: self._write(champion, call, stored)})
        return LiveScore(told.get(customer_id), None if told else "unknown")

    def close(self) -> None:
        """Close the copy, and the account of what was scored."""
        self._account.close()
        with self._lock:
            if self._opened is not None:
                self._opened.copy.close()
            self._opened = None

    def _write(self, champion: Champion, call: LiveCall, stored: StoredFeatures) -> list[LiveRow]:
        manner = (call.occasion, call.language)
        return list(write_records(champion.model, call.kind, stored, manner, load_catalogue()))

    def _tell(self, calls: Mapping[LiveCall, Sequence[LiveRow]]) -> dict[str, bytes]:
        """Return the records of a request by customer, once the ledger has them."""
        told = self._account.note(calls) if calls else set()
        rows = (each for scores in calls.values() for each in scores)
        return {each.customer_id: each.record for each in rows if each.customer_id in told}

    def _find_champion(self) -> Champion:
        champion = self._holder.champion
        if champion is None:
            raise Problem("not-ready", "No model is loaded yet: try again, or see /v1/model.", headers=WAIT)
        return champion

    def _open(self, info: GenerationInfo, champion: Champion) -> _Opened:
        folder, before = self._folder(info), self._opened
        try:
            # The number of a file that is gone is given again: the instant it was made is not.
            made = (folder / META).stat()
            mark = (info.generation, made.st_ino, made.st_ctime_ns)
        except OSError:
            # One that is written again is gone for an instant: what is open of it holds until then.
            mark = (info.generation, 0, 0)
            if before is not None and before.mark[0] == info.generation:
                mark = before.mark
        if before is None or before.mark != mark:
            copy, compiled = LiveCopy(folder), None
            if before is not None:
                # What was compiled for the same model and tables does: all wait while it is done again.
                if (before.version, before.copy.schemas) == (champion.version, copy.schemas):
                    compiled = before.features
                close_apart(before.copy.close)
            self._opened = _Opened(mark, champion.version, copy, copy.facts.fits(champion.model), compiled)
        elif before.version != champion.version:
            fits = before.copy.facts.fits(champion.model)
            self._opened = replace(before, version=champion.version, fits=fits, features=None)
        assert self._opened is not None
        if not self._opened.fits:
            raise _other_features()
        return self._opened

    def _compile(self, opened: _Opened, champion: Champion) -> LiveFeatures:
        if opened.features is None:
            settings = self._workspace.settings
            opened.features = compile_features(champion.model, opened.copy.schemas, settings)
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


def _other_features() -> Problem:
    return Problem(
        "other-features",
        "The stored features are of another model: run `fedele score`, or leave out mode.",
    )
