"""Complaints: how many lately, about what, and which of them nothing has mended yet.

A complaint is open until something good came after it: a good answer, or a ticket solved after it; and again
while a ticket opened after it is open. Tickets of a source that never records a solution say nothing.
"""

from features.engine import KEY, Table, beside, first_present, number, ordered, position, rounded, when
from features.snapshot import Snapshot
from features.voice.said import LONG, SHORT, within


def build_complaints(snapshot: Snapshot) -> Table:
    """Return the columns of complaints, one row per customer who complained in the last year."""
    rows = find_complaints(snapshot)
    recent = within(rows, SHORT)
    sums = rows.group_by(KEY).agg(
        complaints_30d=rounded(number(rows.count(where=recent))),
        complaints_open=rounded(number(rows.count(where=rows.is_open))),
        complaint_open_days=rounded(rows.age.max(where=rows.is_open)),
    )
    return beside(sums, _find_main(rows.filter(recent)))


def find_complaints(snapshot: Snapshot) -> Table:
    """Return the complaints of the last year with ``is_open``."""
    own, tickets = snapshot.own_voice, snapshot.tickets
    mended = own.group_by(KEY).agg(praised_at=own.occurred_at.max(where=own.good))
    telling = tickets.mutate(tells=snapshot.is_telling(tickets))
    helped = telling.group_by(KEY).agg(
        solved_at=telling.resolved_at.max(),
        waiting_since=telling.occurred_at.max(where=telling.tells & telling.resolved_at.isnull()),
    )
    bad = own.filter(own.bad & within(own, LONG))
    rows = beside(beside(bad, mended), helped)
    praised = (rows.praised_at > rows.occurred_at).fill_null(False)
    solved = (rows.solved_at >= rows.occurred_at).fill_null(False)
    waiting = (rows.waiting_since >= rows.occurred_at).fill_null(False)
    return rows.mutate(is_open=~(praised | solved) | waiting)


def _find_main(recent: Table) -> Table:
    """Return the topic most complained about (ties: the later one, then by name), how often, how many open.

    Complaints without a sure topic are a group of their own that comes last.
    """
    topics = recent.group_by([*KEY, recent.about]).agg(
        complaints=recent.count(), still=recent.count(where=recent.is_open), last_at=recent.occurred_at.max()
    )
    order = [
        when(topics.about.isnull(), 1, 0),
        topics.complaints.desc(),
        topics.last_at.desc(),
        first_present(topics.about, ""),
    ]
    placed = topics.mutate(place=position().over(ordered(order, [topics[name] for name in KEY])))
    main = placed.filter(placed.place == 0)
    return main.select(
        *KEY,
        complaint_topic_30d=main.about,
        complaints_on_topic_30d=rounded(number(main.complaints)),
        complaints_on_topic_open=rounded(number(main.still)),
    )
