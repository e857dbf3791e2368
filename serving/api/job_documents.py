"""The shapes of bulk jobs, as the OpenAPI document shows them."""

from typing import Literal

from pydantic import BaseModel, Field

from serving.api.documents import ScoreQuery, Strict
from serving.jobs import Form, State


class JobQuery(ScoreQuery):
    """Query of POST /v1/jobs."""

    result: Form | None = Field(None, description="Form of the result; left out: that of the list sent.")


class EveryoneDocument(Strict):
    """Body that asks for everyone instead of a list."""

    everyone: Literal[True]


class JobDocument(BaseModel):
    """A job: ``counts`` and ``result`` once it is done, ``reason`` when it failed."""

    job_id: str
    state: State
    created_at: str | None = None
    ended_at: str | None = None
    attempts: int | None = None
    generation: str | None = None
    counts: dict[str, int] | None = None
    reason: str | None = Field(
        None,
        examples=[
            *("unreadable", "no_column", "too_many", "no_scores", "stopped", "too_long", "store"),
            *("erasure", "objection"),
        ],
    )
    result: str | None = None
