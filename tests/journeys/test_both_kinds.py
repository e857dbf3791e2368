"""A company of shoppers and subscribers, from its tables to the API and the desk, through the real app."""

import re

import pytest
from starlette.testclient import TestClient

from serving.desk.entry import create_link
from serving.keys import create_key
from serving.tenants import Tenants
from testkit.service import Caller, build_service
from testkit.workspaces import NOW, find_shop

pytestmark = pytest.mark.xdist_group("shop")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A caller with a key and a signed-in person before a copy of the scored company."""
    workspace = find_shop().copy(tmp_path_factory.mktemp("both") / "shop")
    tenants = Tenants()
    tenants.open([workspace.root])
    app = build_service(tenants, lambda: NOW)
    _, text = create_key(next(iter(tenants)).store.work, ["score:read", "model:read"], "", NOW)
    person = TestClient(app, base_url="http://127.0.0.1:3000", client=("127.0.0.1", 50000))
    code = create_link(workspace, NOW).address.partition("#")[2]
    person.post("/desk/enter?lang=en", data={"code": code})
    yield Caller(app, text), person
    tenants.close()


def test_subscribers_are_on_the_list_with_curves_of_having_ended_that_never_fall(served):
    caller, _ = served
    answer = caller.get("/v1/at-risk", "kind=subscription&limit=100").json()
    present = find_shop().training.subscribers.data.present
    assert {record["customer_id"] for record in answer["data"]} == set(present.index["customer_id"])
    for record in answer["data"]:
        ended = [point["churn_probability"] for point in record["curve"]]
        assert ended == sorted(ended)
        assert record["p_alive"] is None


def test_shoppers_keep_their_own_curves_that_never_rise(served):
    caller, _ = served
    for record in caller.get("/v1/at-risk", "kind=shop&limit=100").json()["data"]:
        silent = [point["churn_probability"] for point in record["curve"]]
        assert silent == sorted(silent, reverse=True)


def test_the_desk_says_how_many_of_each_kind_its_list_holds(served):
    caller, person = served
    counts = caller.get("/v1/model").json()["kinds"]
    page = person.get("/desk?lang=en").text
    told = re.search(r"This list holds (\d+) shoppers and (\d+) subscribers together", page)
    assert told is not None
    assert int(told.group(2)) == counts["subscription"]
    assert int(told.group(1)) <= counts["shop"]
    only = person.get("/desk?lang=it&kind=subscription").text
    assert "Questo elenco contiene insieme" not in only
    assert f"<strong>{counts['subscription']} clienti</strong>" in only
