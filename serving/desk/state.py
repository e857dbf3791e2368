"""Where a person stands in the list: order, filters, page and language, all of it in the address."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast, get_args
from urllib.parse import quote, urlencode

from contracts.scores import KINDS, SEGMENTS, Band, Kind, Language, Segment
from serving.store.rows import Selection, Sort

PAGE_ROWS = 50
MOST_PAGES = 200
MOST_CONTACTS = 5_000
USUAL_CONTACTS = 50
SORTS: tuple[Sort, ...] = get_args(Sort)
BANDS: tuple[Band, ...] = ("high", "medium", "low")
_TRAIL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_WHOLE = re.compile(r"[0-9]{1,7}")


@dataclass(frozen=True)
class ListState:
    """A place in the list.

    ``trail`` holds the store's position of the last row of each page before this one, so that a link leads
    back as well as on and no page shifts; ``generation`` is the one those positions belong to.
    ``contacts_text`` is what was typed where it is no number that can be used.
    """

    language: Language
    sort: Sort = "contact_value"
    band: Band | None = None
    segment: Segment | None = None
    kind: Kind | None = None
    contacts: int = USUAL_CONTACTS
    contacts_text: str | None = None
    trail: tuple[int, ...] = ()
    generation: str | None = None

    @property
    def selection(self) -> Selection:
        """What the store is asked for."""
        return Selection(self.sort, self.segment, self.band, self.kind)

    @property
    def after(self) -> int | None:
        """Position of the last row before this page; None on the first page."""
        return self.trail[-1] if self.trail else None

    @property
    def rows_before(self) -> int:
        """How many rows come before this page."""
        return PAGE_ROWS * len(self.trail)

    @property
    def is_filtered(self) -> bool:
        """Whether anything narrows the list."""
        return (self.band, self.segment, self.kind) != (None, None, None)

    def at_start(self, **changes: Any) -> "ListState":
        """Return the state on its first page, of the newest generation, with some parts changed."""
        return replace(self, trail=(), generation=None, **changes)

    def moved(self, trail: tuple[int, ...], generation: str) -> "ListState":
        """Return the state on another page of a generation."""
        return replace(self, trail=trail, generation=generation)

    def previous(self) -> "ListState":
        """Return the state one page back."""
        return replace(self, trail=self.trail[:-1])

    def parameters(self) -> dict[str, str]:
        """Return the state as query parameters, what is usual left out."""
        values: dict[str, str | None] = {
            "lang": self.language,
            "sort": None if self.sort == "contact_value" else self.sort,
            "band": self.band,
            "segment": self.segment,
            "kind": self.kind,
            "contact": None if self.contacts == USUAL_CONTACTS else str(self.contacts),
            "after": ".".join(map(str, self.trail)) or None,
            "generation": self.generation,
        }
        return {name: value for name, value in values.items() if value is not None}

    def address(self, path: str = "/desk") -> str:
        """Return a link to ``path`` in this state.

        Examples:
            >>> ListState("it", band="high").address()
            '/desk?lang=it&band=high'
        """
        return f"{path}?{urlencode(self.parameters())}"

    def customer_address(self, customer_id: str) -> str:
        """Return a link to a customer's page that remembers this place in the list."""
        path, more = customer_path(customer_id)
        return f"{path}?{urlencode(more | self.parameters())}"


def customer_path(customer_id: str) -> tuple[str, dict[str, str]]:
    """Return the path of a customer's page, and the parameters it needs.

    Browsers rewrite ``.`` and ``..`` in a path however they are spelt, so such ids travel as a parameter.

    Examples:
        >>> customer_path("C 1/2")
        ('/desk/customers/C%201%2F2', {})
        >>> customer_path("..")
        ('/desk/customers', {'id': '..'})
    """
    if {".", ".."} & set(re.split(r"[/\\]", customer_id)):
        return "/desk/customers", {"id": customer_id}
    return f"/desk/customers/{quote(customer_id, safe='')}", {}


def read_state(query: Mapping[str, str], language: Language) -> ListState:
    """Return the state in query parameters; what is unknown counts as absent, so that old links still open.

    Examples:
        >>> read_state({"sort": "value_at_risk", "band": "huge", "contact": "20"}, "en").parameters()
        {'lang': 'en', 'sort': 'value_at_risk', 'contact': '20'}
    """
    contacts, typed = _read_contacts(query.get("contact"))
    generation = query.get("generation", "")
    trail = query.get("after", "")
    known = bool(_NAME.fullmatch(generation))
    pages = tuple(map(int, trail.split("."))) if known and _TRAIL.fullmatch(trail) else ()
    return ListState(
        language=language,
        sort=cast(Sort, query["sort"]) if query.get("sort") in SORTS else "contact_value",
        band=cast(Band, query["band"]) if query.get("band") in BANDS else None,
        segment=cast(Segment, query["segment"]) if query.get("segment") in SEGMENTS else None,
        kind=cast(Kind, query["kind"]) if query.get("kind") in KINDS else None,
        contacts=contacts,
        contacts_text=typed,
        trail=pages[:MOST_PAGES],
        generation=generation if known else None,
    )


def _read_contacts(text: str | None) -> tuple[int, str | None]:
    if text is None:
        return USUAL_CONTACTS, None
    number = int(text) if _WHOLE.fullmatch(text.strip()) else 0
    return (number, None) if 1 <= number <= MOST_CONTACTS else (USUAL_CONTACTS, text)
