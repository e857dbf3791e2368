"""``check`` says in plain words, worst first, what stands in the way."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.findings import Finding
from features.readiness.report import check_readiness, describe_readiness
from testkit.stores import NOW, load_lines, make_workspace

HEADER = "order_id,customer_id,occurred_at,amount"
AS_OF = datetime(2026, 6, 1, tzinfo=UTC)


def days_before(days):
    return f"{AS_OF - timedelta(days=days):%Y-%m-%d}"


def shop_lines(customers=220, span=500):
    steady = [
        f"o{c}-{n},c{c},{days_before(1 + (c * 7 + n * 97) % span)},{20 + (c * n) % 9}"
        for c in range(customers)
        for n in range(4)
    ]
    return [*steady, *[f"d{day},daily{day},{days_before(day)},25" for day in range(1, span)]]


def codes_of(readiness, severity=None):
    return [finding.code for finding in readiness.findings if severity in (None, finding.severity)]


def test_an_empty_workspace_says_what_to_load(tmp_path):
    readiness = check_readiness(make_workspace(tmp_path), AS_OF)
    assert not readiness.ready
    assert "There are no orders and no subscriptions" in readiness.to_dict()["blocking"][0]
    assert readiness.to_dict()["tables"] == {}


def test_a_sound_shop_is_ready_without_a_warning(tmp_path):
    workspace = make_workspace(tmp_path)
    load_lines(workspace, "orders", HEADER, *shop_lines())
    readiness = check_readiness(workspace, AS_OF)
    assert readiness.ready
    assert readiness.to_dict()["warnings"] == []
    shown = readiness.to_dict()["tables"]["orders"]
    assert shown == {
        "rows": 1379,
        "customers": 719,
        "from": f"{days_before(500)}T00:00:00Z",
        "to": "2026-05-31T00:00:00Z",
    }
    assert describe_readiness(readiness)[0] == "Ready to train."


def test_a_short_or_small_history_is_blocking_and_says_until_when_to_wait(tmp_path):
    workspace = make_workspace(tmp_path)
    load_lines(workspace, "orders", HEADER, f"a,c,{days_before(10)},5")
    readiness = check_readiness(workspace, AS_OF)
    assert codes_of(readiness, "blocking") == ["few_customers", "short_history"]
    assert "wait until 2026-08-20" in readiness.to_dict()["blocking"][1]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ([f"bot{n},bot,{days_before(1 + n % 300)},20" for n in range(400)], "busy_customer"),
        ([f"big{n},c{n},{days_before(5)},90000" for n in range(3)], "outliers"),
        ([f"zero{n},c{n},{days_before(5)},0" for n in range(30)], "zero_amounts"),
        ([f"bad{n},,{days_before(5)},5" for n in range(30)], "quarantine_blank_id"),
        ([f"old{n},c{n},{days_before(900)},5" for n in range(3)], "gap"),
    ],
)
def test_an_oddity_of_the_log_is_told(tmp_path, more, code):
    workspace = make_workspace(tmp_path)
    load_lines(workspace, "orders", HEADER, *shop_lines(), *more)
    codes = codes_of(check_readiness(workspace, AS_OF))
    assert code in codes
    assert set(codes) - {code} <= {"no_feedback", "value_correlation"}


def test_amounts_in_cents_in_one_channel_are_told(tmp_path):
    workspace = make_workspace(tmp_path)
    lines = [f"{line},web" for line in shop_lines()]
    cents = [f"p{n},c{n},{days_before(5)},2500,phone" for n in range(40)]
    load_lines(workspace, "orders", f"{HEADER},channel", *lines, *cents)
    assert "mixed_scales" in codes_of(check_readiness(workspace, AS_OF), "warning")


def test_old_facts_are_stale_and_later_ones_do_not_count(tmp_path):
    workspace = make_workspace(tmp_path)
    load_lines(workspace, "orders", HEADER, *shop_lines())
    later = check_readiness(workspace, AS_OF + timedelta(days=60))
    assert codes_of(later, "warning") == ["stale"]
    earlier = check_readiness(workspace, AS_OF - timedelta(days=100))
    assert "later_facts" in codes_of(earlier, "remark")
    assert earlier.tables["orders"].rows < later.tables["orders"].rows


def test_attributes_without_a_date_name_the_switch_that_frees_them(tmp_path):
    for static, expected in (((), 1), (("plan_name",), 0)):
        workspace = make_workspace(tmp_path / str(expected), history={"static_attributes": static})
        load_lines(workspace, "orders", HEADER, *shop_lines())
        load_lines(
            workspace, "customers", "customer_id,occurred_at,Plan Name", "c1,2026-01-02,gold", name="c.csv"
        )
        readiness = check_readiness(workspace, AS_OF)
        told = [finding for finding in readiness.findings if finding.code == "undated_attributes"]
        assert len(told) == expected
        assert all('static_attributes = ["plan_name"]' in str(finding) for finding in told)
        assert "before_sign_up" in codes_of(readiness, "remark")


def test_findings_of_others_are_sorted_in(tmp_path):
    workspace = make_workspace(tmp_path)
    load_lines(workspace, "orders", HEADER, *shop_lines())
    readiness = check_readiness(workspace, AS_OF, [Finding("blocking", "alias", "The alias differs.")])
    assert codes_of(readiness)[0] == "alias"
    assert describe_readiness(readiness)[1] == "!! The alias differs."


def test_refunds_and_removed_rows_do_not_count_as_orders_known(tmp_path):
    from features.ingest.undo import undo_load

    workspace = make_workspace(tmp_path)
    load = load_lines(workspace, "orders", HEADER, *shop_lines()).load
    undo_load(workspace, load, NOW)
    assert check_readiness(workspace, NOW + timedelta(days=1)).tables == {}


def test_scores_that_cannot_be_placed_on_their_scale_are_counted(tmp_path):
    workspace = make_workspace(tmp_path)
    load_lines(workspace, "orders", HEADER, *shop_lines(30))
    header = "feedback_id,customer_id,occurred_at,kind,score,scale_min,scale_max"
    scores = ("9,0,10", "4,,", "4,1,", "6,1,5", "4,5,1", "50,-103,103", "100,-103,103", ",0,10")
    rows = [f"f{place},c1,{days_before(9)},csat,{score}" for place, score in enumerate(scores)]
    load_lines(workspace, "feedback", header, *rows)
    found = {each.code: each for each in check_readiness(workspace, AS_OF).findings}["unusable_scores"]
    assert found.text == (
        "3 of 5 feedback scores count as missing: 2 without both ends of their scale, 1 not on their scale."
    )
