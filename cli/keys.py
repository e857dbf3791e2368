"""``fedele keys``: who may ask the API for what."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from cli.output import Json, open_here, show

keys = typer.Typer(help="Keys of the API: create, list, revoke.", no_args_is_help=True)


@keys.command()
def create(
    scope: Annotated[list[str], typer.Option(help="score:read, model:read or admin; may be repeated.")],
    name: Annotated[str, typer.Option(help="What the key is for, for people.")] = "",
    days: Annotated[int | None, typer.Option(min=1, help="Days until it expires; never if left out.")] = None,
    as_json: Json = False,
) -> None:
    """Make a key. It is shown once."""
    from contracts.time import read_clock
    from serving.keys import create_key
    from serving.store.work import open_work

    work = open_work(open_here())
    try:
        key, text = create_key(work, scope, name, read_clock(), days)
    finally:
        work.close()
    until = f" until {key.expires_at}" if key.expires_at else ""
    lines = [f"Key {key.key_id} for {', '.join(key.scopes)}{until}. It is shown this once:", text]
    show({"key_id": key.key_id, "key": text}, as_json, lines)


@keys.command("list")
def list_keys(as_json: Json = False) -> None:
    """Show all keys, never their secrets."""
    from serving.keys import find_keys
    from serving.store.work import open_work

    work = open_work(open_here())
    try:
        found = find_keys(work)
    finally:
        work.close()
    lines = [_describe(asdict(key)) for key in found] or [
        "No keys. Next: fedele keys create --scope score:read"
    ]
    show({"keys": [asdict(key) for key in found]}, as_json, lines)


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="As `fedele keys list` shows it.")], as_json: Json = False
) -> None:
    """Close a key for good."""
    from contracts.time import read_clock
    from serving.keys import revoke_key
    from serving.store.work import open_work

    work = open_work(open_here())
    try:
        key = revoke_key(work, key_id, read_clock())
    finally:
        work.close()
    show({"key_id": key.key_id, "revoked_at": key.revoked_at}, as_json, [f"Key {key.key_id} is closed."])


def _describe(key: dict[str, Any]) -> str:
    state = (
        f"closed {key['revoked_at']}" if key["revoked_at"] else f"last used {key['last_used_day'] or 'never'}"
    )
    until = f", until {key['expires_at']}" if key["expires_at"] and not key["revoked_at"] else ""
    return f"{key['key_id']}  {' '.join(key['scopes'])}  {state}{until}  {key['name']}".rstrip()
