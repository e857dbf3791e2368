"""``fedele bento``: the service and the champion in one file that BentoML runs anywhere."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import Json, open_here, show, working


def bento(
    file: Annotated[Path, typer.Argument(help="File to write, such as fedele.bento; it must not exist.")],
    as_json: Json = False,
) -> None:
    """Build a Bento that holds the champion; the key of the bundles stays outside."""
    from features.store.lock import hold_lock
    from serving.bento import build_bento

    workspace = open_here()
    with hold_lock(workspace.lock, "fedele bento"), working("Building"):
        built = build_bento(workspace, file)
    lines = [
        f"The service with model {built.version} is in {built.file}.",
        "Next: `bentoml import` it, then run it with FEDELE_SERVE__BUNDLE_KEY_FILE naming the key.",
    ]
    show({"file": str(built.file), "model_version": built.version}, as_json, lines)
