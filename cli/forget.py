"""``fedele forget``: a customer out of every store, with proof."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import Json, show

if TYPE_CHECKING:
    from serving.privacy.forget import Forgotten


def forget(
    customer: Annotated[str, typer.Argument(help="The customer's id, as the source names them.")],
    as_json: Json = False,
) -> None:
    """Erase a customer from every store for good, and prove it. Nobody can take this back."""
    from cli.output import open_here, working
    from contracts.time import read_clock
    from serving.privacy.forget import forget as erase

    workspace = open_here()
    with working("Erasing"):
        found = erase(workspace, customer, read_clock())
    show(found.to_dict(), as_json, _tell(found))
    if not found.is_complete:
        raise typer.Exit(1)


def _tell(found: "Forgotten") -> list[str]:
    facts, scores = sum(found.facts.values()), sum(found.scores.values())
    copies = sum(found.copies.values())
    taken = (
        f"Gone: {facts:,} facts, {scores:,} scores, {found.ledger_rows:,} rows of the ledger and the key to "
        f"them, {found.work_rows:,} outcomes, {copies:,} rows of files in the workspace's folder."
    )
    if found.job_files:
        taken += f" All {found.job_files:,} lists and results of bulk jobs went too: send those jobs again."
    searched = f"Looked through {found.search.files:,} files, {found.search.bytes:,} bytes: "
    if found.is_complete:
        kept = "A keyed mark stays, so that no later load brings this customer back."
        return [taken, f"{searched}0 hits.", kept, "Next: fedele train, so that the model forgets as well."]
    left = (
        f"this customer is still named in {len(found.search.hits)} files that are not ours to change: "
        f"{', '.join(found.search.hits)}. Remove or edit them, then run the same command again."
    )
    return [taken, searched + left]
