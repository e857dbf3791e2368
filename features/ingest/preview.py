"""A dry run: how a file seems to be written, three of its rows as stored, and the line to paste."""

import csv
import re
import shlex
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts.errors import IngestError
from contracts.events import TABLES
from contracts.settings import SourceSection
from contracts.workspace import Workspace
from features.ingest.history import Timing
from features.ingest.instants import read_format
from features.ingest.job import Job
from features.ingest.load import stage_file
from features.ingest.reader import open_session, read_facts
from features.ingest.reasons import explain_reason
from features.ingest.tokens import open_text

_SAMPLE_LINES = 500
_ENCODINGS = ("utf-8-sig", "cp1252")
_SYNONYMS = {
    "customer_id": "customer customerid custid clientid client userid user buyerid accountid cliente "
    "codcliente idcliente email",
    "occurred_at": "date datetime timestamp time createdat created orderdate invoicedate purchasedate "
    "data dataordine signupdate",
    "order_id": "orderid order invoiceno invoice transactionid orderno ordine numeroordine idordine",
    "amount": "total price value revenue sales orderamount ordertotal importo totale prezzo netamount",
    "currency": "currencycode valuta",
    "ended_at": "enddate canceledat cancelledat churndate",
    "monthly_fee": "monthlycharges fee mrr canone",
    "score": "rating nps voto punteggio",
    "text": "comment review body commento testo verbatim",
    "recorded_at": "updatedat modifiedat ingestedat loadedat",
}
_DATES = (
    *("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y"),
    *("%d.%m.%Y %H:%M", "%d.%m.%Y", "%d-%m-%Y %H:%M", "%d-%m-%Y", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d"),
    *("%Y%m%d", "%d/%m/%y"),
)


@dataclass(frozen=True)
class Preview:
    """What a dry run saw: the options to use, three rows, what is wrong in the sample, and the command."""

    options: SourceSection
    rows: list[dict[str, Any]]
    reasons: dict[str, int]
    sampled: int
    command: str
    doubts: tuple[str, ...]


def preview_file(
    workspace: Workspace, table: str, file: Path, given: SourceSection, *, source: str, now: datetime
) -> Preview:
    """Return how the first rows of a file would be read; nothing is written into the workspace.

    Raises:
        IngestError: the file cannot be read, or a required column cannot be found in it.
    """
    if table not in TABLES:
        raise IngestError(f"There is no table {table!r}: choose one of {', '.join(TABLES)}.")
    facts = read_facts(file)
    with tempfile.TemporaryDirectory(prefix="fedele-") as name:
        folder = Path(name)
        options, doubts, sample = given, tuple[str, ...](), file
        if not facts.is_parquet:
            options, doubts, sample = _guess(table, file, given, folder)
        elsewhere = Workspace(folder, workspace.settings)
        job = Job(elsewhere, table, sample, options, source, read_facts(sample))
        with open_session(folder, [sample, folder]) as session:
            stage_file(session, job, Timing(now.astimezone(UTC), backfill=True, seen=False), "preview")
            names = ", ".join(TABLES[table].names)
            shown = session.stream(
                f"SELECT {names}, recorded AS recorded_at FROM accepted ORDER BY line LIMIT 3"
            )
            rows = [row for batch in shown for row in batch.to_pylist()]
            counted = session.rows(
                'SELECT code, "column", count(*) FROM faults GROUP BY ALL ORDER BY 3 DESC, 1, 2'
            )
            sampled = session.value("SELECT rows FROM counted")
    reasons = {explain_reason(code, column): count for code, column, count in counted}
    return Preview(options, rows, reasons, sampled, _command(table, file, source, options), doubts)


def _guess(
    table: str, file: Path, given: SourceSection, folder: Path
) -> tuple[SourceSection, tuple[str, ...], Path]:
    encoding = given.encoding or _guess_encoding(file)
    with open_text(file, encoding) as stream:
        lines = [line for _, line in zip(range(_SAMPLE_LINES), stream, strict=False)]
    sample = folder / "sample.csv"
    sample.write_text("".join(lines), encoding="utf-8", errors="surrogateescape")
    delimiter = given.delimiter or max(",;\t|", key=lambda sign: (lines[0].count(sign), sign == ","))
    rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    header = [name.strip() for name in rows[0]]
    mapping = _guess_map(table, header) | given.map
    ours = [mapping.get(name, name.lower()) for name in header]
    cells = {name: [row[place] for row in rows[1:] if len(row) > place] for place, name in enumerate(ours)}
    dates, doubt = _guess_dates(table, cells)
    found: dict[str, Any] = {
        "delimiter": None if delimiter == "," else delimiter,
        "decimal": _guess_decimal(table, cells),
        "encoding": None if encoding == "utf-8-sig" else encoding,
        "dates": dates,
        "recorded_at": next((theirs for theirs, our in mapping.items() if our == "recorded_at"), None),
    }
    found["map"] = {theirs: our for theirs, our in mapping.items() if our != "recorded_at"}
    told = given.model_dump(exclude_defaults=True, exclude={"map"})
    options = SourceSection(**(found | told))
    return options, () if doubt is None or given.dates else (doubt,), _recoded(sample, options)


def _recoded(sample: Path, options: SourceSection) -> Path:
    if options.encoding is not None:
        text = sample.read_text(encoding="utf-8", errors="surrogateescape")
        sample.write_text(text, encoding=options.encoding, errors="surrogateescape")
    return sample


def _guess_encoding(file: Path) -> str:
    with file.open("rb") as stream:
        start = stream.read(1 << 20)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    for encoding in _ENCODINGS:
        try:
            start[: start.rfind(b"\n") + 1].decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"


def _guess_map(table: str, header: list[str]) -> dict[str, str]:
    plain = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in reversed(header)}
    present = {name.lower() for name in header}
    found: dict[str, str] = {}
    for ours in (*TABLES[table].names, "recorded_at"):
        words = [ours.replace("_", ""), *_SYNONYMS.get(ours, "").split()]
        theirs = next((plain[word] for word in words if word in plain and plain[word] not in found), None)
        if ours not in present and theirs is not None and theirs.lower() not in TABLES[table].names:
            found[theirs] = ours
    return found


