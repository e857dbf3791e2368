"""The list and the feed of changes: pages, cursors, filters, generations that come and go."""

import pytest

from serving.keys import create_key
from serving.store.tables import SORTS
from serving.tenants import Tenants
from testkit.service import Caller, build_service
from testkit.stored import NOW, build_info, build_row, build_rows, make_workspace


@pytest.fixture
def shop(tmp_path):
    """A workspace without scores, and a caller with a key to it."""
    tenants = Tenants()
    tenants.open([make_workspace(tmp_path / "shop").root])
    store = next(iter(tenants)).store
    _, text = create_key(store.work, ["score:read", "model:read"], "", NOW)
    yield Caller(build_service(tenants, lambda: NOW), text), store
    tenants.close()


def read_list(caller, query):
    records, cursor = [], None
    while True:
        answer = caller.get("/v1/at-risk", query + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status == 200, answer.body
        records += answer.json()["data"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return records


@pytest.mark.parametrize("sort", SORTS)
def test_the_pages_of_the_list_hold_everyone_in_play_once_in_order(served, sort):
    records = read_list(served.reader, f"sort={sort}&limit=7")
    assert len({record["customer_id"] for record in records}) == len(records) == 54
    order = [(-record[sort], record["customer_id"]) for record in records]
    assert order == sorted(order)


def test_the_list_is_sorted_by_contact_value_and_25_long_unless_asked_otherwise(served):
    answer = served.reader.get("/v1/at-risk").json()
    assert len(answer["data"]) == 25
    assert answer["data"] == read_list(served.reader, "sort=contact_value&limit=100")[:25]


def test_the_win_back_view_holds_the_lapsed_and_filters_cut_the_list(served):
    lapsed = read_list(served.reader, "segment=lapsed&limit=4")
    assert {record["segment"] for record in lapsed} == {"lapsed"}
    assert len(lapsed) == 6
    high = read_list(served.reader, "band=high&segment=thin&limit=2")
    assert all(record["risk_band"] == "high" and record["segment"] == "thin" for record in high)


def test_the_list_names_the_kinds_it_holds_and_can_be_cut_to_one(shop):
    caller, store = shop
    rows = [build_row(f"C-{number}", 0.2 * number) for number in range(4)]
    rows += [build_row(f"S-{number}", 0.1 + 0.2 * number, kind="subscription") for number in range(3)]
    with store.begin(build_info()) as writer:
        writer.add(rows)
        assert writer.finish().kinds == {"shop": 4, "subscription": 3}
    assert caller.get("/v1/at-risk").json()["kinds"] == ["shop", "subscription"]
    assert {record["kind"] for record in read_list(caller, "limit=2")} == {"shop", "subscription"}
    own = caller.get("/v1/at-risk", "kind=subscription&limit=2").json()
    assert own["kinds"] == ["subscription"]
    assert [record["kind"] for record in read_list(caller, "kind=subscription&limit=2")] == [
        "subscription"
    ] * 3
    other = caller.get("/v1/at-risk", f"kind=shop&limit=2&cursor={own['next_cursor']}")
    assert (other.status, other.problem) == (400, "bad-cursor")
    assert caller.get("/v1/model").json()["kinds"] == {"shop": 4, "subscription": 3}


@pytest.mark.parametrize(
    "query",
    [
        "kind=robot",
        "limit=0",
        "limit=-1",
        "limit=101",
        "limit=1e9",
        "limit=1.5",
        "limit=",
        "sort=price",
        "sort=customer_id;drop table scores",
        "segment=all",
        "band=HIGH",
        "lang=de",
        "offset=3",
        "limit=2&limit=3",
    ],
)
def test_a_query_that_is_not_right_is_refused_with_its_place(served, query):
    answer = served.reader.get("/v1/at-risk", query)
    assert (answer.status, answer.problem) == (422, "invalid")
    assert answer.json()["errors"]
    assert query.partition("=")[2].encode() not in answer.body or len(query.partition("=")[2]) < 4


def test_an_altered_cursor_is_refused_wherever_it_was_altered(served):
    cursor = served.reader.get("/v1/at-risk", "limit=2").json()["next_cursor"]
    for place in range(len(cursor)):
        other = "A" if cursor[place] != "A" else "B"
        altered = cursor[:place] + other + cursor[place + 1 :]
        assert served.reader.get("/v1/at-risk", f"limit=2&cursor={altered}").problem == "bad-cursor"
    for altered in (cursor[:-1], cursor + "A", "", "=", "%00", "null"):
        assert served.reader.get("/v1/at-risk", f"limit=2&cursor={altered}").problem == "bad-cursor"


@pytest.mark.parametrize("query", ["sort=value_at_risk", "band=low", "segment=lapsed"])
def test_a_cursor_belongs_to_one_order_and_one_filter(served, query):
    cursor = served.reader.get("/v1/at-risk", "limit=2").json()["next_cursor"]
    assert served.reader.get("/v1/at-risk", f"{query}&cursor={cursor}").problem == "bad-cursor"
    assert served.reader.get("/v1/scores", f"cursor={cursor}").problem == "bad-cursor"


def test_a_cursor_names_no_customer(served):
    import base64

    cursor = served.reader.get("/v1/at-risk", "limit=2").json()["next_cursor"]
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert b"C-0" not in raw


def test_a_list_does_not_shift_under_a_reader_and_ends_when_its_generation_is_gone(shop, write):
    caller, store = shop
    write(store, "g1")
    first = caller.get("/v1/at-risk", "limit=5").json()
    follow = f"limit=5&cursor={first['next_cursor']}"
    write(store, "g2", count=10)
    second = caller.get("/v1/at-risk", follow).json()
    assert second["generation"] == "g1"
    assert caller.get("/v1/at-risk", "limit=5").json()["generation"] == "g2"
    write(store, "g3")
    write(store, "g4")
    answer = caller.get("/v1/at-risk", follow)
    assert (answer.status, answer.problem) == (410, "expired")


def test_a_workspace_without_scores_answers_with_empty_lists_and_is_not_ready(shop):
    caller, _ = shop
    page = caller.get("/v1/at-risk").json()
    assert (page["data"], page["next_cursor"], page["generation"]) == ([], None, None)
    assert caller.get("/v1/scores").json()["data"] == []
    assert caller.post("/v1/scores", {"customer_ids": ["C-1"]}).json()["summary"]["not_scored"] == 1
    assert caller.get("/v1/customers/C-1/score").problem == "unknown"
    assert caller.get("/v1/model").json()["generation"] is None
    answer = caller.get("/readyz")
    assert (answer.status, answer.problem) == (503, "not-ready")
    assert "fedele score" in answer.json()["detail"]
    assert caller.get("/livez").status == 200


def test_a_new_generation_is_served_without_a_restart(shop, write):
    caller, store = shop
    write(store, "g1")
    assert caller.get("/v1/customers/C-00001/score").json()["generation"] == "g1"
    write(store, "g2")
    assert caller.get("/v1/customers/C-00001/score").json()["generation"] == "g2"
    assert caller.get("/v1/model").json()["generation"] == "g2"


def read_feed(caller, query):
    results, cursor = [], None
    while True:
        answer = caller.get("/v1/scores", query + (f"&cursor={cursor}" if cursor else "")).json()
        results += answer["data"]
        cursor = answer["next_cursor"]
        if cursor is None:
            return results


def test_the_feed_tells_a_crm_what_changed_since_it_last_asked(shop):
    caller, store = shop
    with store.begin(build_info("g1")) as writer:
        writer.add(build_rows(20, "g1"))
        writer.finish()
    everything = read_feed(caller, "limit=3")
    assert len(everything) == 22
    with store.begin(build_info("g2")) as writer:
        writer.add([*list(build_rows(19, "g2"))[1:-2], build_row("C-00000", 0.9), build_row("new")])
        writer.finish()
    changed = read_feed(caller, "changed_since=g1&limit=2")
    assert [(each["customer_id"], each["status"]) for each in changed] == [
        ("C-00000", "scored"),
        ("new", "scored"),
        ("C-00019", "not_scored"),
        ("N-1", "not_scored"),
        ("N-2", "not_scored"),
    ]
    assert changed[2]["problem"]["code"] == "unknown"
    assert read_feed(caller, "changed_since=g2&limit=2") == []
    assert caller.get("/v1/scores", "changed_since=g0").problem == "expired"
