"""The shapes of outcomes, as the OpenAPI document shows them."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from serving.api.documents import FaultDocument, Strict
from serving.outcomes import Result


class OutcomesQuery(Strict):
    """Query of POST /v1/outcomes."""

    atomic: bool = Field(False, description="true: store all of them or none.")


class ToldOutcome(Strict):
    """An outcome as it is sent."""

    customer_id: str = Field(max_length=256, examples=["C-1"])
    result: Result
    occurred_at: str = Field(description="RFC 3339 with an offset.", examples=["2026-11-21T05:00:00Z"])
    action: str | None = Field(None, max_length=256, description="call, mail, offer, ...; left out: contact.")
    campaign_id: str | None = Field(None, max_length=256)
    arm: Literal["treated", "holdout"] | None = None
    cost: float | None = Field(None, ge=0, description="In the workspace's currency.")


class OutcomesBody(Strict):
    """Body of POST /v1/outcomes."""

    outcomes: list[ToldOutcome | Any] = Field(
        max_length=1000, description="What is not right is answered as such and costs the others nothing."
    )


class OutcomeResult(BaseModel):
    """What became of one outcome sent."""

    index: int
    status: Literal["ok", "error"]
    outcome_id: str | None = None
    etag: str | None = None
    errors: list[FaultDocument] | None = None


class OutcomesDocument(BaseModel):
    """Answer of POST /v1/outcomes, in the order sent."""

    results: list[OutcomeResult]
    summary: dict[str, int]


class OutcomeDocument(BaseModel):
    """One stored outcome."""

    outcome_id: str
    revision: int
    recorded_at: str
    customer_id: str
    result: Result
    occurred_at: str
    action: str
    campaign_id: str | None = None
    arm: str | None = None
    cost: float | None = None
