"""Order lines (``--lines``): rows of one order_id become one order, or none of them is loaded."""

from features.ingest.columns import Plan
from features.ingest.reader import Session, quote
from features.ingest.staging import all_columns, content_of

_SAME = ("customer_id", "currency", "channel", "refund_of")


def fold_lines(session: Session, plan: Plan, zone: str) -> None:
    """Replace ``parsed`` by one row an order and fill ``members`` (line, head) and ``faults``.

    An order needs one customer, currency, channel, refund and day (of ``zone``). Its amount is the exact
    sum, its
    instant the earliest, its margin weighted by amount, missing unless every line has one.
    """
    day = f"CAST(timezone({quote(zone)}, timezone('UTC', occurred_at)) AS DATE)"
    differs = " OR ".join(
        f'count(DISTINCT "{name}") > 1 OR count("{name}") NOT IN (0, count(*))' for name in _SAME
    )
    session.execute(
        "CREATE TABLE verdicts AS SELECT order_id, min(line) AS head, CASE WHEN count(fault) > 0 THEN "
        "'line_of_bad_order' "
        f"WHEN {differs} OR count(DISTINCT {day}) > 1 THEN 'line_differs' END AS verdict "
        "FROM parsed WHERE order_id IS NOT NULL GROUP BY order_id"
    )
    session.execute("CREATE TABLE members AS SELECT line, head FROM parsed JOIN verdicts USING (order_id)")
    session.execute(
        "INSERT INTO faults SELECT line, 'order_id', verdict FROM parsed JOIN verdicts USING (order_id) "
        "WHERE verdict IS NOT NULL AND fault IS NULL"
    )
    shown = ", ".join(f'{_folded(column.name)} AS "{column.name}"' for column in all_columns(plan))
    session.execute(
        f"CREATE TABLE folded AS SELECT min(line) AS line, {shown}, max(recorded_given) AS recorded_given, "
        "CAST(NULL AS VARCHAR) AS fault, bool_or(clamped) AS clamped, count(*) AS weight "
        "FROM parsed JOIN verdicts USING (order_id) WHERE verdict IS NULL GROUP BY order_id"
    )
    session.execute("DROP TABLE parsed")
    session.execute(
        f"CREATE TABLE parsed AS SELECT *, {content_of(all_columns(plan))} AS content FROM folded"
    )


def _folded(name: str) -> str:
    if name == "amount":
        return "CAST(sum(amount) AS DECIMAL(18, 2))"
    if name == "occurred_at":
        return "min(occurred_at)"
    if name == "margin":
        kept = "sum(CAST(amount AS DOUBLE) * margin) / nullif(CAST(sum(amount) AS DOUBLE), 0)"
        return f"CASE WHEN count(margin) = count(*) THEN least(greatest(round({kept}, 9), 0), 1) END"
    return f'min("{name}")'
