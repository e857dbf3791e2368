"""The leak guard of models trained from events: what times prove, and what rules say where there are none."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from contracts.feature_frame import Feature, FeatureFrame, FeatureList
from contracts.randomness import generator
from contracts.settings import Settings
from contracts.time import add_days
from features import snapshot as snapshots
from features.engine import Engine
from features.frame import build_frame
from features.snapshot import take_snapshot
from testkit.companies import naive
from testkit.planted import add_late_tickets, find_quiet_shop, judge_events, open_events
from training.leak_guard import describe, find_proven_families, guard_events, prove_by_rebuilding

ORDERS_ONLY = {"btyd", "channel", "cohort", "rfm", "rhythm", "season", "trend"}


@pytest.fixture(scope="module")
def shop():
    return find_quiet_shop(350, seed=7)


@pytest.fixture(scope="module")
def judged(shop):
    """The honest company, every row back-filled: training set, verdict, events."""
    events = open_events(shop.tables, shop.parameters.ends_at)
    return *judge_events(events, shop.parameters.ends_at), events


def build_past(rows=600, **columns):
    """Return a frame of a few features by name, and labels at about 0.3."""
    churned = (generator(1, "guard").random(rows) < 0.3).astype(float)
    features = FeatureList(tuple(Feature(name, "", "never", label=label) for name, label in columns.items()))
    values = pd.DataFrame(dict.fromkeys(columns, churned))
    return FeatureFrame(pd.DataFrame({"row": np.arange(rows)}), values, features), churned


def test_an_honest_company_of_back_filled_rows_is_not_stopped(judged):
    _, report, _ = judged
    assert report.suspicious == ()
    assert {name.partition(".")[0] for name, _ in report.strength} > {"support", "rfm"}


def test_a_column_that_stops_is_named_with_why_and_a_column_vouched_for_does_not():
    past, churned = build_past(**{"support.open_tickets": "", "attribute.tier": "Tier"})
    everyone = np.ones(len(churned), dtype=bool)
    report = guard_events(past, churned, everyone, frozenset(), ())
    assert report.columns == ("support.open_tickets", "attribute.tier")
    assert "Its rows are back-filled: nobody recorded when they were known." in report.suspicious[0].text
    reasons = describe(report, ("trend.orders_30d",))
    assert "vouch for 'support.open_tickets' in [training] allowed_columns." in reasons[0]
    assert reasons[-1].startswith("Column 'trend.orders_30d' reads facts from after its cutoff")
    allowed = guard_events(past, churned, everyone, frozenset(), ("support.open_tickets", "Tier"))
    assert allowed.suspicious == ()
    assert sum(remark.endswith("Allowed by name.") for remark in allowed.remarks) == len(report.suspicious)


def test_with_real_times_late_tickets_are_not_known_and_the_rebuilt_frame_is_the_same(shop, judged):
    as_of, cutoff = shop.parameters.ends_at, judged[0].plan.cutoffs[-1]
    events = open_events(add_late_tickets(shop, delayed=True), as_of, backfilled=False)
    assert find_proven_families(events, as_of) > ORDERS_ONLY | {"support", "attribute"}
    frame = build_frame(take_snapshot(events, cutoff, Settings()))
    assert "support.open_tickets" in frame.features.names
    assert prove_by_rebuilding(events, Settings(), cutoff, frame) == ()
    honest = judged[0].past.rows((judged[0].past.index["as_of"] == cutoff).to_numpy())
    lost = frame.index["segment"] == "lapsed"
    known, before = (each.column("support.tickets").to_numpy() for each in (frame, honest))
    assert (known == before)[~lost].all()
    assert (known > before)[lost].any()


def test_a_family_is_proven_by_orders_alone_or_when_nothing_it_reads_was_back_filled(shop, judged):
    as_of, events = shop.parameters.ends_at, judged[2]
    assert find_proven_families(events, as_of) >= ORDERS_ONLY
    assert not find_proven_families(events, as_of) & {"support", "attribute"}
    frames = {name: naive(table).assign(backfilled=name == "tickets") for name, table in shop.tables.items()}
    mixed = Engine(threads=1).open_frames(frames)
    assert "support" not in find_proven_families(mixed, as_of)
    assert {"engagement", "attribute"} <= find_proven_families(mixed, as_of)
    assert "support" in find_proven_families(mixed, add_days(as_of, -4000))


def test_a_rule_that_fires_on_a_proven_family_is_a_remark():
    past, churned = build_past(**{"support.tickets": ""})
    everyone = np.ones(len(churned), dtype=bool)
    stopped = guard_events(past, churned, everyone, frozenset(), ())
    assert stopped.columns == ("support.tickets",)
    proven = guard_events(past, churned, everyone, frozenset({"support"}), ())
    assert proven.suspicious == ()
    assert len(proven.remarks) == len(stopped.suspicious)
    assert all("Its rows say when they were known: no stop." in remark for remark in proven.remarks)


def test_only_customers_in_play_count():
    past, churned = build_past(**{"support.tickets": ""})
    lapsed = churned > 0
    lapsed[np.flatnonzero(lapsed)[:5]] = False
    assert guard_events(past, churned, np.ones(len(churned), dtype=bool), frozenset(), ()).stops
    few = guard_events(past, churned, ~lapsed, frozenset(), ())
    assert {each.rule for each in few.suspicious} == {"single_auc"}
    nobody = guard_events(past, churned, churned == 0, frozenset(), ())
    assert not nobody.stops
    assert "all have one label" in nobody.remarks[0]


def test_names_speak_against_the_companys_own_columns_and_not_against_ours():
    names = {"support.reasons_365d": "", "attribute.status": "Status", "attribute.plan": "Plan"}
    past, churned = build_past(**names)
    noisy = churned + generator(2, "noise").normal(size=len(churned)) * 0.6
    past = FeatureFrame(past.index, past.values.assign(**dict.fromkeys(names, noisy)), past.features)
    report = guard_events(past, churned, np.ones(len(churned), dtype=bool), frozenset(), ())
    assert {(each.column, each.rule) for each in report.suspicious} == {("attribute.status", "outcome_name")}
    vouched = guard_events(past, churned, np.ones(len(churned), dtype=bool), frozenset(), ("Status",))
    assert not vouched.stops


def test_a_value_that_the_past_cannot_give_is_named(judged):
    found, _, events = judged
    cutoff = found.plan.cutoffs[-1]
    here = np.flatnonzero((found.past.index["as_of"] == cutoff).to_numpy())
    values = found.past.values.copy()
    values.loc[here[3], "rfm.orders"] += 1
    values.loc[here[4], "support.days_since_last_ticket"] = 3.25
    spoilt = replace(found.past, values=values)
    named = prove_by_rebuilding(events, Settings(), cutoff, spoilt)
    assert named == ("rfm.orders", "support.days_since_last_ticket")


def test_a_family_that_reads_a_state_of_later_is_named(judged, monkeypatch):
    found, _, events = judged
    cutoff = found.plan.cutoffs[-1]
    monkeypatch.setattr(snapshots, "mask_states", lambda known, name, static=(): known)
    early = build_frame(take_snapshot(events, cutoff, Settings()), found.past.features)
    named = prove_by_rebuilding(events, Settings(), cutoff, early)
    assert "support.open_tickets" in named
    assert {name.partition(".")[0] for name in named} <= {"support", "attribute"}
