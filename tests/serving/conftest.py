"""Stores on both databases, and the service around a small store."""

import logging

import pytest

from serving.keys import create_key
from serving.store.generations import open_store
from serving.tenants import Tenants
from testkit.postgres import open_postgres
from testkit.service import Caller, build_service
from testkit.stored import NOW, build_info, build_rows, make_workspace


@pytest.fixture(scope="session")
def postgres_url():
    with open_postgres() as url:
        if url is None:
            pytest.skip("No PostgreSQL: install one, or name it in FEDELE_TEST_POSTGRES.")
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def workspace(request, tmp_path):
    """An empty workspace of its own on each database."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    return make_workspace(tmp_path / "shop", name=tmp_path.name, url=url)


@pytest.fixture
def store(workspace):
    opened = open_store(workspace)
    yield opened
    opened.close()


def write_generation(store, generation="g1", count=60):
    with store.begin(build_info(generation)) as writer:
        writer.add(build_rows(count, generation))
        return writer.finish()


@pytest.fixture
def write():
    return write_generation


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Two workspaces behind one service; the first has scores and all keys are named by what they may do."""
    folder = tmp_path_factory.mktemp("tenants")
    workspaces = [make_workspace(folder / name, name=name) for name in ("acme", "bolt")]
    tenants = Tenants()
    tenants.open([each.root for each in workspaces])
    first, second = tenants
    write_generation(first.store)
    with second.store.begin(build_info("h1")) as writer:
        writer.finish()
    served = Served(tenants, Caller(build_service(tenants, lambda: NOW)))
    for name, tenant, scopes in (
        ("reader", first, ["score:read", "model:read"]),
        ("modeller", first, ["model:read"]),
        ("admin", first, ["admin"]),
        ("crm", first, ["score:read", "score:live", "outcome:write", "job:write", "model:read"]),
        ("neighbour", second, ["score:read", "model:read"]),
        ("other_crm", second, ["score:read", "score:live", "outcome:write", "job:write"]),
    ):
        _, text = create_key(tenant.store.work, scopes, name, NOW)
        setattr(served, name, Caller(served.anyone.app, text))
    yield served
    tenants.close()


class Served:
    """The service under test: ``anyone`` has no key, the others are named by what their key may do."""

    def __init__(self, tenants, anyone):
        self.tenants = tenants
        self.anyone = anyone

    @property
    def first(self):
        return next(iter(self.tenants))


@pytest.fixture
def lines(caplog):
    """Every line the service logs while a test runs."""
    caplog.set_level(logging.DEBUG)
    return caplog
