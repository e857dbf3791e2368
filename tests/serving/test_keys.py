from datetime import timedelta

import pytest

from contracts.errors import SettingsError
from serving.keys import create_key, find_key, find_keys, revoke_key
from serving.store.work import open_work
from testkit.stored import NOW, make_workspace


@pytest.fixture
def work(tmp_path):
    opened = open_work(make_workspace(tmp_path / "shop"))
    yield opened
    opened.close()


def test_a_key_is_found_by_its_text_and_by_nothing_else(work):
    key, text = create_key(work, ["score:read"], "crm", NOW)
    assert text.startswith(f"fdl_{key.key_id}.")
    assert find_key(work, text, NOW).key_id == key.key_id
    identifier, _, secret = text.partition(".")
    wrong = [
        "",
        text[:-1],
        text + "A",
        text.swapcase(),
        f"{identifier}.{secret.swapcase()}",
        f"{identifier}.{'A' * 43}",
        identifier,
        text + "\n",
        " " + text,
        text.replace("fdl_", "FDL_"),
        "\ud800",
    ]
    assert [each for each in wrong if find_key(work, each, NOW) is not None] == []


def test_a_revoked_key_opens_nothing_and_keeps_its_first_instant(work):
    key, text = create_key(work, ["admin"], "", NOW)
    closed = revoke_key(work, key.key_id, NOW)
    assert find_key(work, text, NOW) is None
    assert revoke_key(work, key.key_id, NOW + timedelta(days=1)) == closed


def test_the_day_of_the_last_use_is_kept_and_no_finer_instant(work):
    _, text = create_key(work, ["admin"], "", NOW)
    assert find_keys(work)[0].last_used_day is None
    find_key(work, text, NOW)
    find_key(work, text, NOW + timedelta(days=2))
    assert find_keys(work)[0].last_used_day == "2026-11-23"


def test_scopes_are_checked_when_a_key_is_made(work):
    with pytest.raises(SettingsError, match="Scope 'score:write' is unknown: choose from score:read"):
        create_key(work, ["score:read", "score:write"], "", NOW)
    with pytest.raises(SettingsError, match="A key without a scope opens nothing"):
        create_key(work, [], "", NOW)
    with pytest.raises(SettingsError, match="No key 'nope' here"):
        revoke_key(work, "nope", NOW)


def test_admin_may_do_everything_and_others_what_they_were_given(work):
    admin, _ = create_key(work, ["admin"], "", NOW)
    reader, _ = create_key(work, ["score:read"], "", NOW)
    assert admin.allows("score:read")
    assert admin.allows("model:read")
    assert not reader.allows("model:read")


def test_the_secret_of_a_key_is_nowhere_in_the_database(tmp_path):
    workspace = make_workspace(tmp_path / "shop")
    work = open_work(workspace)
    _, text = create_key(work, ["admin"], "crm", NOW)
    work.close()
    content = workspace.work_database.read_bytes()
    assert b"crm" in content
    assert text.partition(".")[2].encode() not in content
