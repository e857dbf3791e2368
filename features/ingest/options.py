"""What ``ingest`` was told about a source, kept in ``fedele.toml`` so that it need be said once."""

from typing import Any

import tomlkit
from pydantic import ValidationError
from tomlkit.items import Table

from contracts.atomic import replace_file
from contracts.errors import SettingsError
from contracts.settings import FILE_NAME, SourceSection
from contracts.workspace import Workspace

_FLAGS = {"recorded_at": "--recorded-at"}


def combine_options(workspace: Workspace, source: str, given: dict[str, Any]) -> SourceSection:
    """Return what was kept for ``source``, with the options ``given`` now (None: not given) over it.

    Raises:
        SettingsError: an option has an impossible value.
    """
    kept = workspace.settings.sources.get(source, SourceSection())
    told = {name: value for name, value in given.items() if value}
    if "map" in told:
        told["map"] = kept.map | told["map"]
    try:
        return SourceSection(**(kept.model_dump() | told))
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        flag = _FLAGS.get(name, f"--{name}")
        raise SettingsError(
            f"{flag} {given.get(name)!r} is not possible: see `fedele ingest --help`."
        ) from error


def parse_map(pairs: list[str]) -> dict[str, str]:
    """Return {theirs: ours} from texts like ``theirs=ours``.

    Raises:
        SettingsError: a text has no ``=`` or an empty side.

    Examples:
        >>> parse_map(["InvoiceNo=order_id"])
        {'InvoiceNo': 'order_id'}
    """
    halves = {pair: pair.rpartition("=") for pair in pairs}
    wrong = [pair for pair, (theirs, _, ours) in halves.items() if not theirs.strip() or not ours.strip()]
    if wrong:
        raise SettingsError(
            f"--map {wrong[0]!r} is no pair: write theirs=ours, for example --map InvoiceNo=order_id."
        )
    return {theirs: ours for theirs, _, ours in halves.values()}


def save_options(workspace: Workspace, source: str, options: SourceSection) -> bool:
    """Write the options of ``source`` into ``fedele.toml``, the rest untouched; True when they changed."""
    if workspace.settings.sources.get(source, SourceSection()) == options:
        return False
    file = workspace.root / FILE_NAME
    document = tomlkit.parse(file.read_text(encoding="utf-8"))
    sources = document.setdefault("sources", tomlkit.table(is_super_table=True))
    sources[source] = _section(options)
    replace_file(file, tomlkit.dumps(document).encode())
    return True


def _section(options: SourceSection) -> Table:
    section = tomlkit.table()
    for name, value in options.model_dump(exclude_defaults=True).items():
        if isinstance(value, dict):
            pairs = tomlkit.inline_table()
            pairs.update(value)
            section[name] = pairs
        else:
            section[name] = value
    return section
