"""The contract of the API, frozen: what a program was built against stays as it is within /v1."""

import json

import pytest
from jsonschema import Draft202012Validator

from contracts import scores
from serving.api.examples import EXAMPLES
from serving.api.paths import PATHS
from testkit.tree import ROOT

FROZEN = ROOT / "tests" / "serving" / "openapi.json"
PREFIX = "#/components/schemas/"


@pytest.fixture(scope="module")
def document(served):
    return served.reader.get("/v1/openapi.json").json()


def test_the_document_is_the_frozen_one(document):
    """Only additions may change the frozen file, after reading every line of the difference."""
    frozen = json.loads(FROZEN.read_text(encoding="utf-8"))
    told = document | {"info": document["info"] | {"version": "*"}}
    assert told == frozen, (
        "See docs/api.md, Compatibility: only additions may change tests/serving/openapi.json."
    )


def test_the_document_covers_every_route_and_the_record(document):
    assert document["openapi"].startswith("3.1")
    known = {each.template: set(each.methods) for each in PATHS if each.template.startswith("/v1/")}
    del known["/v1/openapi.json"]
    told = {path: {method.upper() for method in each} for path, each in document["paths"].items()}
    assert told == known
    assert list(document["components"]["schemas"]["ScoreRecord"]["properties"]) == list(scores.FIELDS)
    for operations in document["paths"].values():
        for operation in operations.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_every_reference_in_the_document_leads_somewhere(document):
    def walk(value):
        if isinstance(value, dict):
            if "$ref" in value:
                yield value["$ref"]
            for each in value.values():
                yield from walk(each)
        elif isinstance(value, list):
            for each in value:
                yield from walk(each)

    references = set(walk(document))
    assert references
    assert {each.removeprefix(PREFIX) for each in references} <= set(document["components"]["schemas"])


def test_every_answer_in_json_comes_with_an_example(document):
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            good = next(each for status, each in operation["responses"].items() if status.startswith("2"))
            assert "application/json" not in good["content"] or (method, path) in EXAMPLES


@pytest.mark.parametrize("place", EXAMPLES, ids=" ".join)
def test_every_example_is_what_its_schema_says(document, place):
    method, path = place
    operation = document["paths"][path][method]
    status = "202" if path == "/v1/jobs" and method == "post" else "200"
    content = operation["responses"][status]["content"]["application/json"]
    assert content["example"] == EXAMPLES[place]
    schema = content["schema"] | {"components": document["components"]}
    assert list(Draft202012Validator(schema).iter_errors(content["example"])) == []
