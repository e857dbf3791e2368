"""The slow twin of the voice, one customer at a time: loops over rows, nothing shared with what it checks."""

import math
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import fmean, median
from typing import Any

from testkit.oracle import Row, Store, days, known_orders, known_rows, purchase_days

Found = dict[str, Any]
FRESHDESK = (-103, -102, -101, 100, 101, 102, 103)
NPS = ("nps_relational", "nps_transactional")
SURVEYS = (*NPS, "nps_competitive", "csat", "ces")
HEADS = ("sentiment", "topic", "emotion", "effort", "leave_intent", "urgency", "rival")
TOPICS = (
    "delivery", "product_quality", "price", "billing", "support", "staff", "website_or_app", "store",
    "returns", "contract", "communication", "competition",
)  # fmt: skip


def voice_features(
    store: Store, readings: Mapping[str, Mapping[str, Any]], customer: str, as_of: datetime
) -> Found | None:
    """Return the voice family by full name, or None where the customer has no row in it."""
    said = [
        _hear(row, readings, as_of)
        for row in known_rows(store, "feedback", as_of)
        if row["customer_id"] == customer
    ]
    said.sort(key=lambda row: (row["occurred_at"], row["source"], row["row_key"]))
    asked = _find_requests(store, customer, as_of)
    if not said and not asked:
        return None
    own = [row for row in said if row["brand"] is None]
    tickets = known_rows(store, "tickets", as_of)
    values = _answers(own) | _rivals(said) | _texts(own) | _complaints(own, tickets, customer)
    values |= _turn(own, tickets, customer) | _deeds(own, store, customer, as_of)
    values |= _requests(asked, [row["occurred_at"] for row in said if row["kind"] in SURVEYS], as_of)
    return {f"voice.{name}": value for name, value in values.items()}


def ten_of(row: Row) -> float | None:
    """Return the answer on 0 to 10, or None."""
    score, low, high = row["score"], row["scale_min"], row["scale_max"]
    if score is None or low is None or high is None or low >= high or not low <= score <= high:
        return None
    if (low, high) == (-103, 103):
        return FRESHDESK.index(score) * 10 / 6 if score in FRESHDESK else None
    return float((score - low) * 10 / (high - low))


def _hear(row: Row, readings: Mapping[str, Mapping[str, Any]], as_of: datetime) -> Row:
    read = {name: value for name, value in readings.get(row["text"], {}).items() if value == value}
    heard = {**row, **{name: read.get(name) for name in HEADS}}
    ten, sentiment = ten_of(row), heard["sentiment"]
    bad = (ten is not None and ten <= 4) or (sentiment is not None and sentiment < -0.25)
    good = (ten is not None and ten >= 7) or (sentiment is not None and sentiment > 0.25)
    return heard | {"ten": ten, "age": days(row["occurred_at"], as_of), "bad": bad, "good": good and not bad}


def _recent(rows: list[Row], window: int) -> list[Row]:
    return [row for row in rows if row["age"] <= window]


def _scores(rows: list[Row], *kinds: str) -> list[Row]:
    return [row for row in rows if row["kind"] in kinds and row["ten"] is not None]


def _last(numbers: list[float]) -> float | None:
    return numbers[-1] if numbers else None


def _mean(numbers: list[float]) -> float | None:
    return fmean(numbers) if numbers else None


def _drift(numbers: list[float]) -> float | None:
    return numbers[-1] - fmean(numbers[:-1]) if len(numbers) > 1 else None


def _tens(rows: list[Row]) -> list[float]:
    return [row["ten"] for row in rows]


def _age(rows: list[Row]) -> float | None:
    return min((row["age"] for row in rows), default=None)


def _answers(own: list[Row]) -> Found:
    values: Found = {
        "answers_90d": len(_recent(own, 90)),
        "answers_365d": len(_recent(own, 365)),
        "days_since_last": _age(own),
    }
    for kind in ("nps_relational", "csat", "ces", "review"):
        rows = _scores(own, kind)
        values[f"{kind}_last"] = _last(_tens(rows))
        values[f"{kind}_mean_365d"] = _mean(_tens(_recent(rows, 365)))
    relational, events = _scores(own, "nps_relational"), _scores(own, "nps_transactional")
    weights = [0.5 ** (row["age"] / 90) for row in events]
    places: dict[str, float] = {
        row["touchpoint"]: row["ten"] for row in _recent(events, 365) if row["touchpoint"] is not None
    }
    return values | {
        "nps_relational_trend": _drift(_tens(relational)),
        "nps_relational_days_since": _age(relational),
        "nps_transactional_last": _last(_tens(events)),
        "nps_transactional_level": math.fsum(map(math.prod, zip(weights, _tens(events), strict=True)))
        / math.fsum(weights)
        if events
        else None,
        "nps_transactional_worst_90d": min(_tens(_recent(events, 90)), default=None),
        "nps_transactional_worst_touchpoint": min(places.values(), default=None),
        "nps_transactional_days_since": _age(events),
    }


def _rivals(said: list[Row]) -> Found:
    year = _recent(_scores(said, "nps_relational", "nps_competitive"), 365)
    rated = [row for row in year if row["brand"] is not None and row["kind"] == "nps_competitive"]
    rivals = {row["brand"]: row["ten"] for row in rated}
    mine = _last([row["ten"] for row in year if row["brand"] is None])
    both = bool(rivals) and mine is not None
    gap = mine - max(rivals.values()) if both and mine is not None else None
    return {
        "nps_competitive_gap": gap,
        "nps_competitive_pull": None if gap is None else max(-gap, 0),
        "nps_competitive_days_since": _age(rated),
    }


