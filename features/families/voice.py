"""What customers say: scores by their meaning, texts as they were read, complaints, requests, said and done.

Answers are on 0 to 10 (``features.nps``); what is rated under a rival's name counts for the rival alone. Only
what is on record has columns: a kind of score that was ever given, texts that were read, topics and emotions
that were heard, survey requests. A window of n days is [as_of - n days, as_of).
"""

from collections.abc import Callable

from contracts.feature_frame import Feature
from contracts.voice import EMOTIONS, TOPICS
from features.engine import KEY, Table, beside, read_frame, stacked
from features.families.family import Family, short_name
from features.snapshot import Snapshot
from features.voice.answers import COMPETITIVE, PLAIN, RELATIONAL, TRANSACTIONAL, build_answers, build_rivals
from features.voice.complaints import build_complaints
from features.voice.deeds import build_deeds
from features.voice.requests import build_requests
from features.voice.texts import build_texts, build_turns

NEVER = "never: 0 without feedback"
NO_COMPLAINT = "no complaint in 30 days"
NO_TEXT = "no text was read"
OWNERS = {"delivery": "partner"}


def _points(name: str, missing: str, actionable: bool = False) -> Feature:
    return Feature(f"voice.{name}", "points", missing, actionable=actionable)


def _days(name: str, missing: str) -> Feature:
    return Feature(f"voice.{name}", "days", missing)


def _counted(name: str, unit: str, actionable: bool = False, topic: str = "") -> Feature:
    owner = OWNERS.get(topic, "brand")
    return Feature(f"voice.{name}", unit, NEVER, actionable=actionable, owner=owner)


ANSWERS = (
    _counted("answers_90d", "answers"),
    _counted("answers_365d", "answers"),
    _days("days_since_last", "no feedback about us on record"),
)
COMPLAINTS = (
    _counted("complaints_30d", "complaints", actionable=True),
    _counted("complaints_open", "complaints", actionable=True),
    Feature("voice.complaint_open_days", "days", "no open complaint", actionable=True),
)
ABOUT = (
    Feature(
        "voice.complaint_topic_30d", "topic", "no complaint with a sure topic in 30 days", dtype="category"
    ),
    Feature("voice.complaints_on_topic_30d", "complaints", NO_COMPLAINT, actionable=True),
    Feature("voice.complaints_on_topic_open", "complaints", NO_COMPLAINT, actionable=True),
)
SCORES: dict[str, tuple[Feature, ...]] = {
    RELATIONAL: (
        _points("nps_relational_last", "no relational answer", actionable=True),
        _points("nps_relational_mean_365d", "no relational answer in 365 days"),
        _points("nps_relational_trend", "fewer than two relational answers"),
        _days("nps_relational_days_since", "no relational answer"),
    ),
    TRANSACTIONAL: (
        _points("nps_transactional_last", "no transactional answer", actionable=True),
        _points("nps_transactional_level", "no transactional answer"),
        _points("nps_transactional_worst_90d", "no transactional answer in 90 days", actionable=True),
        _points("nps_transactional_worst_touchpoint", "no touchpoint rated in 365 days", actionable=True),
        _days("nps_transactional_days_since", "no transactional answer"),
    ),
    COMPETITIVE: (
        _points("nps_competitive_gap", "not both we and a rival rated in 365 days", actionable=True),
        _points("nps_competitive_pull", "not both we and a rival rated in 365 days", actionable=True),
        _days("nps_competitive_days_since", "no rival rated in 365 days"),
    ),
    **{
        kind: (
            _points(f"{kind}_last", "no such answer", actionable=True),
            _points(f"{kind}_mean_365d", "no such answer in 365 days"),
        )
        for kind in PLAIN
    },
}
REQUESTS = (
    _counted("requests_90d", "requests"),
    _counted("requests_unanswered", "requests"),
    Feature("voice.response_rate_365d", "share", "no request of the last year is 30 days old"),
    _days("mean_answer_days_365d", "no request was answered in 365 days"),
)
DEEDS = (
    Feature("voice.promoter_gone_silent", "flag", "no NPS answer about us, or no usual gap", actionable=True),
    Feature("voice.detractor_buying_more", "flag", "no NPS answer about us, or a customer for 90 days"),
)
TEXTS = (
    Feature("voice.sentiment_last", "sentiment", NO_TEXT, actionable=True),
    Feature("voice.sentiment_mean_365d", "sentiment", "no text was read in 365 days"),
    Feature("voice.sentiment_worst_90d", "sentiment", "no text was read in 90 days", actionable=True),
    Feature("voice.sentiment_trend", "sentiment", "fewer than two texts were read"),
    _counted("hard_effort_365d", "texts", actionable=True),
    _counted("urgent_90d", "texts", actionable=True),
    *(
        _counted(f"{name}_{days}d", "texts", actionable=True)
        for name in ("leaving", "rival")
        for days in (90, 365)
    ),
)
TURN = Feature(
    "voice.sentiment_ticket_change", "sentiment", "no text on both sides of the last ticket", actionable=True
)


