"""Which occasions are compared, what is found, and what a correction does."""

from dataclasses import replace

import numpy as np
import pytest

from contracts.settings import Settings
from features.synthetic import load_acceptance, simulate_company
from testkit.companies import open_company
from training.drivers.counterparts import load_counterparts
from training.drivers.facts import read_facts
from training.drivers.moments import Study, correct_studies, find_moments
from training.drivers.opportunities import find_opportunities
from training.drivers.regression import Estimate


def occasions_of(facts, name):
    return next(each for each in find_opportunities(facts) if each.pair.moment == name)


def test_every_pair_of_which_both_sides_are_on_record_is_found(facts):
    found = {each.pair.moment: each.pair.counterpart for each in find_opportunities(facts)}
    assert found == {
        "checkout.failed": "checkout.succeeded",
        "delivery.late": "delivery.on_time",
        "parcel.damaged": "parcel.intact",
        "queue.long": "queue.short",
        "staff.kind": "staff.plain",
        "ticket.slow": "ticket.quick",
    }


def test_a_moment_without_its_counterpart_on_record_gets_no_price():
    chosen = load_counterparts().choose({"queue.long", "delivery.late", "delivery.on_time", "staff.help"})
    assert [each.moment for each in chosen] == ["delivery.late"]


def test_orders_followed_by_a_late_parcel_are_told_from_the_others_as_they_truly_were(facts, company):
    late = occasions_of(facts, "delivery.late")
    assert (late.start == late.at + late.pair.settled_days).all()
    other_orders = facts.visits.count(late.who, late.at - 15.0, late.at + 15.0)
    assert (other_orders == 1).all()
    assert 0.05 < late.met.mean() < 0.2


def test_a_slow_ticket_is_known_as_one_only_when_its_hours_are_over(facts):
    slow = occasions_of(facts, "ticket.slow")
    assert (slow.at <= facts.as_of - 2.0).all()
    quick = facts.tickets["response_days"] <= 2.0
    known = facts.tickets["at"] <= facts.as_of - 2.0
    assert int(slow.met.sum()) == int((known & ~quick).sum())


def test_the_largest_planted_moment_is_found_and_a_placebo_is_not(document):
    first = document["moments"][0]
    assert first["moment"] in ("checkout.failed", "staff.kind")
    assert document["placebo_found"] == []
    by_name = {each["moment"]: each for each in document["moments"]}
    assert by_name["checkout.failed"]["money"]["value"] < by_name["staff.kind"]["money"]["value"]


def test_a_harmless_delay_has_no_effect_beside_orders_on_time():
    parameters = replace(load_acceptance()["harmless_delay"], customers=900)
    company = simulate_company(parameters, 2010)
    found = find_moments(read_facts(open_company(company), Settings(), parameters.as_of))
    late = next(each for each in found.studies if each.moment == "delivery.late")
    assert late.effect is not None
    assert abs(late.effect.z) < 2.6
    assert not late.found


def test_too_few_events_give_a_count_and_no_figure(company):
    parameters = replace(company.parameters, customers=60)
    small = simulate_company(parameters, 2011)
    found = find_moments(read_facts(open_company(small), Settings(), parameters.as_of))
    assert found.studies
    assert all(each.effect is None and each.p_holm == 1.0 for each in found.studies if each.studied < 30)
    assert any(each.effect is None for each in found.studies)


@pytest.mark.parametrize("zs", [(3.0, 2.0, 2.5), (0.1, 0.2, 0.3)])
def test_corrected_p_values_keep_the_order_and_are_never_smaller(zs):
    studies = [Study("a", "b", "pain", 1, 1, 1, 1, Estimate(z, 1.0)) for z in zs]
    corrected = correct_studies(studies)
    assert all(each.p_holm >= each.p for each in corrected)
    assert np.argsort([each.p for each in corrected]).tolist() == sorted(
        range(len(zs)), key=lambda place: (corrected[place].p_holm, corrected[place].p)
    )


def test_studies_without_a_figure_do_not_count_in_the_correction():
    empty = Study("a", "b", "pain", 1, 1, 1, 1)
    sure = replace(empty, effect=Estimate(3.0, 1.0))
    assert correct_studies([sure, empty])[0].p_holm == sure.p
