"""``fedele status``: what is here, how old it is, and who is writing."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from cli.output import Json, open_here, show

if TYPE_CHECKING:
    from contracts.workspace import Workspace
    from serving.store.rows import GenerationInfo


def status(as_json: Json = False) -> None:
    """Show the workspace, its champion, its list of scores, the age of the data, and locks."""
    from contracts.time import read_clock

    workspace = open_here()
    now = read_clock()
    found = {
        "workspace": {"name": workspace.settings.workspace.name, "folder": str(workspace.root)},
        "champion": _find_champion(workspace),
        "generation": _describe(_find_generation(workspace), now),
        "data": _find_data(workspace, now),
        "lock": _find_lock(workspace),
    }
    show(found, as_json, _word(found))


def _find_champion(workspace: "Workspace") -> str | None:
    from training.bundle import read_champion

    champion = read_champion(workspace)
    return None if champion is None else champion[0]


def _find_generation(workspace: "Workspace") -> "GenerationInfo | None":
    if workspace.store_url is None and not workspace.work_database.exists():
        return None  # opening the database would make one
    from serving.store.work import open_work

    work = open_work(workspace)
    try:
        return work.find_current()
    finally:
        work.close()


def _describe(info: "GenerationInfo | None", now: datetime) -> dict[str, Any] | None:
    if info is None:
        return None
    from contracts.time import to_text

    until = info.facts_until
    return {
        "generation": info.generation,
        "as_of": to_text(info.as_of),
        "model_version": info.model_version,
        "scored": info.scored,
        "kinds": dict(info.kinds),
        "not_scored": dict(info.not_scored),
        "scored_at": to_text(info.scored_at),
        "age_days": _age(info.scored_at, now),
        "facts_until": None if until is None else to_text(until),
        "flags": list(info.flags),
    }


def _find_data(workspace: "Workspace", now: datetime) -> dict[str, Any]:
    from contracts.time import to_text
    from features.store.loads import read_loads

    loads = [load for load in read_loads(workspace.events) if load.kind == "load"]
    newest = max((load.loaded_at for load in loads), default=None)
    return {
        "loads": len(loads),
        "last_load_at": None if newest is None else to_text(newest),
        "age_days": None if newest is None else _age(newest, now),
    }


def _find_lock(workspace: "Workspace") -> dict[str, Any]:
    from features.store.lock import find_owner, is_held

    held = is_held(workspace.lock)
    return {"held": held, "by": find_owner(workspace.lock) if held else None}


def _age(since: datetime, now: datetime) -> float:
    from contracts.time import SECONDS_PER_DAY

    return round((now - since).total_seconds() / SECONDS_PER_DAY, 2)


def _word(found: dict[str, Any]) -> list[str]:
    scores, data, lock = found["generation"], found["data"], found["lock"]
    champion = f"version {found['champion']}" if found["champion"] else "none yet: fedele train"
    loaded = "nothing loaded yet: fedele ingest orders FILE"
    if data["loads"]:
        loaded = (
            f"{data['loads']} loads, the last on {data['last_load_at']} ({data['age_days']:.0f} days ago)"
        )
    rows = [
        ("Workspace", f"{found['workspace']['name']} in {found['workspace']['folder']}"),
        ("Data", loaded),
        ("Champion", champion),
        ("Scores", _word_scores(scores) if scores else "none yet: fedele score"),
        ("Lock", f"held by {lock['by'] or 'another command'}" if lock["held"] else "free"),
    ]
    return [f"{name:<10} {text}" for name, text in rows]


def _word_scores(scores: dict[str, Any]) -> str:
    flags = f", {', '.join(scores['flags'])}" if scores["flags"] else ""
    until = scores["facts_until"] or "unknown"
    return (
        f"generation {scores['generation']} of model {scores['model_version']}: {scores['scored']} "
        f"customers as of {scores['as_of']}, newest fact {until}{flags}"
    )
