"""Survey requests: how many lately, how many were answered and how soon, and how many went unanswered."""

from contracts.voice import SURVEYS
from features.contacts import keep_requests
from features.engine import KEY, Table, beside, days_between, number, rounded, share, shift_days
from features.nps import ANSWER_DAYS
from features.snapshot import Snapshot
from features.voice.said import LONG, MIDDLE

REQUEST = ("source", "row_key")


def build_requests(snapshot: Snapshot) -> Table:
    """Return the columns of survey requests, one row per customer who got one."""
    asked = match_requests(snapshot)
    year = asked.asked_at >= shift_days(asked.as_of, -LONG)
    ripe = year & (asked.asked_at <= shift_days(asked.as_of, -ANSWER_DAYS))
    ignored = (asked.asked_at > asked.last_answer_at) | asked.last_answer_at.isnull()
    sums = asked.group_by(KEY).agg(
        requests_90d=asked.count(where=asked.asked_at >= shift_days(asked.as_of, -MIDDLE)),
        requests_unanswered=asked.count(where=ignored),
        ripe=asked.count(where=ripe),
        answered=asked.waited.count(where=ripe),
        waited=asked.waited.sum(where=year),
        waits=asked.waited.count(where=year),
    )
    return sums.select(
        *KEY,
        requests_90d=rounded(number(sums.requests_90d)),
        requests_unanswered=rounded(number(sums.requests_unanswered)),
        response_rate_365d=rounded(share(sums.answered, sums.ripe)),
        mean_answer_days_365d=rounded(share(sums.waited, sums.waits)),
    )


def match_requests(snapshot: Snapshot) -> Table:
    """Return one row per request: ``asked_at``, ``waited`` (days to its answer) and ``last_answer_at``.

    ``waited`` is missing without an answer at or after the request and within ``ANSWER_DAYS``.
    """
    actions, feedback = keep_requests(snapshot.actions), snapshot.feedback
    asked = actions.select(*KEY, *REQUEST, asked_at=actions.occurred_at)
    surveys = feedback.filter(feedback.kind.isin(SURVEYS))
    answers = surveys.select(cutoff=surveys.as_of, who=surveys.customer_id, answered_at=surveys.occurred_at)
    pairs = asked.join(
        answers,
        [
            asked.as_of == answers.cutoff,
            asked.customer_id == answers.who,
            answers.answered_at >= asked.asked_at,
            answers.answered_at < shift_days(asked.asked_at, ANSWER_DAYS),
        ],
    )
    first = pairs.group_by([*KEY, *REQUEST]).agg(answered_at=pairs.answered_at.min())
    matched = asked.left_join(first, [*KEY, *REQUEST])
    matched = matched.drop(*(f"{name}_right" for name in (*KEY, *REQUEST)))
    last = surveys.group_by(KEY).agg(last_answer_at=surveys.occurred_at.max())
    return beside(matched.mutate(waited=days_between(matched.asked_at, matched.answered_at)), last)
