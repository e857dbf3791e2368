"""One customer's page: the record in parts, and the way to the neighbours in the list."""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.scores import Language
from serving.api.answers import find_scores
from serving.api.bodies import is_customer_id
from serving.desk.charts import Bar, Column, Span, place_bars, place_columns, place_span
from serving.desk.listing import Record
from serving.desk.state import MOST_PAGES, PAGE_ROWS, ListState
from serving.store.generations import ScoreStore
from serving.store.rows import GenerationInfo, StoredScore


@dataclass(frozen=True)
class Neighbours:
    """The place in the list a customer was opened from; ``previous`` and ``next`` are links or empty."""

    rank: int
    previous: str
    next: str


@dataclass(frozen=True)
class CustomerView:
    """A scored customer: reasons with their bars, by direction, and the marks of the charts."""

    record: Record
    raises: Sequence[tuple[Record, Bar]]
    lowers: Sequence[tuple[Record, Bar]]
    columns: Sequence[Column]
    span: Span


def build_customer(record: Record) -> CustomerView:
    """Return what the page shows of a record."""
    reasons = list(zip(record["reasons"], place_bars(record["reasons"]), strict=True))
    return CustomerView(
        record=record,
        raises=[pair for pair in reasons if pair[0]["direction"] == "raises"],
        lowers=[pair for pair in reasons if pair[0]["direction"] == "lowers"],
        columns=place_columns(record["curve"]),
        span=place_span(record["clv"]),
    )


def find_customer(
    store: ScoreStore, customer_id: str, language: Language, info: GenerationInfo
) -> StoredScore | None:
    """Return what is stored of a customer; None for who is not known, or for what is no id."""
    if not is_customer_id(customer_id):
        return None
    return find_scores(store, [customer_id], language, info).get(customer_id)


def find_neighbours(
    store: ScoreStore, state: ListState, info: GenerationInfo, customer_id: str
) -> Neighbours | None:
    """Return who stands before and after a customer on the page ``state`` names; None if not on it."""
    rows = store.page(state.selection, state.language, PAGE_ROWS + 1, state.after, info)
    ids = [row.customer_id for row in rows[:PAGE_ROWS]]
    if customer_id not in ids:
        return None
    place = ids.index(customer_id)
    onward, following = state, rows[place + 1].customer_id if place + 1 < len(rows) else ""
    if place + 1 == PAGE_ROWS:
        onward = state.moved((*state.trail, rows[place].position), info.generation)
        following = following if len(onward.trail) < MOST_PAGES else ""
    if place:
        before = state.customer_address(ids[place - 1])
    else:
        before = _find_last_of_page_before(store, state, info)
    after = onward.customer_address(following) if following else ""
    return Neighbours(state.rows_before + place + 1, before, after)


def _find_last_of_page_before(store: ScoreStore, state: ListState, info: GenerationInfo) -> str:
    if not state.trail:
        return ""
    back = state.previous()
    rows = store.page(back.selection, back.language, PAGE_ROWS, back.after, info)
    return back.customer_address(rows[-1].customer_id) if rows else ""
