"""``fedele users``: who may sign in to the desk, and in which role."""

import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from cli.output import Json, open_here, show

users = typer.Typer(help="People of the desk: add, list, disable.", no_args_is_help=True)


@users.command()
def add(
    name: Annotated[str, typer.Argument(help="What they sign in with; an e-mail address, say.")],
    role: Annotated[str, typer.Option(help="viewer, agent, lead, analyst or admin.")],
    subject: Annotated[
        str | None, typer.Option(help="How the company's sign-in service names them; no password then.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a person, or give one another role and password. The password is asked for, or read from stdin."""
    from contracts.time import read_clock
    from serving.people import add_user
    from serving.store.work import open_work

    password = None if subject else _ask_password()
    work = open_work(open_here())
    try:
        user = add_user(work, name, role, read_clock(), password, subject)
    finally:
        work.close()
    show(asdict(user), as_json, [f"{user.name} may sign in as {user.role}, at /desk/sign-in."])


@users.command("list")
def list_users(as_json: Json = False) -> None:
    """Show everyone, never a password."""
    from serving.people import find_users
    from serving.store.work import open_work

    work = open_work(open_here())
    try:
        found = find_users(work)
    finally:
        work.close()
    lines = [_describe(asdict(user)) for user in found] or [
        "Nobody. Next: fedele users add NAME --role agent"
    ]
    show({"users": [asdict(user) for user in found]}, as_json, lines)


@users.command()
def disable(
    name: Annotated[str, typer.Argument(help="As `fedele users list` shows it.")], as_json: Json = False
) -> None:
    """Shut a person out at once, open sessions too."""
    from contracts.time import read_clock
    from serving.people import disable_user
    from serving.store.work import open_work

    work = open_work(open_here())
    try:
        user = disable_user(work, name, read_clock())
    finally:
        work.close()
    show(asdict(user), as_json, [f"{user.name} is shut out."])


def _ask_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(
        typer.prompt("Password (12 characters or more)", hide_input=True, confirmation_prompt=True, err=True)
    )


def _describe(user: dict[str, Any]) -> str:
    way = "password" if user["has_password"] else "company account"
    state = f"disabled {user['disabled_at']}" if user["disabled_at"] else f"by {way}"
    return f"{user['name']}  {user['role']}  {state}"
