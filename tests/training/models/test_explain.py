import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from contracts.errors import ContractError
from contracts.feature_frame import Feature, FeatureList
from contracts.scores import Reason
from features.wording.catalogue import load_catalogue
from testkit.churn_worlds import NAMES, build_world
from training.models.churn import ChurnTrees, TreeSettings
from training.models.explain import MIN_STRENGTH, explain, family_of, reasons, sum_families
from training.models.rules import Rule

FEATURES = FeatureList(
    (
        Feature("rfm.frequency", "count", "never"),
        Feature("support.tickets", "count", "never", actionable=True, owner="brand"),
        Feature("support.slow", "share", "no ticket", actionable=True, owner="partner"),
        Feature("rhythm.overdue", "ratio", "no gap"),
        Feature("channel.entropy", "nat", "never"),
        Feature("trend.orders", "ratio", "never"),
        Feature("btyd.p_alive", "probability", "no repeat"),
        Feature("btyd.p_no_purchase", "probability", "no order"),
    )
)
ROW = np.array([0.3, 0.5, -0.1, 0.2, -0.4, -0.06, 0.1, 0.05])
CONTRIBUTIONS = arrays.arrays(np.float64, (6, 8), elements=st.floats(-2, 2))
OFFSETS = arrays.arrays(np.float64, 6, elements=st.floats(-5, 5))


def explain_slowly(row, offset, mean):
    """The strongest families by plain loops: (family, feature, direction, contribution)."""
    parts = {feature.name: float(part) for feature, part in zip(FEATURES, row, strict=True)}
    parts["btyd.p_no_purchase"] += offset - mean
    sums = {}
    for feature in FEATURES:
        sums.setdefault(family_of(feature), []).append(parts[feature.name])
    totals = {family: float(np.sum(numbers)) for family, numbers in sums.items()}
    least = MIN_STRENGTH if max(map(abs, totals.values())) >= MIN_STRENGTH else max(map(abs, totals.values()))
    found = []
    for direction, sign, most in (("raises", 1, 3), ("lowers", -1, 2)):
        strong = [family for family in totals if sign * totals[family] >= least and totals[family] != 0]
        for family in sorted(strong, key=lambda name: -sign * totals[name])[:most]:
            names = [feature.name for feature in FEATURES if family_of(feature) == family]
            leader = max(names, key=lambda name: sign * parts[name])
            found.append((family, leader, direction, totals[family]))
    return found


def test_families_are_summed_and_led_by_their_strongest_feature():
    drafts = explain(ROW[None], np.array([1.0]), 0.6, FEATURES)[0]
    assert [(draft.family, draft.feature, draft.direction) for draft in drafts] == [
        ("rhythm", "btyd.p_no_purchase", "raises"),
        ("support", "support.tickets", "raises"),
        ("rfm", "rfm.frequency", "raises"),
        ("channel", "channel.entropy", "lowers"),
        ("trend", "trend.orders", "lowers"),
    ]
    assert [draft.contribution for draft in drafts] == pytest.approx([0.75, 0.4, 0.3, -0.4, -0.06])
    assert [draft.actionable for draft in drafts] == [False, True, False, False, False]


@given(contributions=CONTRIBUTIONS, offsets=OFFSETS, mean=st.floats(-3, 3))
@settings(max_examples=100, deadline=None)
def test_explanations_are_those_of_plain_loops(contributions, offsets, mean):
    for row, drafts in enumerate(explain(contributions, offsets, mean, FEATURES)):
        found = [(draft.family, draft.feature, draft.direction) for draft in drafts]
        wanted = explain_slowly(contributions[row], offsets[row], mean)
        assert sorted(found) == sorted(entry[:3] for entry in wanted)
        assert [draft.contribution for draft in drafts] == pytest.approx([entry[3] for entry in wanted])


@given(contributions=CONTRIBUTIONS, offsets=OFFSETS, mean=st.floats(-3, 3), base=st.floats(-1, 1))
@settings(max_examples=60, deadline=None)
def test_family_sums_base_and_mean_offset_are_the_raw_score(contributions, offsets, mean, base):
    families = sum_families(contributions, offsets, mean, FEATURES)
    raw = contributions.sum(axis=1) + base + offsets
    np.testing.assert_allclose(families.sums.sum(axis=1) + base + mean, raw, rtol=0, atol=1e-9)
    assert families.families == ("rfm", "support", "rhythm", "channel", "trend")


def test_family_sums_hold_for_a_grown_model():
    world = build_world(2000, 1)
    features = FeatureList(tuple(Feature(name, "", "unknown") for name in NAMES))
    grower = TreeSettings(rounds=60)
    model = ChurnTrees(grower).fit(world.matrix, NAMES, world.offset, world.churned)
    contributions, base = model.contributions(world.matrix)
    mean = float(world.offset.mean())
    families = sum_families(contributions, world.offset, mean, features)
    raw = model.raw(world.matrix, world.offset)
    np.testing.assert_allclose(families.sums.sum(axis=1) + base + mean, raw, rtol=0, atol=1e-9)


@given(contributions=CONTRIBUTIONS, offsets=OFFSETS, order=st.permutations(range(6)))
@settings(max_examples=30, deadline=None)
def test_permuting_rows_permutes_explanations_and_changes_no_input(contributions, offsets, order):
    order, before = list(order), contributions.copy()
    straight = explain(contributions, offsets, 0.0, FEATURES)
    shuffled = explain(contributions[order], offsets[order], 0.0, FEATURES)
    assert shuffled == [straight[row] for row in order]
    np.testing.assert_array_equal(contributions, before)


