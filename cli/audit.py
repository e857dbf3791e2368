"""``fedele audit``: whether the ledger is whole, and what it holds."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Json, open_here, show

if TYPE_CHECKING:
    from serving.ledger.audit import Audit

audit = typer.Typer(help="The ledger: verify it, or show what it holds.", no_args_is_help=True)


@audit.command()
def verify(
    head: Annotated[
        str | None, typer.Option(help="A seal printed earlier and kept elsewhere: the ledger must hold it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every line and row of the ledger; name what was altered."""
    from cli.output import working
    from serving.ledger import audit as ledger

    with working("Checking the ledger"):
        found = ledger.verify(open_here(), head)
    faults = [{"where": fault.where, "what": fault.what} for fault in found.faults]
    told = {"whole": found.is_whole, "entries": found.entries, "rows": found.rows}
    result = told | {"unanchored": found.unanchored, "head": found.head, "faults": faults}
    show(result, as_json, _tell(found))
    if not found.is_whole:
        raise typer.Exit(1)


@audit.command("show")
def show_entries(
    kind: Annotated[
        str | None, typer.Option(help="Only entries of this kind, for example generation.")
    ] = None,
    last: Annotated[int, typer.Option(min=1, help="How many, the newest.")] = 20,
    as_json: Json = False,
) -> None:
    """Show what the ledger holds, newest last; no customer is named in it."""
    from collections import deque

    from serving.ledger.chain import Chain

    entries = deque(Chain(open_here().ledger).read(*([] if kind is None else [kind])), maxlen=last)
    lines = [f"{entry.number}  {entry.at}  {entry.kind}  {_brief(entry.body)}" for entry in entries]
    listed = [
        {"number": entry.number, "at": entry.at, "kind": entry.kind, "body": entry.body, "seal": entry.seal}
        for entry in entries
    ]
    show({"entries": listed}, as_json, lines or ["The ledger is empty. Next: fedele score"])


def _tell(found: "Audit") -> list[str]:
    counts = ", ".join(f"{count} {kind}" for kind, count in found.entries.items()) or "no entries"
    lines = [f"{fault.where}: {fault.what}" for fault in found.faults]
    if found.is_cut:
        lines.append("More may be wrong than is listed here.")
    if found.faults:
        return [*lines, "The ledger is not as it was written: restore the folder `ledger` from a backup."]
    kept = [f"Keep this seal elsewhere: {found.head}"] if found.head else []
    return [f"The ledger is whole: {counts}; {found.rows:,} rows.", *kept]


def _brief(body: "dict[str, Any] | Any") -> str:
    shown = ("generation", "rows", "action", "version", "who", "customers", "status", "files")
    return ", ".join(
        f"{name} {body[name]}" for name in shown if name in body and isinstance(body[name], str | int)
    )
