"""Anyone's comments: read, judged with the help of their own scores, summed up and written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from contracts.errors import ContractError
from contracts.voice import OTHER, READING
from features.text.cache import hash_texts
from features.text.reader import Progress, Reader
from training.metrics import auc
from training.models.text_head import Floats, TextHead
from training.table import read_file, write_file
from training.table_columns import to_texts

FOLDS = 5
FEWEST = 5
"""Scored comments below which nothing is learned from them."""

CLEAR = 0.25
"""Sentiment from which a comment counts as good, and below whose negative as bad."""

PROMOTER, DETRACTOR = 0.9, 0.6
"""Shares of the scale: at least the one, at most the other, as 9 and 6 of 0 to 10."""

QUOTE = 110
ADDED = (*(spoken.name for spoken in READING), "masked")


@dataclass(frozen=True)
class Columns:
    """Which columns of the file to use; a score needs both ends of its scale."""

    text: str
    score: str | None = None
    scale_min: float | None = None
    scale_max: float | None = None
    date: str | None = None


@dataclass(frozen=True, eq=False)
class Comments:
    """A file of comments: ``frame`` as it is, texts ("" where empty), scores 0..1 and days (NaN missing)."""

    frame: pd.DataFrame
    text: str
    texts: tuple[str, ...]
    scores: Floats
    days: Floats | None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Heard:
    """Comments with their ``reading``, one row each; ``plain`` is the sentiment without their scores (n)."""

    comments: Comments
    reading: pd.DataFrame
    plain: Floats


def read_comments(file: Path, columns: Columns) -> Comments:
    """Return the comments of a CSV or Parquet file.

    Raises:
        ContractError: the file or a column is missing, or a score is outside its scale.
    """
    if not file.is_file():
        raise ContractError(f"There is no file {file.name}: check its path.")
    frame, decimal_comma = read_file(file)
    for name in (columns.text, columns.score, columns.date):
        if name is not None and name not in frame.columns:
            there = ", ".join(map(repr, frame.columns))
            raise ContractError(f"{file.name} has no column {name!r}; it has {there}.")
    texts = ["" if text is None else text for text in to_texts(frame[columns.text])]
    scores, unread = _read_scores(frame, columns, decimal_comma)
    days, undated = _read_days(frame, columns.date)
    remarks = [
        *([f"{unread} scores are no numbers and teach nothing."] if unread else []),
        *([f"{undated} dates are not of the form 2026-01-31 and count as missing."] if undated else []),
    ]
    return Comments(frame, columns.text, tuple(texts), scores, days, tuple(remarks))


def hear(comments: Comments, reader: Reader, progress: Progress | None = None) -> Heard:
    """Return the comments read; where enough have scores, these teach the sentiment of the others.

    No comment is judged by a head that saw its own score: with dates by one of earlier comments, otherwise by
    one of other texts.
    """
    reading = reader.read(comments.texts, progress)
    plain: Floats = reading["sentiment"].to_numpy(dtype=np.float64)
    if np.isfinite(comments.scores).sum() >= FEWEST:
        taught = np.round(judge_apart(comments, reader.vectors(comments.texts), plain), 6)
        reading = reading.assign(sentiment=taught)
        sure = (1 + np.abs(taught)) / 2
        reading["sentiment_confidence"] = np.where(np.isnan(taught), 0.0, np.round(sure, 6))
    return Heard(comments, reading, plain)


def judge_apart(comments: Comments, vectors: Any, plain: Floats) -> Floats:
    """Return the sentiment (n,) by heads that saw others' scores only, ``plain`` where there is none."""
    folds = part_by_text(comments.texts) if comments.days is None else part_by_day(comments.days)
    judged = plain.copy()
    for fold in range(FOLDS):
        teachers = folds != fold if comments.days is None else (folds < fold) & (folds >= 0)
        teachers = teachers & np.isfinite(comments.scores)
        if teachers.sum() >= FEWEST:
            head = TextHead.fit(vectors[teachers], plain[teachers], comments.scores[teachers])
            judged[folds == fold] = head.sentiment(vectors[folds == fold], plain[folds == fold])
    return judged


def part_by_text(texts: Sequence[str]) -> Floats:
    """Return a fold per text (n,), by its hash: equal texts share one, whatever stands beside them."""
    return np.array([key.tobytes()[0] % FOLDS for key in hash_texts(texts)], dtype=np.float64)


def part_by_day(days: Floats) -> Floats:
    """Return a fold per instant (n,), in time order and of about equal size; -1 for a missing one.

    Examples:
        >>> part_by_day(np.array([5.0, 1.0, np.nan, 3.0, 1.0, 4.0])).tolist()
        [4.0, 0.0, -1.0, 2.0, 0.0, 3.0]
    """
    known = np.isfinite(days)
    ordered = np.sort(days[known])
    # By the first of equal instants, so that these share a fold.
    place = np.searchsorted(ordered, days[known])
    folds = np.full(len(days), -1.0)
    folds[known] = place * FOLDS // max(len(ordered), 1)
    return folds


