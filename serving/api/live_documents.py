"""The shapes of live requests and answers, as the OpenAPI document shows them."""

from typing import Any

from pydantic import BaseModel, Field, create_model

from contracts.events import TABLES, Column
from contracts.scores import Language
from serving.api.documents import GenerationDocument, RecordField, ResultDocument, Strict
from serving.live.facts import MOST_FACTS, TAKEN

_TYPES: dict[str, Any] = {
    "string": str,
    "instant": str,
    "money": float,
    "number": float,
    "integer": int,
    "flag": bool,
}


def _field(column: Column) -> tuple[Any, Any]:
    kind = _TYPES[column.kind]
    if column.required and column.name != "occurred_at":
        return kind, Field(..., description=column.meaning)
    return kind | None, Field(None, description=column.meaning)


def _fact(table: str) -> type[BaseModel]:
    columns = [each for each in TABLES[table].columns if each.name != "customer_id"]
    fields = {column.name: _field(column) for column in columns}
    more = (
        str | None,
        Field(None, description="Who tells it; with the key, names a row to replace."),
    )
    made: type[BaseModel] = create_model(f"{table.capitalize()}Fact", __base__=Strict, **fields, source=more)  # type: ignore[call-overload]
    return made


_EXAMPLES = {
    "orders": [{"amount": 49.9, "occurred_at": "2026-11-21T05:00:00Z"}],
    "tickets": [{"reason": "delivery", "priority": "high"}],
    "interactions": [{"touchpoint": "delivery.late", "owner": "partner"}],
    "feedback": [{"kind": "nps_relational", "score": 2, "scale_min": 0, "scale_max": 10}],
}
FreshDocument: type[BaseModel] = create_model(  # type: ignore[call-overload]
    "FreshDocument",
    __base__=Strict,
    __doc__="Body of POST rescore: new facts by table.",
    **{
        table: (list[_fact(table)], Field([], max_length=MOST_FACTS, examples=[_EXAMPLES[table]]))  # type: ignore[misc]
        for table in TAKEN
    },
    as_of=(str | None, Field(None, description="From the current scores' as_of to now; left out: now.")),
    lang=(Language | None, None),
    include=(list[RecordField] | None, None),
)


class RescoreDocument(GenerationDocument):
    """Answer of POST rescore; the generation is the one whose history was read."""

    facts: dict[str, int]
    result: ResultDocument
