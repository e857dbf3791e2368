"""Which column of a file is which column of the table; any further column of customers is an attribute."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from contracts.errors import IngestError
from contracts.events import Column, Kind, Name, Stored, TableContract
from contracts.settings import SourceSection
from features.ingest.fields import BLANKS, FALSE, TRUE, Rules, value_of
from features.ingest.fields import Field as TextField
from features.ingest.reader import RawFile, Session

_RESERVED = {str(name) for name in (*Name, *Stored)} | {"as_of", "customer_id"}
_FLAGS = tuple(word for word in (*TRUE, *FALSE) if not word.isdigit())


@dataclass(frozen=True)
class Plan:
    """How a file fills a table: positions of the contract's columns, the attributes and ``recorded_at``."""

    table: TableContract
    positions: Mapping[str, int]
    attributes: tuple[tuple[Column, int], ...]
    recorded_at: int | None
    ignored: tuple[str, ...]

    @property
    def has_key(self) -> bool:
        """Whether the file carries the table's key."""
        return self.table.key in self.positions

    @property
    def wanted(self) -> list[int]:
        """All positions to be read, in the order of the file."""
        places = {*self.positions.values(), *(place for _, place in self.attributes)}
        return sorted(places if self.recorded_at is None else places | {self.recorded_at})

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that the file fills: those of the contract in its order, then attributes by name."""
        own = tuple(column for column in self.table.columns if column.name in self.positions)
        return own + tuple(column for column, _ in self.attributes)


def plan_columns(raw: RawFile, table: TableContract, options: SourceSection) -> Plan:
    """Return the plan for a file; attributes are still of kind string.

    Raises:
        IngestError: a required column is absent, or two columns claim one name.
    """
    names = [options.map.get(name, _own_name(name, table)) for name in raw.header]
    own = (theirs for theirs, ours in zip(raw.header, names, strict=True) if ours == Name.RECORDED_AT)
    recorded = options.recorded_at or next(own, None)
    if recorded is not None and recorded not in raw.header:
        raise IngestError(f"{raw.file.name} has no column {recorded!r} for --recorded-at: {_listed(raw)}.")
    positions = {name: place for place, name in enumerate(names) if name in table.names}
    _check_unique(raw, [name for name in names if name in table.names])
    missing = [c.name for c in table.columns if c.required and c.name not in positions]
    if options.lines and table.key not in positions:
        missing.append(table.key)
    if missing:
        raise IngestError(_missing_text(raw, missing))
    taken = {*positions.values(), *([] if recorded is None else [raw.header.index(recorded)])}
    others = [(place, name) for place, name in enumerate(names) if place not in taken and raw.header[place]]
    attributes: tuple[tuple[Column, int], ...] = ()
    if table.name == "customers":
        attributes = _find_attributes(raw, others)
        others = []
    return Plan(
        table,
        positions,
        attributes,
        None if recorded is None else raw.header.index(recorded),
        tuple(raw.header[place] for place, _ in others),
    )


def type_attributes(session: Session, plan: Plan, rules: Rules, stored: Mapping[str, Kind]) -> Plan:
    """Return the plan with attributes typed as in the store, or as all their values in table ``raw`` allow.

    A flag has only words like yes and no, a number only numbers, anything else is a string; an attribute
    without any
    value is left out.
    """
    typed = []
    for column, place in plan.attributes:
        kind = stored.get(column.name) or _infer(session, f"trim(c{place})", rules)
        if kind is not None:
            typed.append((Column(column.name, kind, column.meaning, state="undated"), place))
    return Plan(
        plan.table,
        plan.positions,
        tuple(sorted(typed, key=lambda each: each[0].name)),
        plan.recorded_at,
        plan.ignored,
    )


def slug(name: str) -> str:
    """Return the attribute's name: lower case letters, digits and underscores, never a name the store uses.

    Examples:
        >>> slug("Città di nascita"), slug("tenureMonths"), slug("load")
        ('citta_di_nascita', 'tenure_months', 'load_value')
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", plain).lower()
    clean = re.sub(r"[^a-z0-9]+", "_", parted).strip("_") or "unnamed"
    clean = f"a_{clean}" if clean[0].isdigit() else clean
    return f"{clean}_value" if clean in _RESERVED else clean


def _infer(session: Session, text: str, rules: Rules) -> Kind | None:
    blanks = ", ".join(f"'{word}'" for word in BLANKS)
    words = ", ".join(f"'{word}'" for word in _FLAGS)
    probe = TextField(Column("probe", "number", "", low=None), text)
    count, flags, numbers = session.rows(
        f"SELECT count(*), count(*) FILTER (lower({text}) IN ({words})), count({value_of(probe, rules)}) "
        f"FROM raw WHERE lower({text}) NOT IN ({blanks})"
    )[0]
    if not count:
        return None
    return "flag" if flags == count else "number" if numbers == count else "string"


def _own_name(name: str, table: TableContract) -> str:
    lowered = name.strip().lower()
    return lowered if lowered in table.names else name


def _find_attributes(raw: RawFile, others: list[tuple[int, str]]) -> tuple[tuple[Column, int], ...]:
    found = [
        (Column(slug(name), "string", raw.header[place], state="undated"), place) for place, name in others
    ]
    _check_unique(raw, [column.name for column, _ in found])
    return tuple(found)


def _check_unique(raw: RawFile, names: list[str]) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise IngestError(
            f"{raw.file.name} has two columns for {', '.join(twice)}: rename one, or map it away."
        )


def _missing_text(raw: RawFile, missing: list[str]) -> str:
    hint = (
        f" or --delimiter '{raw.header[0][_foreign(raw)]}'"
        if len(raw.header) == 1 and _foreign(raw) >= 0
        else ""
    )
    example = f"--map THEIRS={missing[0]}"
    absent = f"{raw.file.name} has no column for {', '.join(missing)}"
    return f"{absent}: name it with {example}{hint} ({_listed(raw)})."


def _foreign(raw: RawFile) -> int:
    return next((place for place, sign in enumerate(raw.header[0]) if sign in ";\t|,"), -1)


def _listed(raw: RawFile) -> str:
    shown = ", ".join(name[:40] for name in raw.header[:12])
    return f"its columns: {shown}{', ...' if len(raw.header) > 12 else ''}"
