"""Feedback with what was read from its texts beside it.

A reading follows from the text alone. Its sentiment may be improved by a head that the company's own scored
answers taught: at each cutoff one that knows the answers before that cutoff, and no other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from contracts.voice import READING, UNDETERMINED
from features.engine import KEY, Events, Table, absent, first_present, read_frame

AS_OF, TEXT, LANGUAGE, SENTIMENT = KEY[0], "text", "language", "sentiment"
TOLD = (AS_OF, TEXT, "kind", "score", "scale_min", "scale_max")
DECIMALS = 4
"""Few enough that means of several sentiments do not end half way between two numbers of nine decimals."""

Array: TypeAlias = npt.NDArray[np.float64]


class Head(Protocol):
    """What the company's own answers taught of its customers' way to speak."""

    def sentiment(self, vectors: npt.NDArray[np.float32], base: Array) -> Array:
        """Return the sentiment, -1 to 1, (n,), of texts by unit rows (n, d) and prototype sentiments."""
        ...


Teach: TypeAlias = Callable[[pd.DataFrame], Mapping[pd.Timestamp, Head]]
"""From the texts known at each cutoff (columns ``TOLD``) to the head of each cutoff that has one."""


@dataclass(frozen=True, eq=False)
class Heard:
    """The distinct texts of a company by their place in ``vectors`` (n, d) and in ``base``, their sentiments.

    ``embedder`` is the name of what made the vectors: heads taught on those of another do not fit.
    """

    places: Mapping[str, int]
    vectors: npt.NDArray[np.float32]
    base: Array
    embedder: str

    def read_again(self, told: pd.DataFrame, heads: Mapping[pd.Timestamp, Head]) -> pd.DataFrame:
        """Return as_of, text and the sentiment by the head of that cutoff, where it has one."""
        parts = [told.iloc[:0][[AS_OF, TEXT]].assign(taught=np.zeros(0))]
        for as_of, head in heads.items():
            texts = told.loc[told[AS_OF] == as_of, TEXT].drop_duplicates()
            at = np.array([self.places[text] for text in texts], dtype=np.int64)
            taught = np.round(head.sentiment(self.vectors[at], self.base[at]), DECIMALS)
            parts.append(pd.DataFrame({AS_OF: as_of, TEXT: texts, "taught": taught}))
        return pd.concat(parts, ignore_index=True)


def read_feedback(feedback: Table, events: Events) -> Table:
    """Return feedback with the columns of ``READING``, missing where a row has no text or it was not read.

    The row's own ``language`` stands; where it has none, that of the reading unless it is undetermined.
    """
    read = join_readings(feedback, events.readings)
    if events.heard is None or events.teach is None:
        return read
    told = read_frame(read.filter(read[SENTIMENT].notnull()).select(*TOLD)).to_pandas()
    told = told.sort_values(list(TOLD), ignore_index=True)
    taught = events.heard.read_again(told, events.teach(told))
    if taught.empty:
        return read
    table = events.table_from(taught, {AS_OF: "instant", TEXT: "string", "taught": "number"})
    joined = read.left_join(table, [AS_OF, TEXT]).drop(f"{AS_OF}_right", f"{TEXT}_right")
    return joined.mutate(sentiment=first_present(joined.taught, joined[SENTIMENT])).drop("taught")


def read_all(events: Events, as_of: datetime) -> pd.DataFrame | None:
    """Return every text of feedback by customer (customer_id, text and ``READING``), as read at ``as_of``.

    None where nothing has been read. Sorted by customer and text.
    """
    if events.readings is None:
        return None
    feedback = events.tables["feedback"]
    spoken = feedback.filter(feedback.text.notnull()).select(KEY[1], TEXT).distinct()
    joined = spoken.inner_join(events.readings, TEXT)
    rows: pd.DataFrame = read_frame(joined.order_by([KEY[1], TEXT])).to_pandas()
    if events.heard is None or events.teach is None or rows.empty:
        return rows
    told = rows[[TEXT]].drop_duplicates().assign(**{AS_OF: pd.Timestamp(as_of).tz_convert(None)})
    taught = events.heard.read_again(told, events.teach(told)).set_index(TEXT)["taught"]
    return rows.assign(**{SENTIMENT: rows[TEXT].map(taught).fillna(rows[SENTIMENT])})


def join_readings(feedback: Table, readings: Table | None) -> Table:
    """Return feedback with the readings of its texts, as they are without any teaching."""
    heard = [spoken for spoken in READING if spoken.name != LANGUAGE]
    if readings is None:
        return feedback.mutate(**{spoken.name: absent(spoken.kind) for spoken in heard})
    read = readings.rename(read_language=LANGUAGE)
    joined = feedback.left_join(read, TEXT).drop(f"{TEXT}_right")
    language = first_present(joined[LANGUAGE], joined.read_language.nullif(UNDETERMINED))
    return joined.mutate(language=language).drop("read_language")
