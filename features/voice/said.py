"""Feedback about us as the voice features read it: the answer on 0 to 10, and whether it is a complaint."""

from contracts.voice import OTHER
from features.engine import Table, Value, days_between, number, rounded, share, shift_days, when
from features.nps import CODED, PROMOTER_FROM, TOP

SENTIMENT_BAD, SENTIMENT_GOOD = -0.25, 0.25
SCORE_BAD, SCORE_GOOD = 4.0, 7.0
SHORT, MIDDLE, LONG = 30, 90, 365


def read_said(feedback: Table) -> Table:
    """Return feedback with ``ten`` (0 to 10), ``age`` (days) and what each row is.

    ``own`` is about us and not a rival, ``bad`` a complaint (a text below -0.25 or an answer of at most 4),
    ``good`` content (a text above 0.25 or an answer of at least 7); a complaint is never good. ``about`` is
    the topic where one is sure enough.
    """
    scored = feedback.mutate(
        ten=ten_of(feedback),
        age=days_between(feedback.occurred_at, feedback.as_of),
        own=feedback.brand.isnull(),
        about=feedback.topic.nullif(OTHER),
    )
    low, high = (scored.ten <= SCORE_BAD).fill_null(False), (scored.ten >= SCORE_GOOD).fill_null(False)
    sad = (scored.sentiment < SENTIMENT_BAD).fill_null(False)
    glad = (scored.sentiment > SENTIMENT_GOOD).fill_null(False)
    bad = low | sad
    return scored.mutate(bad=bad, good=(high | glad) & ~bad)


def ten_of(feedback: Table) -> Value:
    """Return each answer on 0 to 10, missing where it cannot be used: ``features.nps.to_ten``."""
    score, low, high = feedback.score, feedback.scale_min, feedback.scale_max
    usable = (low < high) & (score >= low) & (score <= high)
    ten = share((score - low) * TOP, high - low)
    for (first, last), codes in CODED.items():
        placed = when(score == codes[0], 0.0)
        for place, code in enumerate(codes[1:], start=1):
            placed = when(score == code, place * TOP / (len(codes) - 1), placed)
        ten = when((low == first) & (high == last), placed, ten)
    return rounded(when(usable, ten))


def is_promoter(ten: Value) -> Value:
    """Return whether an answer on 0 to 10 is a promoter's."""
    return ten >= PROMOTER_FROM


def within(rows: Table, days: int) -> Value:
    """Return whether a row lies within the days before ``as_of``."""
    return rows.occurred_at >= shift_days(rows.as_of, -days)


def in_time(rows: Table) -> list[Value]:
    """Return the order of rows in time, without ties."""
    return [rows.occurred_at, rows.source, rows.row_key]


def mean_of(values: Value, where: Value) -> Value:
    """Return the mean of the values present where the condition holds, missing without any."""
    there = where & values.notnull()
    return share(values.sum(where=there), number(values.count(where=there)))


def drift_of(rows: Table, values: Value, where: Value) -> Value:
    """Return the last value less the mean of those before it, missing with fewer than two."""
    there = where & values.notnull()
    last = values.last(where=there, order_by=in_time(rows))
    count = number(values.count(where=there))
    return last - share(values.sum(where=there) - last, count - 1)