def _guess_dates(table: str, cells: dict[str, list[str]]) -> tuple[str | None, str | None]:
    names = [column.name for column in TABLES[table].columns if column.kind == "instant"]
    values = [value.strip() for name in names for value in cells.get(name, []) if value.strip()]
    if not values or sum(bool(re.match(r"\d{4}-\d\d-\d\d", value)) for value in values) * 2 > len(values):
        return None, None
    fits = Counter({form: sum(map(_reads(form), values)) for form in _DATES})
    best = max(_DATES, key=lambda form: fits[form])
    if not fits[best]:
        return None, None
    other = next(
        (form for form in _DATES if form != best and fits[form] == fits[best] and "%m/%d" in form), None
    )
    doubt = f"Day or month first? The sample reads as {best} and as {other}." if other else None
    return best, doubt


def _reads(form: str) -> Any:
    def reads(value: str) -> bool:
        try:
            datetime.strptime(value, read_format(form)).replace(tzinfo=UTC)
        except ValueError:
            return False
        return True

    return reads


def _guess_decimal(table: str, cells: dict[str, list[str]]) -> str | None:
    names = [column.name for column in TABLES[table].columns if column.kind in ("money", "number")]
    values = [value.strip() for name in names for value in cells.get(name, [])]
    comma = sum(bool(re.search(r",\d{1,2}$", value)) for value in values)
    thousands = sum(bool(re.search(r",\d{3}\.\d", value)) for value in values)
    return "," if comma > thousands else "." if thousands else None


def _command(table: str, file: Path, source: str, options: SourceSection) -> str:
    words = ["fedele", "ingest", table, str(file), "--source", source]
    for name, value in options.model_dump(exclude_defaults=True).items():
        if name == "map":
            words += [word for theirs, ours in value.items() for word in ("--map", f"{theirs}={ours}")]
        elif name == "lines":
            words.append("--lines")
        elif value is not None:
            words += [f"--{name.replace('_', '-')}", value]
    return shlex.join(words)