def _texts(own: list[Row]) -> Found:
    read = [row for row in own if row["sentiment"] is not None]
    feeling = [row["sentiment"] for row in read]
    recent, year = _recent(own, 90), _recent(own, 365)
    values: Found = {
        "sentiment_last": _last(feeling),
        "sentiment_mean_365d": _mean([row["sentiment"] for row in _recent(read, 365)]),
        "sentiment_worst_90d": min((row["sentiment"] for row in _recent(read, 90)), default=None),
        "sentiment_trend": _drift(feeling),
        "hard_effort_365d": sum(row["effort"] == "high" for row in year),
        "urgent_90d": sum(row["urgency"] == "high" for row in recent),
    }
    for window, rows in ((90, recent), (365, year)):
        values[f"leaving_{window}d"] = sum(row["leave_intent"] == "yes" for row in rows)
        values[f"rival_{window}d"] = sum(row["rival"] is not None for row in rows)
    for topic in TOPICS:
        values[f"about_{topic}_365d"] = sum(row["topic"] == topic for row in year)
        values[f"complaints_{topic}_90d"] = sum(row["topic"] == topic and row["bad"] for row in recent)
    for emotion in ("joy", "trust", "fear", "anger", "sadness", "disgust", "surprise"):
        values[f"emotion_{emotion}_365d"] = sum(row["emotion"] == emotion for row in year)
    return values


def _complaints(own: list[Row], tickets: list[Row], customer: str) -> Found:
    bad = [row for row in _recent(own, 365) if row["bad"]]
    still = [row for row in bad if _is_open(row, own, tickets, customer)]
    groups: dict[str | None, list[Row]] = defaultdict(list)
    for row in _recent(bad, 30):
        groups[None if row["topic"] == "other" else row["topic"]].append(row)
    topic = min(
        groups,
        key=lambda name: (name is None, -len(groups[name]), -_newest(groups[name]), name or ""),
        default=None,
    )
    return {
        "complaints_30d": len(_recent(bad, 30)),
        "complaints_open": len(still),
        "complaint_open_days": max((row["age"] for row in still), default=None),
        "complaint_topic_30d": topic,
        "complaints_on_topic_30d": len(groups[topic]) if groups else None,
        "complaints_on_topic_open": sum(row in still for row in groups[topic]) if groups else None,
    }


def _newest(rows: list[Row]) -> float:
    return max(float(row["occurred_at"].timestamp()) for row in rows)


def _is_open(complaint: Row, own: list[Row], tickets: list[Row], customer: str) -> bool:
    since = complaint["occurred_at"]
    mine = [row for row in tickets if row["customer_id"] == customer]
    telling = {row["source"] for row in tickets if row["resolved_at"] is not None}
    praised = any(row["good"] and row["occurred_at"] > since for row in own)
    solved = any(row["resolved_at"] is not None and row["resolved_at"] >= since for row in mine)
    waiting = any(
        row["resolved_at"] is None and row["source"] in telling and row["occurred_at"] >= since
        for row in mine
    )
    return waiting or not (praised or solved)


def _turn(own: list[Row], tickets: list[Row], customer: str) -> Found:
    opened = max((row["occurred_at"] for row in tickets if row["customer_id"] == customer), default=None)
    before, after = [], []
    for row in own:
        if opened is None or row["sentiment"] is None:
            continue
        if opened - timedelta(days=90) <= row["occurred_at"] < opened:
            before.append(row["sentiment"])
        if opened <= row["occurred_at"] < opened + timedelta(days=90):
            after.append(row["sentiment"])
    return {"sentiment_ticket_change": fmean(after) - fmean(before) if before and after else None}


def _deeds(own: list[Row], store: Store, customer: str, as_of: datetime) -> Found:
    last = _last(_tens(_scores(own, *NPS)))
    bought = list(purchase_days(store, as_of).get(customer, {}))
    gaps = [(later - earlier).days for earlier, later in pairwise(bought)]
    orders = [
        row for row in known_orders(store, as_of) if row["customer_id"] == customer and row["amount"] > 0
    ]
    ages = [days(row["occurred_at"], as_of) for row in orders]
    recent = [age for age in ages if age <= 90]
    silent = more = None
    if last is not None and gaps:
        observed = (as_of - timedelta(microseconds=1)).date()
        silent = last >= 8.5 and (observed - bought[-1]).days > 2 * median(gaps)
    if last is not None and ages and max(ages) > 90 and len(recent) < len(ages):
        before = (len(ages) - len(recent)) / (max(ages) - 90)
        more = last < 6.5 and len(recent) / 90 / before > 1
    return {"promoter_gone_silent": silent, "detractor_buying_more": more}


def _find_requests(store: Store, customer: str, as_of: datetime) -> list[datetime]:
    return [
        row["occurred_at"]
        for row in known_rows(store, "actions", as_of)
        if row["customer_id"] == customer
        and row["kind"].lower() in ("invitation", "reminder")
        and row["arm"] != "holdout"
    ]


def _requests(asked: list[datetime], answers: list[datetime], as_of: datetime) -> Found:
    waits = {at: _wait(at, answers) for at in asked}
    year = [at for at in asked if at >= as_of - timedelta(days=365)]
    ripe = [at for at in year if at <= as_of - timedelta(days=30)]
    last = max(answers, default=None)
    return {
        "requests_90d": sum(at >= as_of - timedelta(days=90) for at in asked),
        "requests_unanswered": sum(last is None or at > last for at in asked),
        "response_rate_365d": fmean(waits[at] is not None for at in ripe) if ripe else None,
        "mean_answer_days_365d": _mean([wait for at in year if (wait := waits[at]) is not None]),
    }


def _wait(at: datetime, answers: list[datetime]) -> float | None:
    inside = [days(at, answer) for answer in answers if at <= answer < at + timedelta(days=30)]
    return min(inside, default=None)
