"""Signing in by name or through the company's service; what each role may open; forms of other sites."""

import re
import tomllib

import httpx
import pytest
from joserfc.jwk import RSAKey

from serving import people
from serving.desk.doors import AWAY_COOKIE
from serving.desk.entry import COOKIE
from serving.desk.pages import build_desk
from serving.people import FREE_TRIES, add_user
from serving.store.work import open_work
from serving.tenants import Tenants
from testkit.desk import NOW, make_workspace
from testkit.provider import CLIENT, SECRET, follow, serve_provider

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    monkeypatch.setattr(people, "COST", (1, 8, 1))


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("doors") / "shop", count=30)


def add(workspace, name, role, subject=None):
    work = open_work(workspace)
    add_user(work, name, role, NOW, None if subject else PASSWORD, subject)
    work.close()


def sign_in(visitor, name, password=PASSWORD, **headers):
    page = visitor.get("/desk/sign-in?lang=en").text
    token = re.search(r'name="token" value="([^"]+)"', page).group(1)
    form = {"name": name, "password": password, "token": token}
    return visitor.post("/desk/sign-in?lang=en", data=form, headers=headers)


@pytest.mark.parametrize(
    ("role", "may_export"),
    [("viewer", False), ("agent", False), ("lead", True), ("analyst", True), ("admin", True)],
)
def test_each_role_reads_the_list_and_some_take_it_away(shop, visit, role, may_export):
    add(shop, role, role)
    visitor = visit([shop], signed_in=False, client="192.168.1.5", base="https://desk.example")
    assert sign_in(visitor, role.upper()).headers["location"] == "/desk?lang=en"
    page = visitor.get("/desk?lang=en")
    assert page.status_code == 200
    assert ("export.csv" in page.text) == may_export
    answer = visitor.get("/desk/export.csv?lang=en")
    assert answer.status_code == (200 if may_export else 403)
    assert ("Not with your role" in answer.text) != may_export


def test_a_wrong_password_is_refused_and_after_several_one_waits(shop, visit):
    add(shop, "bad", "agent")
    visitor = visit([shop], signed_in=False)
    for _ in range(FREE_TRIES):
        answer = sign_in(visitor, "bad", "wrong")
        assert answer.status_code == 403
        assert "do not fit together" in answer.text
        assert COOKIE not in visitor.cookies
    answer = sign_in(visitor, "bad")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert "Too many tries" in answer.text


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_a_sign_in_form_of_another_site_is_refused(shop, visit, headers):
    add(shop, "ada", "agent")
    visitor = visit([shop], signed_in=False)
    assert sign_in(visitor, "ada", **headers).status_code == 403
    assert sign_in(visitor, "ada").status_code == 303


def test_a_sign_in_form_without_the_token_of_the_browser_is_refused(shop, visit):
    add(shop, "ada", "agent")
    visitor = visit([shop], signed_in=False)
    form = {"name": "ada", "password": PASSWORD}
    assert visitor.post("/desk/sign-in", data=form).status_code == 403
    visitor.get("/desk/sign-in")
    assert visitor.post("/desk/sign-in", data=form | {"token": "x"}).status_code == 403


def test_no_address_of_the_desk_takes_a_form_of_another_site(shop, visit):
    visitor = visit([shop])
    takers = [route.path for route in build_desk(Tenants(), lambda: NOW) if "POST" in route.methods]
    assert set(takers) == {"/desk/enter", "/desk/leave", "/desk/sign-in"}
    for path in takers:
        answer = visitor.post(path, data={"token": "x"}, headers={"origin": "https://evil.example"})
        assert answer.status_code == 403, path
    assert visitor.get("/desk").status_code == 200


def test_a_session_set_by_somebody_else_is_never_taken_over(shop, visit):
    add(shop, "ada", "agent")
    visitor = visit([shop], signed_in=False)
    visitor.cookies.set(COOKIE, "chosen-by-somebody-else", path="/desk")
    sign_in(visitor, "ada")
    kept = [cookie.value for cookie in visitor.cookies.jar if cookie.name == COOKIE]
    assert all(len(value) == 43 or value == "chosen-by-somebody-else" for value in kept)
    stranger = visit([shop], signed_in=False)
    stranger.cookies.set(COOKIE, "chosen-by-somebody-else", path="/desk")
    assert stranger.get("/desk").status_code == 401


