"""Texts as they were read: sentiment, topics, emotions, effort, urgency, leaving and rivals."""

from contracts.voice import EMOTIONS, TOPICS
from features.engine import KEY, Table, Value, beside, days_between, number, rounded, shift_days, when
from features.snapshot import Snapshot
from features.voice.said import LONG, MIDDLE, drift_of, in_time, mean_of, within

AROUND_DAYS = 90


def build_texts(snapshot: Snapshot) -> Table:
    """Return the columns of texts, one row per customer with feedback about us."""
    own = snapshot.own_voice
    read, recent, year = own.sentiment.notnull(), within(own, MIDDLE), within(own, LONG)
    return own.group_by(KEY).agg(
        sentiment_last=rounded(own.sentiment.last(where=read, order_by=in_time(own))),
        sentiment_mean_365d=rounded(mean_of(own.sentiment, year)),
        sentiment_worst_90d=rounded(own.sentiment.min(where=recent)),
        sentiment_trend=rounded(drift_of(own, own.sentiment, read)),
        **{f"about_{topic}_365d": _count(year & (own.topic == topic)) for topic in TOPICS},
        **{f"complaints_{topic}_90d": _count(recent & own.bad & (own.topic == topic)) for topic in TOPICS},
        **{f"emotion_{emotion}_365d": _count(year & (own.emotion == emotion)) for emotion in EMOTIONS},
        hard_effort_365d=_count(year & (own.effort == "high")),
        urgent_90d=_count(recent & (own.urgency == "high")),
        **{
            f"{name}_{days}d": _count(inside & there)
            for name, there in (("leaving", own.leave_intent == "yes"), ("rival", own.rival.notnull()))
            for days, inside in ((MIDDLE, recent), (LONG, year))
        },
    )


def build_turns(snapshot: Snapshot) -> Table:
    """Return the mean sentiment in the 90 days after the last ticket less that of the 90 days before it."""
    tickets, own = snapshot.tickets, snapshot.own_voice
    opened = tickets.group_by(KEY).agg(opened_at=tickets.occurred_at.max())
    texts = own.filter(own.sentiment.notnull())
    rows = beside(texts.select(*KEY, texts.occurred_at, texts.sentiment), opened)
    close = days_between(rows.opened_at, rows.occurred_at)
    around = rows.mutate(
        before=(rows.occurred_at < rows.opened_at)
        & (rows.occurred_at >= shift_days(rows.opened_at, -AROUND_DAYS)),
        after=(rows.occurred_at >= rows.opened_at) & (close < AROUND_DAYS),
    )
    return around.group_by(KEY).agg(
        sentiment_ticket_change=rounded(
            mean_of(around.sentiment, around.after) - mean_of(around.sentiment, around.before)
        )
    )


def _count(where: Value) -> Value:
    return rounded(number(when(where, 1, 0).sum()))
