"""One file to be loaded, and the account of its rows afterwards."""

from dataclasses import dataclass, field
from pathlib import Path

from contracts.errors import IngestError
from contracts.settings import SourceSection
from contracts.workspace import Workspace
from features.ingest.reader import FileFacts
from features.store.loads import name_origin


@dataclass(frozen=True)
class LoadReport:
    """What became of the rows of a file: ``read = loaded + duplicate + quarantined``.

    ``reasons`` counts the quarantined by code, ``clamped`` those whose clock ran up to five minutes ahead,
    ``ignored``
    names the columns no table knows. ``backfilled``: rows count as recorded when they occurred.
    """

    table: str
    file: str
    source: str
    load: str
    read: int
    loaded: int
    duplicate: int
    quarantined: int
    reasons: dict[str, int] = field(default_factory=dict)
    clamped: int = 0
    ignored: tuple[str, ...] = ()
    backfilled: bool = False

    def __post_init__(self) -> None:
        if self.read != self.loaded + self.duplicate + self.quarantined:
            raise IngestError(
                f"{self.file}: {self.read} rows read, but {self.loaded} loaded, {self.duplicate} "
                "duplicate and "
                f"{self.quarantined} quarantined do not add up; nothing was written. Please report it."
            )


@dataclass(frozen=True)
class Job:
    """One file to be loaded, and everything that decides how."""

    workspace: Workspace
    table: str
    file: Path
    options: SourceSection
    source: str
    facts: FileFacts

    @property
    def folder(self) -> Path:
        """The Delta table of the facts."""
        return self.workspace.events / self.table

    @property
    def origin(self) -> str:
        """Equal for a repetition under the same options and settings."""
        settings = self.workspace.settings
        rates = [rate.model_dump() for rate in settings.rates]
        rules = [
            settings.workspace.currency,
            settings.workspace.timezone,
            settings.history.refund_match,
            rates,
        ]
        return name_origin(self.facts.digest, self.table, self.source, self.options.model_dump(), rules)

    @property
    def listing(self) -> str:
        """The name of the file's list of quarantined rows."""
        return name_origin(self.facts.digest, self.table, self.source)
