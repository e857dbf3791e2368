"""Bulk jobs: a list of customers is taken in whole, their scores are fetched when they are ready."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from sqlalchemy import Connection

from contracts.scores import dumps
from serving.api.answers import JSON
from serving.api.bodies import read_json
from serving.api.documents import KEY_HEADER, Strict, answers_with, body_of
from serving.api.framing import MEDIA_FORMS, Bulk
from serving.api.job_documents import EveryoneDocument, JobDocument, JobQuery
from serving.api.languages import choose_language
from serving.api.once import Written, answer_once
from serving.api.problems import Problem
from serving.jobs import Form, Job, JobRequest, add_job, find_job, result_file, sent_file
from serving.tenants import Tenant

jobs = APIRouter()
_MEDIA: dict[Form, str] = {form: media for media, form in MEDIA_FORMS.items()}
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        **body_of(EveryoneDocument)["requestBody"]["content"],
        "text/csv": {"schema": {"type": "string"}, "example": "customer_id\nC-1\nC-2\n"},
        "application/x-ndjson": {"schema": {"type": "string"}, "example": '{"customer_id": "C-1"}\n'},
        "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
    },
}
_RESULT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The result, streamed, in the form asked for",
        "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in MEDIA_FORMS},
    },
    "default": answers_with(JobDocument)["default"],
}


@jobs.post(
    "/v1/jobs",
    status_code=202,
    responses={202: {"model": JobDocument}, "default": answers_with(JobDocument)["default"]},
    openapi_extra={"requestBody": _BODY, "parameters": [KEY_HEADER]},
)
def post_job(query: Annotated[JobQuery, Query()], request: Request) -> Response:
    """Queue the scoring of a list of customers (CSV, NDJSON or Parquet, up to 64 MiB), or of everyone."""
    tenant: Tenant = request.state.tenant
    now: datetime = request.state.now
    bulk: Bulk = request.state.bulk
    if bulk.form is None and read_json(bulk.file.read_bytes()) != {"everyone": True}:
        raise Problem("unreadable", 'Send {"everyone": true}, or a list as text/csv, NDJSON or Parquet.')
    language = choose_language(query.lang, request.headers.get("accept-language"))
    wanted = JobRequest(bulk.form, query.result or bulk.form or "csv", language)

    def write(connection: Connection) -> Written:
        job_id = add_job(connection, wanted, now)
        bulk.file.rename(sent_file(tenant.workspace, job_id))
        body = dumps({"job_id": job_id, "state": "queued"})
        return Written(202, body, {"Location": f"/v1/jobs/{job_id}", "Retry-After": "2"})

    return answer_once(request, "/v1/jobs", bulk.digest, write)


@jobs.get("/v1/jobs/{job_id}", responses=answers_with(JobDocument))
def get_job(job_id: str, query: Annotated[Strict, Query()], request: Request) -> Response:
    """How far a job is."""
    del query
    job = _find(request.state.tenant, job_id)
    answer = {
        "job_id": job.job_id,
        "state": job.state,
        "created_at": job.created_at,
        "ended_at": job.ended_at,
        "attempts": job.attempts,
        "generation": job.generation,
        "counts": job.counts,
        "reason": job.reason,
        "result": f"/v1/jobs/{job.job_id}/result" if job.state == "done" else None,
    }
    waiting = {"Retry-After": "2"} if job.state in ("queued", "running") else {}
    return Response(dumps(answer), headers=waiting, media_type=JSON)


@jobs.get("/v1/jobs/{job_id}/result", response_class=Response, responses=_RESULT)
def get_result(job_id: str, query: Annotated[Strict, Query()], request: Request) -> Response:
    """The result of a job that is done; kept for seven days."""
    del query
    tenant: Tenant = request.state.tenant
    job = _find(tenant, job_id)
    if job.state != "done":
        raise Problem("not-done", f"The job is {job.state}: see /v1/jobs/{job.job_id}.")
    file = result_file(tenant.workspace, job.job_id)
    if not file.is_file():
        raise Problem("expired", "Results are kept for seven days: send the job again.")
    return FileResponse(file, media_type=_MEDIA[job.request.result])


def _find(tenant: Tenant, job_id: str) -> Job:
    found = find_job(tenant.store.work, job_id)
    if found is None:
        raise Problem("not-found", "No job has this id.")
    return found
