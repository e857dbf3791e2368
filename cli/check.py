"""``fedele check``: is there enough, clean enough data, and what to mend first."""

from typing import Annotated

import typer

from cli.output import Json, open_here, show


def check(
    as_of: Annotated[str | None, typer.Option(help="Date or instant to judge at; default today.")] = None,
    as_json: Json = False,
) -> None:
    """Say whether the data is enough for each model, worst first, and what to mend."""
    from contracts.time import read_clock
    from features.readiness.report import check_readiness, describe_readiness
    from training.promotion import find_alias_difference

    workspace = open_here()
    differing = find_alias_difference(workspace)
    extra = [] if differing is None else [differing]
    readiness = check_readiness(workspace, workspace.as_of(as_of, read_clock()), extra)
    show(readiness.to_dict(), as_json, describe_readiness(readiness))