def tell(heard: Heard) -> pd.DataFrame:
    """Return the file's columns, the text masked, and beside them what was read.

    A column of the file that is called like one of these is kept as ``NAME_given``.
    """
    comments, reading = heard.comments, heard.reading
    frame = comments.frame.assign(**{comments.text: reading["masked"].to_numpy()})
    frame = frame.rename(columns={name: f"{name}_given" for name in frame.columns if name in ADDED})
    return pd.concat([frame.reset_index(drop=True), reading[list(ADDED)]], axis="columns")


def check_table_name(file: Path) -> None:
    """Raise ``ContractError`` unless the name ends in .parquet or .csv and its folder exists."""
    if file.suffix not in (".parquet", ".csv"):
        raise ContractError(f"{file.name} ends neither in .parquet nor in .csv: choose one of them.")
    if not file.parent.is_dir():
        raise ContractError(f"There is no folder {file.parent} for {file.name}: make it, or choose another.")


def write_table(file: Path, frame: pd.DataFrame) -> None:
    """Write a table as .parquet or .csv, by its name, whole or not at all."""
    write_file(file, pa.Table.from_pandas(frame, preserve_index=False))


def sum_up(heard: Heard) -> dict[str, Any]:
    """Return counts and means: languages, topics with their sentiment and a masked quote, and the rest."""
    reading = heard.reading
    said = reading[reading["masked"].str.strip() != ""]
    mood = said["sentiment"]
    return {
        "texts": len(reading),
        "empty": len(reading) - len(said),
        "languages": _count(said["language"]),
        "sentiment": {
            "mean": None if said.empty else round(float(mood.mean()), 4),
            "good": int((mood >= CLEAR).sum()),
            "bad": int((mood <= -CLEAR).sum()),
        },
        "topics": {
            str(topic): {
                "texts": len(rows),
                "sentiment": round(float(rows["sentiment"].mean()), 4),
                "quote": _quote(rows),
            }
            for topic, rows in sorted(said.groupby("topic"), key=lambda each: (-len(each[1]), each[0]))
        },
        "emotions": _count(said["emotion"]),
        **{head: _count(said[head]) for head in ("effort", "leave_intent", "urgency")},
        "rivals": _count(said["rival"].dropna()),
        "scores": _compare(heard),
    }


def _compare(heard: Heard) -> dict[str, Any]:
    """Return how well the sentiment tells high scores from low ones, without and with what these taught."""
    scores, plain = heard.comments.scores, heard.plain
    taught = heard.reading["sentiment"].to_numpy(dtype=np.float64)
    told = np.isfinite(scores) & np.isfinite(plain) & ((scores >= PROMOTER) | (scores <= DETRACTOR))
    high = (scores[told] >= PROMOTER).astype(np.float64)
    return {
        "scored": int(np.isfinite(scores).sum()),
        "auc_without": _round(auc(high, plain[told])),
        "auc_with": _round(auc(high, taught[told])),
    }


def _round(figure: float) -> float | None:
    return round(figure, 4) if np.isfinite(figure) else None


def _count(values: "pd.Series[Any]") -> dict[str, int]:
    return {str(name): int(count) for name, count in values.value_counts().items() if str(name) != OTHER}


def _quote(rows: pd.DataFrame) -> str:
    """Return the text that is most surely of the topic, in one line, cut at a blank where it is long."""
    whole = " ".join(str(rows.loc[rows["topic_confidence"].idxmax(), "masked"]).split())
    if len(whole) <= QUOTE:
        return whole
    return whole[: QUOTE + 1].rsplit(" ", 1)[0][:QUOTE] + " ..."


def _read_scores(frame: pd.DataFrame, columns: Columns, decimal_comma: bool) -> tuple[Floats, int]:
    if columns.score is None or columns.scale_min is None or columns.scale_max is None:
        return np.full(len(frame), np.nan), 0
    cells = pd.Series(to_texts(frame[columns.score]), dtype=object)
    plain = cells.str.replace(",", ".", regex=False) if decimal_comma else cells
    numbers = pd.to_numeric(plain, errors="coerce").to_numpy(dtype=np.float64)
    low, high = columns.scale_min, columns.scale_max
    outside = int(((numbers < low) | (numbers > high)).sum())
    if outside:
        raise ContractError(
            f"{outside} values of {columns.score!r} are outside {low:g} to {high:g}: give the ends of its "
            "scale with --scale-min and --scale-max."
        )
    unread = int((np.isnan(numbers) & cells.notna().to_numpy()).sum())
    return (numbers - low) / (high - low), unread


def _read_days(frame: pd.DataFrame, name: str | None) -> tuple[Floats | None, int]:
    if name is None:
        return None, 0
    cells = pd.Series(to_texts(frame[name]), dtype=object)
    instants = pd.to_datetime(cells, format="ISO8601", errors="coerce", utc=True)
    days = (instants - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
    unread = int((days.isna() & cells.notna()).sum())
    return days.to_numpy(dtype=np.float64), unread
