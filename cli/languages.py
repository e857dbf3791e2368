"""The language of a page: the one asked for, else the workspace's."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from contracts.scores import Language


def choose_language(given: str | None, otherwise: "Language") -> "Language":
    """Return the language called ``given``, or ``otherwise``; bad usage where it is not spoken."""
    from contracts.scores import LANGUAGES

    if given is None:
        return otherwise
    for language in LANGUAGES:
        if given == language:
            return language
    raise typer.BadParameter(f"{given!r} is none of {', '.join(LANGUAGES)}.", param_hint="--lang")
