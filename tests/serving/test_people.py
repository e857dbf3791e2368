"""People and their passwords: roles, the pause after bad tries, and that nothing readable is kept."""

from datetime import timedelta

import pytest

from contracts.errors import SettingsError
from serving import people
from serving.people import (
    FORGET_AFTER,
    FREE_TRIES,
    LONGEST_PAUSE,
    TooManyTries,
    add_user,
    check_password,
    disable_user,
    find_by_subject,
    find_users,
)
from serving.roles import GRANTS, ROLES
from serving.sessions import create_entry_code, find_session, open_session, redeem_entry_code
from serving.store.work import open_work
from testkit.stored import NOW, make_workspace

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    monkeypatch.setattr(people, "COST", (1, 8, 1))


@pytest.fixture
def work(tmp_path):
    opened = open_work(make_workspace(tmp_path / "shop"))
    yield opened
    opened.close()


def test_the_right_password_opens_and_no_other_does(work):
    add_user(work, "ada@example.com", "agent", NOW, PASSWORD)
    assert check_password(work, "ada@example.com", PASSWORD, NOW).role == "agent"
    for wrong in ("", PASSWORD[:-1], PASSWORD + " ", PASSWORD.upper()):
        assert check_password(work, "ada@example.com", wrong, NOW) is None


@pytest.mark.parametrize("name", ["ada@example.com", "nobody@example.com"])
def test_after_bad_tries_even_the_right_password_waits_known_name_or_not(work, name):
    add_user(work, "ada@example.com", "agent", NOW, PASSWORD)
    for _ in range(FREE_TRIES):
        assert check_password(work, name, "wrong", NOW) is None
    with pytest.raises(TooManyTries, match="60"):
        check_password(work, name, PASSWORD, NOW)


def test_the_pause_doubles_up_to_an_hour_and_a_good_sign_in_ends_it(work):
    add_user(work, "ada", "agent", NOW, PASSWORD)
    now, pauses = NOW, []
    for _ in range(30):
        try:
            check_password(work, "ada", "wrong", now)
        except TooManyTries as error:
            pauses.append(error.seconds)
            now += timedelta(seconds=error.seconds)
    assert pauses[:3] == [60, 120, 240]
    assert max(pauses) == LONGEST_PAUSE.total_seconds()
    now += LONGEST_PAUSE
    assert check_password(work, "ada", PASSWORD, now) is not None
    assert check_password(work, "ada", "wrong", now) is None
    assert check_password(work, "ada", PASSWORD, now) is not None


def test_bad_tries_of_long_ago_are_forgotten(work):
    for _ in range(FREE_TRIES - 1):
        check_password(work, "ada", "wrong", NOW)
    later = NOW + FORGET_AFTER + timedelta(hours=1)
    for _ in range(FREE_TRIES - 1):
        assert check_password(work, "ada", "wrong", later) is None


def test_only_an_argon2id_hash_is_kept(tmp_path):
    workspace = make_workspace(tmp_path / "shop")
    work = open_work(workspace)
    add_user(work, "ada", "agent", NOW, PASSWORD)
    work.close()
    content = workspace.work_database.read_bytes()
    assert b"$argon2id$" in content
    assert PASSWORD.encode() not in content


def test_the_usual_cost_is_what_the_standard_asks_for():
    from argon2 import PasswordHasher

    assert PasswordHasher().memory_cost >= 65_536 >= 19_456


def test_who_is_disabled_is_out_at_once_with_every_session(work):
    user = add_user(work, "ada", "lead", NOW, PASSWORD)
    token = open_session(work, user, NOW)
    assert find_session(work, token, NOW).role == "lead"
    closed = disable_user(work, "ada", NOW)
    assert find_session(work, token, NOW) is None
    assert check_password(work, "ada", PASSWORD, NOW) is None
    assert disable_user(work, "ada", NOW + timedelta(days=1)) == closed


def test_another_role_ends_the_sessions_of_the_old_one(work):
    user = add_user(work, "ada", "admin", NOW, PASSWORD)
    token = open_session(work, user, NOW)
    add_user(work, "ada", "viewer", NOW, PASSWORD)
    assert find_session(work, token, NOW) is None


def test_a_sign_in_ends_the_session_the_browser_came_with(work):
    user = add_user(work, "ada", "agent", NOW, PASSWORD)
    before = open_session(work, user, NOW)
    after = open_session(work, user, NOW, before)
    assert before != after
    assert find_session(work, before, NOW) is None
    assert find_session(work, after, NOW).user == "ada"


def test_who_comes_by_the_link_of_the_machine_is_an_admin_without_a_name(work):
    session = find_session(work, redeem_entry_code(work, create_entry_code(work, NOW), NOW), NOW)
    assert (session.user, session.role) == (None, "admin")


def test_a_subject_finds_its_person_until_disabled(work):
    add_user(work, "ada", "agent", NOW, None, "idp-1")
    assert find_by_subject(work, "idp-1").name == "ada"
    assert check_password(work, "ada", "", NOW) is None
    disable_user(work, "ada", NOW)
    assert find_by_subject(work, "idp-1") is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Ada Lovelace"}, "A name has 1 to 100"),
        ({"role": "owner"}, "Role 'owner' is unknown: choose from viewer, agent"),
        ({"password": "short"}, "A password has 12 to 256 characters"),
        ({"password": None}, "needs a password, or --subject"),
    ],
)
def test_what_a_person_cannot_be_is_said(work, changes, words):
    with pytest.raises(SettingsError, match=words):
        add_user(work, **{"name": "ada", "role": "agent", "now": NOW, "password": PASSWORD} | changes)
    assert find_users(work) == []


def test_a_subject_belongs_to_one_person_only(work):
    add_user(work, "ada", "agent", NOW, None, "idp-1")
    with pytest.raises(SettingsError, match="belongs to ada"):
        add_user(work, "bea", "agent", NOW, None, "idp-1")
    with pytest.raises(SettingsError, match="Nobody is called 'eve' here"):
        disable_user(work, "eve", NOW)


def test_every_role_may_read_and_only_an_admin_everything():
    assert set(GRANTS) == set(ROLES)
    assert all("desk:read" in grants for grants in GRANTS.values())
    assert [role for role in ROLES if "desk:admin" in GRANTS[role]] == ["admin"]
