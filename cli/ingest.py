"""``fedele ingest``: files into a table of facts."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Json, open_here, show, working

if TYPE_CHECKING:
    from contracts.workspace import Workspace
    from features.ingest.job import LoadReport


def ingest(
    table: Annotated[
        str, typer.Argument(help="customers, orders, subscriptions, interactions, tickets, ...")
    ] = "",
    files: Annotated[list[Path] | None, typer.Argument(help="CSV or Parquet files.")] = None,
    source: Annotated[
        str, typer.Option(help="The system the files come from; keys are unique within it.")
    ] = "files",
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="theirs=ours: which column is which.")
    ] = None,
    lines: Annotated[
        bool, typer.Option("--lines", help="Rows are order lines: sum them by order_id.")
    ] = False,
    delimiter: Annotated[str | None, typer.Option(help="Sign between fields, for example ';'.")] = None,
    decimal: Annotated[str | None, typer.Option(help="Decimal sign of numbers: . or ,")] = None,
    encoding: Annotated[str | None, typer.Option(help="For example cp1252; default UTF-8.")] = None,
    dates: Annotated[
        str | None, typer.Option(help="Format of dates, for example %d/%m/%Y; default 2026-01-31.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Zone of times without one, for example Europe/Rome.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="Currency of rows that name none.")] = None,
    recorded_at: Annotated[str | None, typer.Option(help="Column that says when a row was recorded.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show how the file would be read; write nothing.")
    ] = False,
    template: Annotated[str | None, typer.Option(help="Print an example CSV for this table.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show what was loaded.")] = False,
    undo: Annotated[str | None, typer.Option(help="Take back the load of this name (see --list).")] = None,
    as_json: Json = False,
) -> None:
    """Load CSV or Parquet files into a table; bad rows go to quarantine with line, column and reason."""
    if template is not None:
        _print_template(template)
        return
    workspace = open_here()
    if list_:
        _show_loads(workspace, as_json)
    elif undo is not None:
        _undo(workspace, undo, as_json)
    elif not table or not files:
        raise typer.BadParameter("Name a table and at least one file: fedele ingest orders FILE.csv")
    else:
        from features.ingest.options import combine_options, parse_map

        given = {"map": parse_map(map_ or []), "lines": lines, "delimiter": delimiter, "decimal": decimal}
        given |= {"encoding": encoding, "dates": dates, "timezone": timezone, "currency": currency}
        options = combine_options(workspace, source, given | {"recorded_at": recorded_at})
        step = _preview if dry_run else _load
        step(workspace, table, files, options, source, as_json)


def _load(*job: Any) -> None:
    from contracts.time import read_clock
    from features.ingest.load import ingest_files
    from features.ingest.options import save_options
    from serving.privacy.objections import heed_objections

    workspace, table, files, options, source, as_json = job
    started = time.perf_counter()
    with working(f"Reading {len(files)} file{'s' if len(files) > 1 else ''} into {table}"):
        reports = ingest_files(workspace, table, files, options, source=source, now=read_clock())
    withdrawn = heed_objections(workspace, read_clock()) if table == "customers" else 0
    kept = save_options(workspace, source, options)
    seconds = round(time.perf_counter() - started, 3)
    names = ("read", "loaded", "duplicate", "quarantined")
    total = {name: sum(getattr(report, name) for report in reports) for name in names}
    loads = [{"load": each.load, "file": each.file, "reasons": each.reasons} for each in reports]
    told = [line for report in reports for line in _account(report)]
    if withdrawn:
        told.append(f"{withdrawn:,} customers object to profiling: their scores were withdrawn at once.")
    if kept:
        told.append(f"These options are kept in fedele.toml under [sources.{source}].")
    show({"table": table, **total, "seconds": seconds, "source": source, "loads": loads}, as_json, told)


def _account(report: "LoadReport") -> list[str]:
    from features.ingest.reasons import explain_reason

    counts = f"{report.loaded:,} loaded + {report.duplicate:,} duplicate + {report.quarantined:,} quarantined"
    told = [f"{report.file}: {report.read:,} rows read = {counts} (load {report.load})"]
    told += [
        f"  {count:,} x {code}: {explain_reason(code, 'the field')}" for code, count in report.reasons.items()
    ]
    if report.quarantined:
        told.append("  `fedele ingest --list --json` names each quarantined line.")
    if report.clamped:
        told.append(f"  {report.clamped:,} rows up to five minutes ahead of the clock were set to now.")
    if report.ignored:
        told.append(f"  Ignored columns: {', '.join(report.ignored)}.")
    return told


def _preview(*job: Any) -> None:
    from contracts.time import read_clock, to_text
    from features.ingest.preview import preview_file

    workspace, table, files, options, source, as_json = job
    seen = preview_file(workspace, table, files[0], options, source=source, now=read_clock())
    rows = [
        {
            name: to_text(value) if hasattr(value, "isoformat") else str(value)
            for name, value in row.items()
            if value is not None
        }
        for row in seen.rows
    ]
    told = [f"Nothing was written. Of {seen.sampled} rows looked at, the first good ones would be stored as:"]
    told += [f"  {', '.join(f'{name}={value}' for name, value in row.items())}" for row in rows]
    told += [f"  {count} quarantined: {reason}" for reason, count in seen.reasons.items()]
    told += [*seen.doubts, "To load it so, paste:", f"  {seen.command}"]
    result = {"table": table, "rows": rows, "sampled": seen.sampled, "reasons": seen.reasons}
    show({**result, "doubts": list(seen.doubts), "command": seen.command}, as_json, told)


def _print_template(table: str) -> None:
    from features.ingest.template import render_template

    print(render_template(table), end="")


def _show_loads(workspace: "Workspace", as_json: bool) -> None:
    from dataclasses import asdict

    from contracts.time import to_text
    from features.store.loads import read_loads
    from features.store.quarantine import read_listing

    loads = [asdict(load) | {"loaded_at": to_text(load.loaded_at)} for load in read_loads(workspace.events)]
    listed = read_listing(workspace.events) if as_json else []
    told = [
        f"{load['load']}  {load['loaded_at']}  {load['kind']}  {load['table']}  {load['source']}  "
        f"{load['file']}  "
        f"loaded {load['loaded']:,}, duplicate {load['duplicate']:,}, quarantined {load['quarantined']:,}"
        for load in loads
    ]
    show({"loads": loads, "quarantine": listed}, as_json, told or ["Nothing was loaded yet."])


def _undo(workspace: "Workspace", load: str, as_json: bool) -> None:
    from dataclasses import asdict

    from contracts.time import read_clock
    from features.ingest.undo import undo_load
    from serving.privacy.objections import heed_objections

    report = undo_load(workspace, load, read_clock())
    if report.table == "customers":
        heed_objections(workspace, read_clock())
    told = [f"Took back {report.removed:,} rows of {report.file} from {report.table}."]
    if report.restored:
        told.append(f"{report.restored:,} rows have their earlier version again.")
    if report.replaced:
        told.append(f"{report.replaced:,} rows had been replaced by later loads and stay as they are.")
    show(asdict(report), as_json, told)
