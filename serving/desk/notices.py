"""What a person must know before trusting a list: old data, missing data, newer scores."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from contracts.numbers import day
from contracts.scores import Language
from contracts.settings import Settings
from serving.desk.state import ListState
from serving.desk.words import load_words
from serving.store.rows import GenerationInfo

AMBER = ("degraded", "hindsight")
PLAIN = ("season_unseen", "range_unproven")


@dataclass(frozen=True)
class Notice:
    """One sentence above the list; ``amber`` asks for care, ``plain`` only tells. A link may follow."""

    kind: Literal["amber", "plain"]
    text: str
    link: str = ""
    link_text: str = ""


def find_moves(state: ListState, *, is_newest: bool, is_expired: bool) -> list[Notice]:
    """Return what to say when scores have come since a link was made.

    Args:
        state: where the link led.
        is_newest: whether the current generation is shown.
        is_expired: whether the link's own generation is no longer kept.
    """
    t = load_words(state.language)
    moves = [Notice("plain", t("state.expired"))] if is_expired else []
    if not is_newest:
        moves.append(Notice("plain", t("state.newer"), state.at_start().address(), t("state.newer_link")))
    return moves


def find_cautions(
    info: GenerationInfo, flags: Collection[str], settings: Settings, now: datetime, language: Language
) -> list[Notice]:
    """Return what makes the whole list less certain; ``flags`` are those that every customer carries."""
    t = load_words(language)
    age = _find_age(info, settings, now, language)
    raised = [flag for flag in (*AMBER, *PLAIN) if flag in flags or flag in info.flags]
    return ([Notice("amber", age)] if age else []) + [
        Notice("amber" if flag in AMBER else "plain", t(f"state.{flag}")) for flag in raised
    ]


def is_stale(info: GenerationInfo, settings: Settings, now: datetime) -> bool:
    """Return whether the facts, or the list itself, are older than the workspace allows.

    A workspace with a fixed ``as_of`` looks back on purpose: its list does not age.
    """
    return "stale" in info.flags or _is_old(info, settings, now)


def _is_old(info: GenerationInfo, settings: Settings, now: datetime) -> bool:
    allowed = timedelta(days=settings.history.stale_after_days)
    return settings.workspace.as_of is None and now - info.as_of > allowed


def _find_age(info: GenerationInfo, settings: Settings, now: datetime, language: Language) -> str | None:
    t, zone = load_words(language), settings.workspace.timezone
    if "stale" in info.flags:
        if info.facts_until is None:
            return t("state.stale_unknown")
        return t("state.stale", day=day(info.facts_until, language, zone, with_time=False))
    if _is_old(info, settings, now):
        return t("state.old", day=day(info.as_of, language, zone, with_time=False))
    return None
