from dataclasses import replace
from datetime import timedelta

import pytest

from contracts.errors import ContractError
from features.synthetic.acceptance import acceptance_seeds, load_acceptance, read_parameters
from features.synthetic.parameters import Buying, CompanyParameters

PLAIN = ("plain_bgnbd", "plain_pareto", "heavy_tail", "season")
# Who comes after as_of is nobody that is judged: it keeps many in play until then.
COMING_UNTIL_THE_END = ("voice_matters",)


def test_every_mode_keeps_a_past_to_learn_from_and_a_future_to_be_judged_by():
    modes = load_acceptance()
    assert set(modes) >= {*PLAIN, "zero_effects", "full", "small_shop", "subscriptions"}
    for mode, company in modes.items():
        assert company.begins_at + timedelta(days=60) < company.as_of < company.ends_at, mode
        assert company.begins_at + timedelta(days=company.acquisition_share * company.days) <= (
            company.ends_at if mode in COMING_UNTIL_THE_END else company.as_of
        ), mode


def test_plain_modes_differ_from_the_pure_models_only_by_what_they_are_named_for():
    modes = load_acceptance()
    assert [mode for mode, company in modes.items() if company.plain] == list(PLAIN)
    assert modes["plain_bgnbd"].season.strength == 0
    assert modes["plain_bgnbd"].buying == Buying(r=0.6, alpha=10.0, a=0.8, b=2.5)
    assert modes["plain_pareto"].buying.dropout == "exponential"
    assert modes["heavy_tail"].spending.tail == 2.0
    assert modes["season"].season.strength == 0.6


def test_zero_effects_has_touchpoints_that_move_nobody():
    company = load_acceptance()["zero_effects"]
    assert not company.plain
    assert company.moments.ticket_rate > 0
    assert (company.mood.dropout, company.mood.rate, company.channels.effect) == (0, 0, 0)


def test_no_signal_is_zero_effects_without_the_visits_that_stop_when_a_customer_leaves():
    modes = load_acceptance()
    silent = replace(modes["zero_effects"].moments, visits_per_order=0.0)
    assert modes["no_signal"] == replace(modes["zero_effects"], moments=silent)


def test_full_companies_have_every_effect_of_the_simulator():
    full, usual = load_acceptance()["full"], CompanyParameters()
    assert (full.buying, full.mood, full.season) == (usual.buying, usual.mood, usual.season)


@pytest.mark.parametrize(("first", "count"), [(999, 1), (1090, 11), (1000, 0)])
def test_seeds_outside_the_acceptance_range_are_refused(first, count):
    with pytest.raises(ContractError, match=rf"Seeds {first} to .* are not all of 1000 to 1099"):
        acceptance_seeds(first, count)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"customers": 5}, "Company 'odd' does not say effects"),
        ({"effects": True, "customer": 5}, "Company 'odd' is not readable"),
        ({"effects": True, "buying": {"rate": 5}}, "Company 'odd' is not readable"),
        ({"effects": False, "mode": {"r": 5}}, "Company 'odd' is not readable"),
    ],
)
def test_a_table_of_unknown_names_is_refused_by_its_mode(values, message):
    with pytest.raises(ContractError, match=message):
        read_parameters("odd", values)
