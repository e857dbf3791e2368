"""Getting in and out: one-time codes, on this machine only, from our own forms only."""

import logging
from datetime import timedelta

import pytest

from serving.desk.entry import COOKIE, create_link
from serving.sessions import CODE_LASTS, SESSION_LASTS
from testkit.desk import NOW, make_workspace


def make_code(workspace, now=NOW):
    return create_link(workspace, now).address.partition("#")[2]


@pytest.mark.parametrize(
    "path",
    ["", "/", "/customers/C-10001", "/record.json?id=C-10001", "/export.csv", "/help", "/nothing/here"],
)
def test_without_a_session_every_page_tells_how_to_get_one(visitor, path):
    answer = visitor.get(f"/desk{path}", headers={"accept-language": "it"}, follow_redirects=True)
    assert answer.status_code == 401
    assert "fedele desk link" in answer.text
    assert "Serve un link di accesso" in answer.text
    assert "C-10001" not in answer.text.replace("/desk/customers/C-10001", "").replace("id=C-10001", "")


def test_a_link_names_the_port_and_keeps_the_code_behind_the_hash(workspace):
    link = create_link(workspace, NOW)
    assert link.address.startswith("http://127.0.0.1:3000/desk/enter#")
    assert link.expires_at == NOW + CODE_LASTS
    assert create_link(workspace, NOW, port=3100).address.startswith("http://127.0.0.1:3100/desk/enter#")


def test_a_code_works_once(visitor, workspace):
    code = make_code(workspace)
    answer = visitor.post("/desk/enter?lang=it", data={"code": code})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/desk?lang=it"
    assert visitor.get("/desk").status_code == 200
    visitor.cookies.clear()
    again = visitor.post("/desk/enter?lang=it", data={"code": code})
    assert again.status_code == 403
    assert "Questo codice non vale" in again.text
    assert COOKIE not in again.cookies


def test_a_whole_link_may_be_pasted_for_the_code(visitor, workspace):
    answer = visitor.post("/desk/enter", data={"code": f"  {create_link(workspace, NOW).address} "})
    assert answer.status_code == 303


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(visitor, workspace):
    answer = visitor.post("/desk/enter", data={"code": make_code(workspace)})
    cookie = answer.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=lax", "Path=/desk", f"Max-Age={int(SESSION_LASTS.total_seconds())}"):
        assert part in cookie
    assert "Secure" not in cookie


def test_the_cookie_asks_for_tls_where_the_desk_has_a_name(workspace, visit):
    visitor = visit([workspace], signed_in=False, base="https://desk.example")
    answer = visitor.post("/desk/enter", data={"code": make_code(workspace)})
    assert "Secure" in answer.headers["set-cookie"]


def test_a_code_is_worth_nothing_after_a_quarter_of_an_hour(workspace, visit):
    code = make_code(workspace)
    late = visit([workspace], now=NOW + CODE_LASTS, signed_in=False)
    assert late.post("/desk/enter", data={"code": code}).status_code == 403


def test_a_session_ends_by_itself(workspace, visit):
    person = visit([workspace])
    later = visit([workspace], now=NOW + SESSION_LASTS + timedelta(seconds=1), signed_in=False)
    later.cookies.update(person.cookies)
    assert later.get("/desk").status_code == 401


@pytest.mark.parametrize("code", ["", "   ", "wrong", "x" * 100_000, "\x00", "è"])
def test_a_code_that_is_none_is_refused_in_words(visitor, code):
    answer = visitor.post("/desk/enter?lang=en", data={"code": code})
    assert answer.status_code == 403
    assert 'id="code-fault"' in answer.text
    assert 'aria-invalid="true"' in answer.text


def test_a_link_works_on_this_machine_only(workspace, visit):
    for client in ("192.168.1.5", "testclient"):
        stranger = visit([workspace], signed_in=False, client=client)
        code = make_code(workspace)
        answer = stranger.post("/desk/enter?lang=en", data={"code": code})
        assert answer.status_code == 403
        assert "Only on this machine" in answer.text
        assert visit([workspace], signed_in=False).post("/desk/enter", data={"code": code}).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:3001"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:3000"},
    ],
)
def test_a_form_of_another_site_is_refused_and_uses_no_code_up(visitor, workspace, headers):
    code = make_code(workspace)
    assert visitor.post("/desk/enter", data={"code": code}, headers=headers).status_code == 403
    own = {"origin": "http://127.0.0.1:3000", "sec-fetch-site": "same-origin"}
    assert visitor.post("/desk/enter", data={"code": code}, headers=own).status_code == 303


def test_signing_out_ends_the_session_everywhere(person):
    page = person.get("/desk?lang=en").text
    token = page.partition('name="token" value="')[2].partition('"')[0]
    kept = dict(person.cookies)
    assert person.post("/desk/leave", data={"token": "wrong"}).status_code == 403
    assert person.get("/desk").status_code == 200
    answer = person.post("/desk/leave?lang=en", data={"token": token})
    assert answer.status_code == 200
    assert "You have signed out" in answer.text
    person.cookies.update(kept)
    assert person.get("/desk").status_code == 401


def test_a_session_opens_its_own_workspace_only(tmp_path, visit):
    one, two = (
        make_workspace(tmp_path / name, count=count, name=name) for name, count in (("one", 3), ("two", 9))
    )
    first, second = visit([one, two]), visit([two, one])
    assert "<bdi>one</bdi>" in first.get("/desk?lang=en").text
    assert "<bdi>two</bdi>" in second.get("/desk?lang=en").text
    assert first.get("/desk/customers/C-10007").status_code == 404
    assert second.get("/desk/customers/C-10007").status_code == 200


def test_neither_codes_nor_tokens_nor_customers_are_logged(visitor, workspace, caplog):
    caplog.set_level(logging.DEBUG)
    code = make_code(workspace)
    visitor.post("/desk/enter", data={"code": code})
    visitor.get("/desk/customers/C-10001?lang=en")
    assert code not in caplog.text
    assert visitor.cookies[COOKIE] not in caplog.text
    assert "C-10001" not in "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("fedele")
    )


def test_a_store_that_cannot_answer_is_said_with_a_code_to_quote(tmp_path, visit):
    workspace = make_workspace(tmp_path / "shop", count=3)
    person = visit([workspace])
    for file in workspace.scores.glob("*.db"):
        file.unlink()
    answer = person.get("/desk?lang=it", headers={"x-request-id": "abc-123"})
    assert answer.status_code == 503
    assert "Adesso i punteggi non si possono leggere" in answer.text
    assert "abc-123" in answer.text
    assert answer.headers["retry-after"] == "60"
