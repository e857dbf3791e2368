"""The shapes of requests and answers, as the OpenAPI document shows them; answers are spliced bytes."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from contracts.scores import FIELDS, Band, Kind, Language, ScoreRecord, Segment
from serving.store.rows import Sort

RecordField = Literal[FIELDS]  # type: ignore[valid-type]
BODIES: dict[str, Any] = {}
"""Schemas of request bodies by name, for the OpenAPI document; filled by ``body_of``."""


KEY_HEADER: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A new value per request, the same when it is sent again; kept for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


class Strict(BaseModel):
    """A query whose unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class ScoreQuery(Strict):
    """Query of a single score."""

    lang: Language | None = Field(None, description="Language of the texts; else Accept-Language, else en.")


class HistoryQuery(ScoreQuery):
    """Query of a customer's history."""

    include: str | None = Field(
        None, max_length=1000, description="Fields of the score record, by commas; left out: all."
    )

    @field_validator("include")
    @classmethod
    def check_include(cls, value: str | None) -> str | None:
        """Refuse a field that no record has."""
        if value is not None and set(value.split(",")) - set(FIELDS):
            raise ValueError("unknown field")
        return value

    @property
    def fields(self) -> tuple[str, ...] | None:
        """The fields asked for."""
        return None if self.include is None else tuple(self.include.split(","))


class AtRiskQuery(ScoreQuery):
    """Query of the list."""

    sort: Sort = Field("contact_value", description="Order, always downwards; ties by id.")
    limit: int = Field(25, ge=1, le=100)
    cursor: str | None = Field(None, max_length=512, description="next_cursor of the page before.")
    segment: Segment | None = Field(None, description="None: everyone in play. lapsed: the win-back view.")
    band: Band | None = None
    kind: Kind | None = Field(None, description="None: shoppers and subscribers in one list; see kinds.")


class ChangesQuery(ScoreQuery):
    """Query of the feed of changes."""

    changed_since: str | None = Field(
        None, max_length=80, description="A generation the caller has seen; left out: everything."
    )
    limit: int = Field(100, ge=1, le=1000)
    cursor: str | None = Field(None, max_length=512)


class AskedDocument(Strict):
    """Body of POST /v1/scores."""

    customer_ids: list[str | Any] = Field(
        max_length=1000,
        examples=[["C-1", "C-2"]],
        description="What is no id, or nobody's, is answered as such and costs the others nothing.",
    )
    include: list[RecordField] | None = Field(None, description="Fields of the record; left out: all.")
    lang: Language | None = None


class ReasonDocument(BaseModel):
    """Why one customer has no score."""

    type: str
    code: Literal["no_first_order", "already_ended", "suppressed", "no_model", "unknown", "bad_id"]
    title: str
    pointer: str | None = None


class ResultDocument(BaseModel):
    """One customer's result."""

    customer_id: str | None
    status: Literal["scored", "not_scored"]
    repeated: bool | None = None
    score: ScoreRecord | None = None
    problem: ReasonDocument | None = None


class GenerationDocument(BaseModel):
    """The generation an answer comes from; nulls before the first."""

    as_of: str | None
    generation: str | None
    model_version: str | None


class ScoresDocument(GenerationDocument):
    """Answer of POST /v1/scores."""

    results: list[ResultDocument]
    summary: dict[str, int]


class AtRiskDocument(GenerationDocument):
    """A page of the list; ``kinds`` says whom it may hold, as each record's ``kind`` does."""

    kinds: list[Kind]
    data: list[ScoreRecord]
    next_cursor: str | None


class PastDocument(GenerationDocument, ResultDocument):
    """One customer's result in one generation."""


class HistoryDocument(BaseModel):
    """One customer's results, newest generation first."""

    data: list[PastDocument]


class CodeDocument(BaseModel):
    """A code and what it means."""

    code: str
    text: str


class CauseDocument(CodeDocument):
    """A code of a reason: a feature of the model."""

    family: str
    owner: str
    actionable: bool
    unit: str


class ReasonsDocument(BaseModel):
    """The catalogue of codes."""

    model_version: str | None
    reasons: list[CauseDocument]
    families: list[CodeDocument]
    flags: list[CodeDocument]
    not_scored: list[CodeDocument]


class ChangesDocument(GenerationDocument):
    """A page of the feed of changes."""

    data: list[ResultDocument]
    next_cursor: str | None


class ModelDocument(GenerationDocument):
    """What is being served."""

    scored_at: str | None
    facts_until: str | None
    scored: int
    kinds: dict[str, int]
    not_scored: dict[str, int]
    flags: list[str]
    champion: str | None
    current: bool
    in_service: str | None
    degraded: bool
    degraded_reason: str | None


class FaultDocument(BaseModel):
    """One fault of a request."""

    pointer: str
    code: str
    detail: str


class ProblemDocument(BaseModel):
    """RFC 9457."""

    type: str = Field(examples=["urn:fedele:problem:invalid"])
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FaultDocument] | None = None
    errors_truncated: bool | None = None


def body_of(model: type[BaseModel], *parameters: dict[str, Any]) -> dict[str, Any]:
    """Return what the OpenAPI document says of a body that is read by hand, and of headers beside it."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    BODIES.update(schema.pop("$defs", {}))
    BODIES[model.__name__] = schema
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
    more = {"parameters": list(parameters)} if parameters else {}
    return {"requestBody": {"content": content, "required": True}, **more}


def answers_with(model: Any) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of a route: its answer, and a problem for everything else."""
    return {200: {"model": model}, "default": {"model": ProblemDocument, "description": "A problem document"}}
