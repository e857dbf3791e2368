"""What a part of the page is made of: sentences, one chart, and tables that say the same."""

from dataclasses import dataclass

from training.page.plots import Plot


@dataclass(frozen=True)
class Row:
    """A row of a table, its header first; ``strong`` for what is served, ``apart`` for a summary below."""

    cells: tuple[str, ...]
    strong: bool = False
    apart: bool = False


@dataclass(frozen=True)
class Table:
    """A table with its caption; the first ``texts`` columns are words, the others numbers.

    ``better`` says of each column which values are better, as ``training.figures`` does; "" where none.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    texts: int = 1
    better: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bar:
    """A line of words with a bar of 0 to 100, of style ``served``, ``rule`` or ``chance``."""

    label: str
    text: str
    width: float
    style: str = "served"


@dataclass(frozen=True)
class Whisker:
    """A line of words with a point and its interval, on a rail from 0 to 100."""

    label: str
    text: str
    low: float
    point: float
    high: float


@dataclass(frozen=True)
class Part:
    """A part of the page under a heading of its own; ``name`` is its anchor.

    ``listed`` are sentences in a list, ``quoted`` sentences that training wrote, in English. ``folded`` keeps
    the tables closed until asked for, where the chart says it all. ``missing`` stands where figures do not.
    """

    name: str
    title: str
    said: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    quoted: tuple[str, ...] = ()
    plot: Plot | None = None
    bars: tuple[Bar, ...] = ()
    whiskers: tuple[Whisker, ...] = ()
    chart_title: str = ""
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    folded: bool = False
    missing: str = ""