def _list_topic(topic: str) -> tuple[Feature, Feature]:
    return (
        _counted(f"about_{topic}_365d", "texts", topic=topic),
        _counted(f"complaints_{topic}_90d", "complaints", actionable=True, topic=topic),
    )


EVERY_TOPIC = tuple(feature for topic in TOPICS for feature in _list_topic(topic))
EVERY_EMOTION = tuple(_counted(f"emotion_{emotion}_365d", "texts") for emotion in EMOTIONS)


def list_features(snapshot: Snapshot) -> tuple[Feature, ...]:
    """Return the columns of what is on record, scores first."""
    known = _find_recorded(snapshot)
    if not known["rows"]:
        return ()
    scores = [feature for kind, features in SCORES.items() if known[kind] for feature in features]
    rated = known[RELATIONAL] or known[TRANSACTIONAL]
    heard = [topic for topic in TOPICS if known[f"topic_{topic}"]]
    felt = [emotion for emotion in EMOTIONS if known[f"emotion_{emotion}"]]
    return (
        *ANSWERS,
        *COMPLAINTS,
        *scores,
        *(DEEDS if rated and known["orders"] else ()),
        *(REQUESTS if known["requests"] else ()),
        *(TEXTS if known["texts"] else ()),
        *((TURN,) if known["texts"] and known["tickets"] else ()),
        *(ABOUT if heard else ()),
        *(feature for topic in heard for feature in _list_topic(topic)),
        *(_counted(f"emotion_{emotion}_365d", "texts") for emotion in felt),
    )


def _find_recorded(snapshot: Snapshot) -> dict[str, int]:
    """Return how many rows there are of each part."""
    said = snapshot.said
    own = said.own
    found = said.agg(
        rows=said.count(),
        texts=said.count(where=own & said.sentiment.notnull()),
        **{kind: said.count(where=own & (said.kind == kind) & said.ten.notnull()) for kind in SCORES},
        **{f"topic_{topic}": said.count(where=own & (said.topic == topic)) for topic in TOPICS},
        **{f"emotion_{emotion}": said.count(where=own & (said.emotion == emotion)) for emotion in EMOTIONS},
        rivals=said.count(where=~own & (said.kind == COMPETITIVE) & said.ten.notnull()),
    )
    counts: dict[str, int] = read_frame(found).to_pylist()[0]
    counts[COMPETITIVE] = counts.pop("rivals")
    for name, rows in (
        ("requests", build_requests(snapshot)),
        ("tickets", snapshot.tickets),
        ("orders", snapshot.orders),
    ):
        counts[name] = read_frame(rows.agg(rows=rows.count())).to_pylist()[0]["rows"]
    return counts


def build(snapshot: Snapshot, wanted: tuple[Feature, ...] | None = None) -> Table:
    """Return the columns ``wanted``, by default all, a row per customer with feedback or a survey request."""
    names = None if wanted is None else {short_name(feature) for feature in wanted}
    parts = [
        snapshot.keep(part.__name__, _choose(part(snapshot), names))
        for part in PARTS
        if names is None or names & PARTS[part]
    ]
    everyone = stacked([snapshot.said.select(*KEY), *(part.select(*KEY) for part in parts)]).distinct()
    for part in parts:
        everyone = beside(everyone, part)
    zeros = [name for name in everyone.columns if name in ZEROS]
    return everyone.mutate(**{name: everyone[name].fill_null(0.0) for name in zeros})


def _choose(part: Table, names: set[str] | None) -> Table:
    return part if names is None else part.select(*KEY, *(name for name in part.columns if name in names))


def _short(*features: Feature) -> frozenset[str]:
    return frozenset(short_name(feature) for feature in features)


PARTS: dict[Callable[[Snapshot], Table], frozenset[str]] = {
    build_answers: _short(
        *ANSWERS, *(each for kind in SCORES if kind != COMPETITIVE for each in SCORES[kind])
    ),
    build_complaints: _short(*COMPLAINTS, *ABOUT),
    build_rivals: _short(*SCORES[COMPETITIVE]),
    build_texts: _short(*TEXTS, *EVERY_TOPIC, *EVERY_EMOTION),
    build_turns: _short(TURN),
    build_deeds: _short(*DEEDS),
    build_requests: _short(*REQUESTS),
}
"""Who builds which columns."""

ZEROS = _short(
    *(
        feature
        for feature in (*ANSWERS, *COMPLAINTS, *REQUESTS, *TEXTS, *EVERY_TOPIC, *EVERY_EMOTION)
        if feature.missing == NEVER
    )
)
FAMILY = Family("voice", ("feedback",), list_features, build, ZEROS)
