"""The shapes of an erasure, as the OpenAPI document shows them."""

from typing import Literal

from pydantic import BaseModel, Field

from serving.api.documents import Strict


class ErasureBody(Strict):
    """Body of POST /v1/customers:erase."""

    customer_id: str = Field(min_length=1, max_length=256, examples=["C-1"])


class ErasedDocument(BaseModel):
    """The proof: what was taken, by place, and what a search of every file found afterwards (``hits``)."""

    status: Literal["erased", "left_over"]
    facts: dict[str, int]
    scores: dict[str, int]
    ledger_rows: int
    work_rows: int
    messages: int
    job_files: int
    live_files: int
    copies: dict[str, int]
    searched_files: int
    searched_bytes: int
    hits: list[str]
