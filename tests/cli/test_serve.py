"""``fedele serve``: what it says before it serves, and the sandbox; the server itself is another test's."""

import json
from pathlib import Path

import pytest

from serving.sandbox import list_states
from testkit.stored import make_workspace


@pytest.fixture
def started(monkeypatch):
    """What the server would have been started with, and what lay in the first folder then."""
    seen = []

    def start(folders, host, port, workers):
        files = sorted(each.name for each in Path(folders[0]).iterdir())
        seen.append((folders, host, port, workers, files))
        return 0

    monkeypatch.setattr("serving.server.start_server", start)
    return seen


def test_serving_names_the_address_and_every_workspace(fedele, started, tmp_path):
    roots = [make_workspace(tmp_path / name).root for name in ("acme", "bolt")]
    told = fedele(
        "serve", "--workspace", str(roots[0]), "--workspace", str(roots[1]), "--port", "3999", "--json"
    )
    assert told.status == 0
    assert json.loads(told.out) == {
        "url": "http://127.0.0.1:3999",
        "workspaces": [str(each) for each in roots],
    }
    ((folders, host, port, workers, _),) = started
    assert ([str(each) for each in folders], host, port, workers) == (
        [str(each) for each in roots],
        "127.0.0.1",
        3999,
        1,
    )


def test_the_sandbox_prints_its_customers_and_a_key_and_leaves_nothing_behind(fedele, started):
    told = fedele("serve", "--sandbox", "--json")
    assert told.status == 0
    assert json.loads(told.out)["customers"] == list_states()
    assert json.loads(told.out)["key"].startswith("fdl_")
    ((folders, *_, files),) = started
    assert {"fedele.toml", "scores", "work.db"} <= set(files)
    assert not folders[0].exists()


def test_the_sandbox_in_words_names_each_state_and_the_key(fedele, started):
    told = fedele("serve", "--sandbox")
    assert all(customer_id in told.out for customer_id in list_states())
    assert "The key to them: fdl_" in told.out


def test_the_sandbox_takes_no_workspace_beside_it(fedele, started, tmp_path):
    told = fedele("serve", "--sandbox", "--workspace", str(tmp_path))
    assert told.status == 2
    assert "workspace of its own" in told.err
    assert started == []
