"""What customers said of a topic, in their own words and language, personal data masked."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from contracts.voice import UNDETERMINED
from features.text.masking import mask
from training.drivers.facts import Facts
from training.drivers.topics import CLEAR, read_texts

MOST = 2
SHORTEST, LONGEST = 12, 220
CUT = "…"


@dataclass(frozen=True)
class Quote:
    """A masked text of a topic with its language (ISO 639-1, or und); ``good`` where it is praise."""

    topic: str
    text: str
    language: str
    good: bool

    def to_dict(self) -> dict[str, str | bool]:
        """Return the quote as JSON values."""
        return {"topic": self.topic, "text": self.text, "language": self.language, "good": self.good}


def find_quotes(facts: Facts) -> tuple[Quote, ...]:
    """Return up to two complaints and two of praise per topic: the clearest, each text once.

    Texts shorter than 12 signs say too little and are left out; those above 220 are cut.
    """
    texts = read_texts(facts)
    if texts.empty:
        return ()
    said = texts["text"].fillna("").astype(str).str.split().str.join(" ")
    texts = texts.assign(text=said)[(said.str.len() >= SHORTEST) & (texts["sentiment"].abs() >= CLEAR)]
    texts = texts.assign(clear=texts["sentiment"].abs(), good=texts["sentiment"] > 0)
    order = ["topic", "good", "clear", "text"]
    ranked = texts.sort_values(order, ascending=[True, True, False, True], kind="stable")
    once = ranked.drop_duplicates(["topic", "good", "text"])
    place = once.groupby(["topic", "good"]).cumcount()
    return tuple(_quote(row) for _, row in once[place < MOST].iterrows())


def _quote(row: "pd.Series[object]") -> Quote:
    text, language = mask(str(row["text"])), row["language"]
    cut = text if len(text) <= LONGEST else text[: LONGEST - 1].rsplit(" ", 1)[0] + CUT
    known = isinstance(language, str) and bool(language)
    return Quote(
        str(row["topic"]), cut, str(language) if known else UNDETERMINED, bool(np.bool_(row["good"]))
    )
