"""New row, new version, duplicate or conflict: what a row is against its file and against the store."""

from dataclasses import dataclass
from datetime import datetime

from features.ingest.columns import Plan
from features.ingest.reader import Session
from features.ingest.staging import instant_literal

EMPTY_STORE = (
    "SELECT '' AS row_key, '' AS content, TIMESTAMP '1980-01-01' AS recorded_at, false AS removed, "
    "'' AS load, '' AS source WHERE false"
)
_MOMENT = "INTERVAL 1 MICROSECOND"


@dataclass(frozen=True)
class Timing:
    """When rows of a load without their own ``recorded_at`` were recorded: as they occurred, or ``now``.

    ``seen`` says that the same file was loaded before: whatever it brought once is a duplicate, also when
    a later
    version has replaced it since.
    """

    now: datetime
    backfill: bool
    seen: bool


def name_rows(session: Session, plan: Plan, *, lines: bool) -> None:
    """Make the view ``staged``: the sound rows of ``parsed`` with ``row_key`` and ``weight`` (file rows).

    Without a key the row_key is the content's digest and the occurrence number among equal rows of the file.
    """
    weight = "weight" if lines else "1 AS weight"
    if plan.has_key:
        rest = "* EXCLUDE (weight)" if lines else "*"
        session.execute(
            f'CREATE VIEW staged AS SELECT {rest}, {weight}, "{plan.table.key}" AS row_key FROM parsed '
            "WHERE fault IS NULL"
        )
        return
    session.execute(
        "CREATE TABLE twins AS SELECT line, row_number() OVER (PARTITION BY content ORDER BY line) AS "
        "place FROM parsed "
        "SEMI JOIN (SELECT content FROM parsed WHERE fault IS NULL GROUP BY content HAVING count(*) > "
        "1) USING (content) "
        "WHERE fault IS NULL"
    )
    key = "content || '-' || coalesce(twins.place, 1)"
    session.execute(
        f'CREATE VIEW staged AS SELECT parsed.* REPLACE ({key} AS "{plan.table.key}"), {weight}, {key} '
        "AS row_key "
        "FROM parsed LEFT JOIN twins USING (line) WHERE fault IS NULL"
    )


def decide_history(session: Session, plan: Plan, timing: Timing) -> None:
    """Fill ``duplicates`` (line) and ``faults`` from ``staged`` and ``stored``; make the view ``dated``.

    ``dated`` is ``staged`` with ``recorded``, the instant each row is recorded at.
    """
    session.execute(
        "CREATE TABLE held AS SELECT row_key, content, recorded_at, removed FROM stored SEMI JOIN "
        "staged USING (row_key)"
    )
    assumed = "occurred_at" if timing.backfill else instant_literal(timing.now)
    session.execute(
        "CREATE VIEW dated AS SELECT staged.*, "
        f"coalesce(recorded_given, greatest({assumed}, removed_at + {_MOMENT})) AS recorded FROM staged "
        "LEFT JOIN (SELECT row_key, max(recorded_at) AS removed_at FROM held WHERE removed GROUP BY row_key) "
        "USING (row_key)"
    )
    if plan.has_key:
        _find_conflicts(session, plan)
    _find_duplicates(session, timing, keyed=plan.has_key)


def _find_conflicts(session: Session, plan: Plan) -> None:
    instant = "row_key" if plan.recorded_at is None else "row_key, recorded"
    session.execute(
        f"CREATE TABLE quarrels AS SELECT {instant} FROM dated GROUP BY {instant} HAVING min(content) "
        "<> max(content)"
    )
    session.execute(
        f"INSERT INTO faults SELECT line, '{plan.table.key}', 'conflict' FROM dated SEMI JOIN quarrels "
        f"USING ({instant})"
    )
    session.execute(
        f"INSERT INTO faults SELECT DISTINCT line, '{plan.table.key}', 'conflict' FROM dated JOIN held "
        "ON held.row_key = dated.row_key AND held.recorded_at = dated.recorded "
        "WHERE NOT held.removed AND held.content <> dated.content "
        "AND line NOT IN (SELECT line FROM faults)" + _SEEN_AGAIN
    )


# A row that the store holds word for word at another instant is no quarrel, only old news.
_SEEN_AGAIN = (
    " AND NOT EXISTS (SELECT 1 FROM held AS other WHERE other.row_key = dated.row_key "
    "AND other.content = dated.content AND other.recorded_at = dated.recorded)"
)


def _find_duplicates(session: Session, timing: Timing, *, keyed: bool) -> None:
    if timing.seen:
        session.execute(
            "INSERT INTO duplicates SELECT line FROM dated ANTI JOIN faults USING (line) "
            "SEMI JOIN (SELECT h.row_key, h.content FROM held AS h LEFT JOIN "
            "(SELECT row_key, max(recorded_at) AS gone FROM held WHERE removed GROUP BY row_key) AS r "
            "USING (row_key) "
            "WHERE NOT h.removed AND (gone IS NULL OR h.recorded_at > gone)) USING (row_key, content)"
        )
    repeated = "UNION SELECT row_key FROM dated GROUP BY row_key HAVING count(*) > 1" if keyed else ""
    session.execute(f"CREATE TABLE contested AS SELECT DISTINCT row_key FROM held {repeated}")
    if not session.value("SELECT count(*) FROM contested"):
        return
    session.execute(
        "CREATE VIEW timeline AS SELECT line, row_key, content, recorded, false AS removed "
        "FROM dated ANTI JOIN faults USING (line) ANTI JOIN duplicates USING (line) SEMI JOIN contested "
        "USING (row_key) "
        "UNION ALL SELECT NULL, row_key, content, recorded_at, removed FROM held"
    )
    order = "PARTITION BY row_key ORDER BY recorded, removed, line NULLS FIRST"
    session.execute(
        "INSERT INTO duplicates SELECT line FROM (SELECT line, content = lag(content) OVER w AND NOT "
        "lag(removed) OVER w "
        f"AS again FROM timeline WINDOW w AS ({order})) WHERE line IS NOT NULL AND again"
    )
