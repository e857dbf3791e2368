"""The whole list as CSV, as Excel of each language opens it; no cell can act as a formula."""

import csv
from collections.abc import Iterator
from io import StringIO
from time import perf_counter
from typing import Any

from contracts.numbers import whole
from contracts.scores import Language
from contracts.words import Words
from serving.desk.listing import Record, read_record, split_reasons
from serving.desk.state import ListState
from serving.desk.words import load_words
from serving.store.generations import ScoreStore
from serving.store.rows import GenerationInfo

ROWS_AT_ONCE = 1_000
MOST_SECONDS = 11.0
DELIMITERS: dict[Language, str] = {"en": ",", "it": ";"}
MARKS: dict[Language, str] = {"en": "", "it": "\ufeff"}
"""Italian Excel takes a file for UTF-8 only with a byte order mark."""
COLUMNS = (
    *(
        "rank",
        "customer",
        "kind",
        "segment",
        "risk",
        "chance",
        "low",
        "high",
        "contact_value",
        "value_at_risk",
    ),
    *("clv", "clv_p10", "clv_p90", "orders", "alive", "historic", "currency", "reason", "reasons", "flags"),
    *("as_of", "horizon", "model", "generation"),
)
_ACTS = tuple("=+-@\t\r\n＝＋－＠")


def write_list(
    store: ScoreStore, state: ListState, info: GenerationInfo, seconds: float = MOST_SECONDS
) -> Iterator[str]:
    """Yield the list that ``state`` names, from its first row to its last, in pieces of CSV text.

    The service cuts long answers off; after ``seconds`` a last row says that the file ends early, so that
    nobody takes a part for the whole.
    """
    began = perf_counter()
    t = load_words(state.language)
    yield MARKS[state.language] + _write([[t(f"csv.{column}") for column in COLUMNS]], state.language)
    after, rank = None, 0
    while rows := store.page(state.selection, state.language, ROWS_AT_ONCE, after, info):
        cells = [
            build_cells(read_record(row, state), rank + place, t) for place, row in enumerate(rows, start=1)
        ]
        yield _write(cells, state.language)
        rank, after = rank + len(rows), rows[-1].position
        if len(rows) == ROWS_AT_ONCE and perf_counter() - began > seconds:
            yield _write([[t("csv.cut", n=whole(rank, t.language))]], state.language)
            return


def build_cells(record: Record, rank: int, t: Words) -> list[str]:
    """Return the cells of one customer, in the order of ``COLUMNS``: numbers as numbers, texts made inert."""
    main, others = split_reasons(record["reasons"])
    spread, clv = record["churn_range"], record["clv"]
    numbers = {
        "rank": (rank, 0),
        "chance": (_hundred(record["churn_probability"]), 1),
        "low": (_hundred(spread["low"]), 1),
        "high": (_hundred(spread["high"]), 1),
        "contact_value": (record["contact_value"], 2),
        "value_at_risk": (record["value_at_risk"], 2),
        "clv": (clv["mean"], 2),
        "clv_p10": (clv["p10"], 2),
        "clv_p90": (clv["p90"], 2),
        "orders": (record["expected_purchases"], 2),
        "alive": (_hundred(record["p_alive"]), 1),
        "historic": (record["historic_value"], 2),
        "horizon": (record["horizon_days"], 0),
    }
    texts: dict[str, Any] = {
        "customer": record["customer_id"],
        "kind": t.find(f"kinds.{record['kind']}", record["kind"]),
        "segment": t.find(f"segments.{record['segment']}", record["segment"]),
        "risk": t.find(f"bands.{record['risk_band']}", record["risk_band"]),
        "currency": record["currency"],
        "reason": main["text"] if main else "",
        "reasons": " | ".join(each["text"] for each in others),
        "flags": " | ".join(t.find(f"flags.{flag}", flag) for flag in record["flags"]),
        "as_of": record["as_of"],
        "model": record["model_version"],
        "generation": record["generation"],
    }
    return [
        write_number(*numbers[name], t.language) if name in numbers else make_inert(texts[name])
        for name in COLUMNS
    ]


def make_inert(text: str) -> str:
    """Return text that no spreadsheet takes for a formula.

    Examples:
        >>> make_inert("=1+1"), make_inert("C-1")
        ("'=1+1", 'C-1')
    """
    return f"'{text}" if text.startswith(_ACTS) else text


def write_number(value: float | None, digits: int, language: Language) -> str:
    """Return a number a spreadsheet of that language reads as one; empty when it is missing.

    Examples:
        >>> write_number(-1234.5, 2, "it"), write_number(-1234.5, 2, "en"), write_number(None, 2, "en")
        ('-1234,50', '-1234.50', '')
    """
    if value is None:
        return ""
    text = f"{value:.{digits}f}"
    return text.replace(".", ",") if language == "it" else text


def _hundred(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _write(rows: list[list[str]], language: Language) -> str:
    buffer = StringIO()
    csv.writer(buffer, delimiter=DELIMITERS[language], quoting=csv.QUOTE_ALL).writerows(rows)
    return buffer.getvalue()
