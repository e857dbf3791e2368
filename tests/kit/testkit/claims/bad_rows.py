"""Every bad row of the reliability page in a file: good ones are loaded, each bad one listed with reason."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.workspace import Workspace, create_workspace
from testkit.claims.figure import Figure, Scale, none_of
from testkit.commands import call_fedele
from testkit.stores import read_rows, write_lines

CLOCK = "2026-06-01T12:00:00Z"
HEADER = "order_id,customer_id,occurred_at,amount,currency,refund_of"
GOOD = (
    "g1,c1,2026-01-02,100.00,EUR,",
    "g2,c2,2026-01-03T10:00:00+01:00,0.00,EUR,",  # a free sample
    "g3,c1,2026-01-05T10:00:00Z,-40.00,EUR,g1",
    "g4,c1,2026-01-06,-60.00,EUR,",  # the rest of g1 comes back, unnamed
    "g5,c3,2026-06-01T12:04:00Z,10,eur,",  # a clock four minutes ahead
    "g6,c4,2025-12-31,7.5,EUR,",
)
TWICE = GOOD[5]
# The number is that of the reliability page's list of bad inputs.
BAD: dict[str, tuple[int, str, str]] = {
    "r1,c1,2026-01-09,-5,EUR,nowhere": (23, "refund_of", "refund_unmatched"),
    "r2,c5,2026-01-09,-5,EUR,": (23, "refund_of", "refund_unmatched"),
    "r3,c1,2026-01-01,-5,EUR,g1": (23, "refund_of", "refund_unmatched"),
    "r4,c1,2026-01-09,-900,EUR,g1": (23, "amount", "refund_exceeds"),
    "r5,c1,2026-01-09,5,EUR,g1": (23, "amount", "refund_positive"),
    "k1,c9,2026-01-02,5,EUR,": (25, "order_id", "conflict"),
    "k1,c9,2026-01-02,6,EUR,": (25, "order_id", "conflict"),
    'm1,c9,2026-01-02,"12,50",EUR,': (26, "amount", "decimal_comma"),
    'm2,c9,2026-01-02,"1.234,56",EUR,': (26, "amount", "decimal_comma"),
    "m3,c9,2026-01-02,€12,EUR,": (26, "amount", "currency_sign"),
    "m4,c9,2026-01-02,1e400,EUR,": (26, "amount", "out_of_range"),
    "m5,c9,2026-01-02,5,GBP,": (26, "currency", "currency_other"),
    "m6,c9,2026-01-02,5,JPY,": (26, "currency", "currency_other"),
    "m7,c9,2026-01-02,5,,": (26, "currency", "currency_missing"),
    "m8,c9,2026-01-02,NaN,EUR,": (26, "amount", "not_a_number"),
    "t1,c9,2026-01-02 10:00,5,EUR,": (27, "occurred_at", "no_timezone"),
    "t2,c9,2026-02-30,5,EUR,": (27, "occurred_at", "no_such_date"),
    "t3,c9,31/12/2025,5,EUR,": (27, "occurred_at", "date_format"),
    "t4,c9,1970-01-01,5,EUR,": (27, "occurred_at", "too_early"),
    "t5,c9,2999-01-01,5,EUR,": (27, "occurred_at", "in_future"),
    "t6,c9,2026-06-01T12:06:00Z,5,EUR,": (27, "occurred_at", "in_future"),
    "i1,,2026-01-02,5,EUR,": (29, "customer_id", "blank_id"),
    'i2,"",2026-01-02,5,EUR,': (29, "customer_id", "blank_id"),
    "i3,NULL,2026-01-02,5,EUR,": (29, "customer_id", "blank_id"),
    "i4,nan,2026-01-02,5,EUR,": (29, "customer_id", "blank_id"),
    "i5,None,2026-01-02,5,EUR,": (29, "customer_id", "blank_id"),
    "i6,   ,2026-01-02,5,EUR,": (29, "customer_id", "blank_id"),
}
# Naive times in Rome: the clocks skip one hour, show one twice.
CLOCK_CHANGE: dict[str, tuple[int, str, str]] = {
    "n1,c9,2026-03-29 02:30,5,EUR,": (27, "occurred_at", "time_skipped"),
    "n2,c9,2025-10-26 02:30,5,EUR,": (27, "occurred_at", "time_twice"),
}
AWAKE = ("n3,c9,2026-03-29 03:30,5,EUR,",)
LATE_HEADER = f"{HEADER},recorded_at"
LATE = ("l1,c1,2026-03-10,20,EUR,,2026-06-01", "l2,c1,2026-03-11,20,EUR,,2026-03-01")
LATE_BAD = {LATE[1]: (28, "recorded_at", "recorded_before_occurred")}


@dataclass(frozen=True)
class Loaded:
    """What the command said of one file, and what it listed of it: {line: (column, code, reason)}."""

    told: dict[str, Any]
    listed: dict[int, tuple[str, str, str]]


def measure(scale: Scale) -> list[Figure]:
    """Return how many rows were judged otherwise than the page says; the same at every scale."""
    del scale
    with tempfile.TemporaryDirectory() as folder:
        workspace = create_workspace(Path(folder) / "shop", currency="EUR")
        lines = [*GOOD[:2], *BAD, *GOOD[2:], TWICE]
        main = _load(workspace, "everything.csv", HEADER, lines)
        again = _load(workspace, "everything.csv", HEADER, lines)
        night = _load(workspace, "night.csv", HEADER, [*CLOCK_CHANGE, *AWAKE], "--timezone", "Europe/Rome")
        late = _load(workspace, "late.csv", LATE_HEADER, LATE, "--recorded-at", "recorded_at")
        keys = [row["row_key"] for row in read_rows(workspace, "orders")]
    pairs = ((main, lines, BAD), (night, [*CLOCK_CHANGE, *AWAKE], CLOCK_CHANGE), (late, list(LATE), LATE_BAD))
    inputs = {number for _, _, bad in pairs for number, _, _ in bad.values()}
    return [
        Figure("kinds of bad input of the page's list that are in the files", len(inputs), 6, "equals"),
        Figure("bad rows in the files", sum(len(bad) for _, _, bad in pairs), len(BAD) + 3, "equals"),
        none_of(
            "bad rows listed with another column or reason, or not at all", sum(map(_count_misjudged, pairs))
        ),
        none_of("good rows listed as bad", sum(len(each.listed) - len(bad) for each, _, bad in pairs)),
        none_of(
            "reasons that say nothing",
            sum(len(reason) < 15 for each, *_ in pairs for *_, reason in each.listed.values()),
        ),
        Figure("good rows stored, once each", len(keys), len(set(keys)), "equals"),
        Figure("good rows loaded", len(keys), len(GOOD) + len(AWAKE) + 1, "equals"),
        Figure("a row that is there twice counts as duplicate", main.told["duplicate"], 1, "equals"),
        none_of("rows loaded by the same file again", again.told["loaded"]),
        none_of(
            "rows missing in read = loaded + duplicate + quarantined",
            sum(map(_gap, (main, again, night, late))),
        ),
        none_of(
            "rows the file has and the command did not read",
            sum(len(rows) - each.told["read"] for each, rows, _ in pairs),
        ),
    ]


def _load(workspace: Workspace, name: str, header: str, lines: Sequence[str], *options: str) -> Loaded:
    file = write_lines(workspace.root / name, header, *lines)
    told = call_fedele(
        workspace.root,
        "ingest",
        "orders",
        str(file),
        "--source",
        name.partition(".")[0],
        *options,
        clock=CLOCK,
    )
    found = call_fedele(workspace.root, "ingest", "--list", clock=CLOCK)["quarantine"]
    return Loaded(
        told,
        {row["line"]: (row["column"], row["code"], row["reason"]) for row in found if row["file"] == name},
    )


def _count_misjudged(pair: tuple[Loaded, list[str], dict[str, tuple[int, str, str]]]) -> int:
    loaded, lines, bad = pair
    wanted = {lines.index(line) + 2: (column, code) for line, (_, column, code) in bad.items()}
    return sum(loaded.listed.get(line, ("", "", ""))[:2] != told for line, told in wanted.items())


def _gap(loaded: Loaded) -> int:
    told = loaded.told
    return abs(int(told["read"]) - int(told["loaded"]) - int(told["duplicate"]) - int(told["quarantined"]))