@pytest.fixture
def company(tmp_path, visit):
    """A desk whose people sign in elsewhere, and the service where they do."""
    with serve_provider(NOW) as provider:
        workspace = make_workspace(tmp_path / "shop", count=5)
        file = workspace.root / "fedele.toml"
        filled = f'issuer = "{provider.url}"\nclient_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
        back = 'redirect_url = "http://127.0.0.1:3000/desk/oidc/back"\n'
        before, heading, after = file.read_text(encoding="utf-8").partition("[oidc]")
        file.write_text(before + heading + "\n" + filled + back + after, encoding="utf-8")
        tomllib.loads(file.read_text(encoding="utf-8"))
        add(workspace, "ada", "lead", "person-1")
        yield visit([workspace], signed_in=False), provider


def go_and_return(visitor, provider, **changes):
    """Follow the browser there and back; ``changes`` are put over what it brings back."""
    away = visitor.get("/desk/oidc/away?lang=en")
    if away.status_code != 303:
        return away
    there = httpx.get(away.headers["location"], follow_redirects=False)
    path, query = follow(there.headers["location"])
    return visitor.get(path, params=query | changes)


def test_who_the_company_vouches_for_comes_in_with_the_role_given_here(company):
    visitor, provider = company
    assert "company" in visitor.get("/desk/sign-in?lang=en").text
    assert go_and_return(visitor, provider).status_code == 303
    assert visitor.get("/desk/export.csv").status_code == 200
    assert AWAY_COOKIE not in visitor.cookies


def test_who_is_unknown_here_stays_outside(company):
    visitor, provider = company
    provider.subject = "somebody-else"
    answer = go_and_return(visitor, provider)
    assert answer.status_code == 403
    assert "Nobody here by that account" in answer.text


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another-service"},
        {"aud": [CLIENT, "another-service"], "azp": "another-service"},
        {"nonce": "another"},
        {"exp": 1},
        {"iat": 4_000_000_000},
    ],
    ids=lambda claims: next(iter(claims)),
)
def test_an_identity_that_does_not_check_opens_nothing(company, claims):
    visitor, provider = company
    provider.changes = claims
    answer = go_and_return(visitor, provider)
    assert answer.status_code == 403
    assert "did not vouch" in answer.text
    assert COOKIE not in visitor.cookies


def test_an_identity_signed_by_another_key_opens_nothing(company):
    visitor, provider = company
    provider.signer = RSAKey.generate_key(2048, {"kid": "one"})
    assert go_and_return(visitor, provider).status_code == 403


def test_a_state_or_code_of_another_browser_opens_nothing(company):
    visitor, provider = company
    assert go_and_return(visitor, provider, state="another").status_code == 403
    assert go_and_return(visitor, provider, code="another").status_code == 403
    assert visitor.get("/desk/oidc/back?state=&code=x").status_code == 403


def test_coming_back_twice_opens_nothing_the_second_time(company):
    visitor, _ = company
    away = visitor.get("/desk/oidc/away").headers["location"]
    path, query = follow(httpx.get(away, follow_redirects=False).headers["location"])
    cookies = dict(visitor.cookies)
    assert visitor.get(path, params=query).status_code == 303
    visitor.cookies.clear()
    visitor.cookies.update(cookies)
    assert visitor.get(path, params=query).status_code == 403


@pytest.mark.parametrize(
    "found",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": ""},
    ],
    ids=lambda found: next(iter(found)),
)
def test_a_service_that_sends_us_elsewhere_is_not_followed(company, found):
    visitor, provider = company
    provider.discovered = found
    assert visitor.get("/desk/oidc/away?lang=en").status_code == 503


def test_without_settings_there_is_no_such_door(shop, visit):
    visitor = visit([shop], signed_in=False)
    assert visitor.get("/desk/oidc/away").status_code == 404
    assert visitor.get("/desk/oidc/back?state=a&code=b").status_code == 404
    assert "company" not in visitor.get("/desk/sign-in?lang=en").text