def test_where_nothing_is_strong_the_strongest_family_stands_alone():
    weak = np.array([0.003, 0.009, 0.0, 0.0, -0.008, 0.0, 0.0, 0.0])
    drafts = explain(np.stack([weak, -weak]), np.full(2, 0.6), 0.6, FEATURES)
    assert [[(draft.family, draft.direction) for draft in row] for row in drafts] == [
        [("support", "raises")],
        [("support", "lowers")],
    ]


def test_where_nothing_speaks_nothing_is_said():
    assert explain(np.zeros((2, 8)), np.ones(2), 1.0, FEATURES) == [[], []]
    assert explain(np.zeros((0, 8)), np.empty(0), 1.0, FEATURES) == []


def test_an_offset_without_its_column_is_still_rhythm():
    short = FeatureList(FEATURES.features[:2])
    drafts = explain(np.zeros((1, 2)), np.array([2.0]), 0.5, short)[0]
    assert [(draft.family, draft.feature, draft.contribution) for draft in drafts] == [
        ("rhythm", "btyd.p_no_purchase", 1.5)
    ]


def test_a_rule_that_trees_go_on_from_claims_nothing_of_a_customer_they_tell_apart():
    contributions = np.zeros((2, 8))
    contributions[0, 0] = -2.0
    told, alike = explain(contributions, np.zeros(2), 0.0, FEATURES, [RULES[0]] * 2)
    assert [draft.contribution for draft in told] == [-2.0]
    assert [draft.feature for draft in alike] == ["rule.constant"]


def test_contributions_of_another_width_are_refused():
    with pytest.raises(ContractError, match=r"\(1, 7\).*8 features"):
        explain(np.zeros((1, 7)), np.zeros(1), 0.0, FEATURES)


RULES = [Rule("constant", 90, (0.6, 0.6)), Rule("silence", 90, (0.9, 0.4), 74), Rule("rate", 90)]
SAID = {
    (
        "constant",
        "en",
    ): "A simple rule: 60% of customers leave, and nothing told this customer from the others.",
    (
        "constant",
        "it",
    ): "Una regola semplice: se ne va il 60 % dei clienti, e nulla distingue questo dagli altri.",
    ("silence", "en"): "A simple rule: silent for more than 74 days or not; last order 90 days ago.",
    (
        "silence",
        "it",
    ): "Una regola semplice: in silenzio da più di 74 giorni o no; ultimo ordine 90 giorni fa.",
    ("rate", "en"): "A simple rule: 3 orders in 80 days, and so on at that rate.",
    ("rate", "it"): "Una regola semplice: 3 ordini in 80 giorni, e così via allo stesso ritmo.",
}


@pytest.mark.parametrize("language", ["en", "it"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_a_simple_rule_says_its_own_sentence_in_both_languages(rule, language):
    (drafts,) = explain(np.zeros((1, 8)), np.ones(1), 1.0, FEATURES, [rule])
    assert [(draft.family, draft.feature, draft.contribution) for draft in drafts] == [
        ("rule", f"rule.{rule.kind}", 0.0)
    ]
    values = {"rfm.days_since_last_order": 90.0, "rfm.orders": 3.0, "rfm.age_days": 80.0} | rule.said
    (reason,) = reasons(drafts, values, {}, load_catalogue(), language)
    assert reason.text.replace("\u00a0", " ").replace("\u202f", " ") == SAID[rule.kind, language]


@given(contributions=CONTRIBUTIONS, offsets=OFFSETS, mean=st.floats(-3, 3))
@settings(max_examples=40, deadline=None)
def test_customers_without_a_simple_rule_are_explained_as_if_nobody_had_one(contributions, offsets, mean):
    origins = [Rule(), RULES[0], Rule(), RULES[1], RULES[2], Rule()]
    mixed = explain(contributions, offsets, mean, FEATURES, origins)
    usual = explain(contributions, offsets, mean, FEATURES)
    for row, rule in enumerate(origins):
        if rule.kind == "btyd":
            assert mixed[row] == usual[row]
        elif not contributions[row].any():
            assert sum(draft.feature == rule.feature.name for draft in mixed[row]) == 1


@given(offset=st.floats(-5, 5), mean=st.floats(-3, 3))
def test_the_offset_of_a_simple_rule_is_its_own_contribution_and_not_buying_rhythms(offset, mean):
    (drafts,) = explain(np.zeros((1, 8)), np.array([offset]), mean, FEATURES, [RULES[1]])
    (draft,) = drafts
    assert (draft.family, draft.contribution) == ("rule", pytest.approx(offset - mean))


class Words:
    def sentence(self, feature, language, values, peers):
        return f"{language}: {feature} is {values[feature]}, usually {peers[feature]}"


def test_drafts_become_reasons_in_the_language_asked_for():
    drafts = explain(ROW[None], np.array([0.6]), 0.6, FEATURES)[0][:1]
    values, peers = {"support.tickets": 4.0}, {"support.tickets": 1.0}
    assert reasons(drafts, values, peers, Words(), "it") == (
        Reason(
            code="support.tickets",
            family="support",
            owner="brand",
            direction="raises",
            contribution=pytest.approx(0.4),
            actionable=True,
            text="it: support.tickets is 4.0, usually 1.0",
        ),
    )
