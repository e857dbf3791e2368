"""The list: one page of customers in order, and what stands around it."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from contracts.scores import KINDS, Kind
from serving.desk.figures import Figures, Totals
from serving.desk.notices import AMBER, PLAIN
from serving.desk.state import MOST_PAGES, PAGE_ROWS, ListState
from serving.store.generations import ScoreStore
from serving.store.rows import GenerationInfo, Selection, StoredScore

RHYTHM = "rhythm"
FLAGS_OF_ALL = ("stale", *AMBER, *PLAIN)
Record = Mapping[str, Any]


@dataclass(frozen=True)
class ListRow:
    """One customer in the list.

    ``main`` is the reason told first, ``rhythm`` the one on the buying rhythm where that is not the main one,
    ``others`` the rest. ``remarks`` are the flags that tell this customer from others: what holds for all of
    the page is said once above the list, ``thin_history`` by the segment.
    """

    rank: int
    record: Record
    address: str
    main: Record | None
    others: Sequence[Record]
    rhythm: Record | None
    remarks: Sequence[str]


@dataclass(frozen=True)
class ListView:
    """A page of the list.

    ``total`` counts this list, ``in_play`` all in play, ``kinds`` this list by kind where it holds both
    kinds of customers (else empty), ``hidden`` who is left out, by reason; ``next`` and ``previous`` are
    links or empty.
    """

    rows: Sequence[ListRow]
    total: int
    in_play: int
    kinds: Mapping[Kind, int]
    totals: Totals
    hidden: Mapping[str, int]
    next: str
    previous: str
    is_cut: bool

    @property
    def flags(self) -> set[str]:
        """Flags that every customer of the page carries."""
        return set.intersection(*(set(row.record["flags"]) for row in self.rows)) if self.rows else set()

    @property
    def first(self) -> int:
        """Rank of the first row; 0 when there is none."""
        return self.rows[0].rank if self.rows else 0

    @property
    def last(self) -> int:
        """Rank of the last row; 0 when there is none."""
        return self.rows[-1].rank if self.rows else 0


def build_view(store: ScoreStore, state: ListState, info: GenerationInfo, figures: Figures) -> ListView:
    """Return the page of the list that ``state`` names, from one generation."""
    found = store.page(state.selection, state.language, PAGE_ROWS + 1, state.after, info)
    shown = found[:PAGE_ROWS]
    goes_on = len(found) > PAGE_ROWS
    is_cut = goes_on and len(state.trail) + 1 >= MOST_PAGES
    onward = (
        state.moved((*state.trail, shown[-1].position), info.generation) if goes_on and not is_cut else None
    )
    in_play = figures.count(store, Selection(), info)
    records = [read_record(row, state) for row in shown]
    common = set.intersection(*(set(record["flags"]) for record in records)) if records else set()
    is_lapsed = state.segment == "lapsed"
    hidden = {"lapsed": info.scored - in_play, **info.not_scored} if not is_lapsed else dict(info.not_scored)
    return ListView(
        rows=[
            build_row(record, state, state.rows_before + place, common)
            for place, record in enumerate(records, start=1)
        ],
        total=figures.count(store, state.selection, info),
        in_play=in_play,
        kinds=find_mix(store, state, info, figures),
        totals=figures.totals(store, state.selection, info, state.contacts),
        hidden={reason: count for reason, count in hidden.items() if count},
        next=onward.address() if onward else "",
        previous=state.previous().address() if state.trail else "",
        is_cut=is_cut,
    )


def find_mix(store: ScoreStore, state: ListState, info: GenerationInfo, figures: Figures) -> dict[Kind, int]:
    """Return how many customers of each kind the list holds; empty unless it holds both."""
    if state.kind is not None or len(info.kinds) < len(KINDS):
        return {}
    counts = {kind: figures.count(store, replace(state.selection, kind=kind), info) for kind in KINDS}
    return counts if all(counts.values()) else {}


def build_row(record: Record, state: ListState, rank: int, common: Collection[str] = ()) -> ListRow:
    """Return one row from its record; flags that are ``common`` to the page are no remark of it."""
    main, others = split_reasons(record["reasons"])
    rhythm = next((each for each in others if each["family"] == RHYTHM), None)
    others = [each for each in others if each is not rhythm]
    said = {*common} & {*FLAGS_OF_ALL} | {"stale", "thin_history"}
    remarks = [flag for flag in record["flags"] if flag not in said]
    address = state.customer_address(record["customer_id"])
    return ListRow(rank, record, address, main, others, rhythm, remarks)


def read_record(row: StoredScore, state: ListState) -> Record:
    """Return the stored record of a scored customer in the language of the page."""
    record: Record = json.loads(row.record(state.language) or b"{}")
    return record


def split_reasons(reasons: Sequence[Record]) -> tuple[Record | None, list[Record]]:
    """Return the reason told first (the strongest that raises the estimate, if any) and the others.

    Examples:
        >>> lowers, raises = {"direction": "lowers"}, {"direction": "raises"}
        >>> split_reasons([lowers, raises])[0] is raises, split_reasons([])[0]
        (True, None)
    """
    main = next((each for each in reasons if each["direction"] == "raises"), next(iter(reasons), None))
    return main, [each for each in reasons if each is not main]
