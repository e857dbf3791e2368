"""An example file for each table: a header and two rows that ingest reads as they stand."""

import csv
import io

from contracts.errors import IngestError
from contracts.events import TABLES, Column

_FIRST = {
    "customer_id": "C-1001",
    "occurred_at": "2026-01-31T09:30:00+01:00",
    "amount": "49.90",
    "currency": "EUR",
    "margin": "0.35",
    "channel": "web",
    "refund_of": "",
    "ended_at": "",
    "plan": "basic",
    "monthly_fee": "19.00",
    "touchpoint": "website.visit",
    "duration_s": "120",
    "priority": "high",
    "reason": "delivery",
    "first_response_at": "2026-01-31T10:00:00+01:00",
    "resolved_at": "",
    "reopened_count": "0",
    "score": "9",
    "scale_min": "0",
    "scale_max": "10",
    "brand": "",
    "text": "Quick and friendly.",
    "language": "en",
    "campaign_id": "K-1",
    "cost": "2.50",
    "outcome": "reached",
    "acquisition_channel": "search",
    "acquisition_cost": "12.00",
    "country": "IT",
    "profiling_consent": "true",
}
_SECOND = _FIRST | {
    "customer_id": "C-1002",
    "occurred_at": "2026-02-14T18:05:00+01:00",
    "amount": "120.00",
    "channel": "store",
    "plan": "plus",
    "first_response_at": "2026-02-14T19:00:00+01:00",
    "score": "3",
    "text": "Il pacco è arrivato tardi.",
    "language": "it",
    "profiling_consent": "false",
}


def render_template(table: str) -> str:
    """Return CSV text: the table's columns and two rows.

    Raises:
        IngestError: the table is unknown.

    Examples:
        >>> print(render_template("orders").splitlines()[0])
        order_id,customer_id,occurred_at,amount,currency,margin,channel,refund_of
    """
    if table not in TABLES:
        raise IngestError(f"There is no table {table!r}: choose one of {', '.join(TABLES)}.")
    contract = TABLES[table]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(contract.names)
    for number, values in enumerate((_FIRST, _SECOND), start=1):
        writer.writerow(_cell(column, contract.key, values, number) for column in contract.columns)
    return text.getvalue()


def _cell(column: Column, key: str, values: dict[str, str], number: int) -> str:
    if column.values:
        return column.values[number - 1]
    if column.name == key and key != "customer_id":
        return f"{key[0].upper()}-{number}"
    return values.get(column.name, "call")
