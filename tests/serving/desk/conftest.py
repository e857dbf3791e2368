"""A signed-in person before the real app, with a small true-to-life store."""

import pytest
from starlette.testclient import TestClient

from serving.desk.entry import create_link
from serving.store.generations import open_store
from serving.tenants import Tenants
from testkit.desk import NOW, make_workspace, write_generation
from testkit.service import build_service

HERE = "http://127.0.0.1:3000"


@pytest.fixture(scope="package")
def workspace(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("desk") / "shop")


@pytest.fixture
def tenants(workspace):
    opened = Tenants()
    opened.open([workspace.root])
    yield opened
    opened.close()


def build_visitor(tenants, now=NOW, client="127.0.0.1", base=HERE):
    app = build_service(tenants, lambda: now)
    return TestClient(app, base_url=base, client=(client, 50000), follow_redirects=False)


def sign_in(visitor, workspace, now=NOW):
    code = create_link(workspace, now).address.partition("#")[2]
    answer = visitor.post("/desk/enter?lang=en", data={"code": code})
    assert answer.status_code == 303, answer.text
    return visitor


@pytest.fixture
def visitor(tenants):
    """Someone without a session."""
    return build_visitor(tenants)


@pytest.fixture
def person(visitor, workspace):
    """Someone who has signed in."""
    return sign_in(visitor, workspace)


@pytest.fixture
def visit():
    """Open a desk of one's own: another time, another workspace, another caller."""
    opened = []

    def open_desk(workspaces, now=NOW, signed_in=True, **named):
        tenants = Tenants()
        tenants.open([each.root for each in workspaces])
        opened.append(tenants)
        visitor = build_visitor(tenants, now, **named)
        return sign_in(visitor, workspaces[0], now) if signed_in else visitor

    yield open_desk
    for tenants in opened:
        tenants.close()


@pytest.fixture
def desk_with(tmp_path, visit):
    """A signed-in person before a store of exactly these rows."""

    def open_desk(*rows):
        workspace = make_workspace(tmp_path / "shop", count=0)
        store = open_store(workspace)
        write_generation(store, iter(rows))
        store.close()
        return visit([workspace])

    return open_desk
