"""What moves people, judged by companies whose truth is known: moments, placebo, kinds of NPS, channels.

Companies and seeds are those of `features/synthetic/acceptance.toml`, committed before one was drawn. What a
moment truly changes is found by playing on those who met it twice, with the mood it left and without
(`features/synthetic/counterfactual.py`), the best customers too, who often have no match in the study; a pair
of moments counts where their true money differs by more than three standard errors of the estimated
difference. What truly goes with an answer is the same adjusted difference in four companies of 50,000
customers; its own error is left out of the intervals, which makes the bar harder. Intervals are of 95 %;
effects "found" are those after Holm over all moments of a company.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from math import hypot
from multiprocessing import get_context
from statistics import fmean
from typing import TypeVar

from contracts.settings import Settings
from features.synthetic import CompanyParameters, load_acceptance, simulate_company
from features.synthetic.acceptance import acceptance_seeds
from features.synthetic.counterfactual import LATE, SLOW, Window, find_effect
from testkit.claims.figure import Figure, Scale, none_of, noted
from testkit.companies import open_company
from testkit.workspaces import open_orders
from training.drivers.channels import Omnichannel, find_omnichannel
from training.drivers.counterparts import load_counterparts
from training.drivers.facts import Facts, read_facts
from training.drivers.kinds import KindEffect, find_kinds
from training.drivers.moments import Moments, Study, find_moments
from training.drivers.regression import Estimate

Answer = TypeVar("Answer")

PLANTED, PLACEBO, HARMLESS, CHANNELS = (
    "moments_of_truth",
    "placebo_moments",
    "harmless_delay",
    "no_channel_effect",
)
LATE_TOUCHPOINT, SLOW_TICKET = "delivery.late", "ticket.slow"
KINDS = ("nps_relational", "nps_transactional", "nps_competitive")
PAIRS = (("promoter", "detractor"), ("detractor", "passive"), ("promoter", "passive"))
NORMAL_95, MATERIAL = 1.959964, 3.0
WORKERS = 2
MOST_FOUND, LEAST_HELD = 0.11, 0.89


@dataclass(frozen=True)
class Extent:
    """How much is measured: seeds of companies, their customers, and those of the companies of truth."""

    seeds: Sequence[int]
    customers: int | None
    truth: int
    truths: Sequence[int]
    played: int
    workers: int


FULL_EXTENT = Extent(acceptance_seeds(1000, 100), None, 50_000, range(2990, 2994), 20_000, WORKERS)
SMALL_EXTENT = Extent(range(2000, 2001), 1_200, 4_000, range(2990, 2991), 1_500, 1)


def measure(scale: Scale) -> list[Figure]:
    """Return the figures of all parts."""
    extent = FULL_EXTENT if scale.thorough else SMALL_EXTENT
    found = _every(partial(_study_planted, customers=extent.customers), extent)
    figures = [*_order([each for each, _ in found], extent), *_placebo([each for each, _ in found])]
    figures += _kinds([each for _, each in found], extent)
    figures += _nothing(_every(partial(_study, PLACEBO, extent.customers), extent))
    figures += _harmless(_every(partial(_study, HARMLESS, extent.customers), extent))
    return [*figures, *_channels(_every(partial(_compare_channels, extent.customers), extent))]


def _every(function: Callable[[int], Answer], extent: Extent) -> list[Answer]:
    if extent.workers == 1:
        return [function(seed) for seed in extent.seeds]
    with ProcessPoolExecutor(extent.workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(function, extent.seeds))


def _parameters(mode: str, customers: int | None) -> CompanyParameters:
    parameters = load_acceptance()[mode]
    return parameters if customers is None else replace(parameters, customers=customers)


def _read(mode: str, customers: int | None, seed: int) -> Facts:
    parameters = _parameters(mode, customers)
    return read_facts(open_company(simulate_company(parameters, seed)), Settings(), parameters.as_of)


def _study(mode: str, customers: int | None, seed: int) -> Moments:
    return find_moments(_read(mode, customers, seed))


def _study_planted(seed: int, customers: int | None) -> tuple[Moments, tuple[KindEffect, ...]]:
    facts = _read(PLANTED, customers, seed)
    return find_moments(facts), find_kinds(facts, 0)


def _compare_channels(customers: int | None, seed: int) -> Omnichannel:
    parameters = _parameters(CHANNELS, customers)
    facts = read_facts(open_orders(simulate_company(parameters, seed)), Settings(), parameters.as_of)
    found = find_omnichannel(facts)
    assert found is not None, "Orders name no channel."
    return found


def _find_truth(extent: Extent) -> dict[str, float]:
    """Return what each moment truly changes per event, money."""
    parameters, days = _parameters(PLANTED, extent.played), float(Settings().horizons.horizon_days)
    settled = load_counterparts().choose({LATE_TOUCHPOINT, "delivery.on_time"})[0].settled_days
    asked = {LATE_TOUCHPOINT: (LATE, Window(days, settled, alone=True)), SLOW_TICKET: (SLOW, Window(days))}
    asked |= {each.moment: (each.moment, Window(days)) for each in parameters.moments.planted}
    return {
        name: find_effect(parameters, moment, window, 2999).mean for name, (moment, window) in asked.items()
    }


def _order(companies: Sequence[Moments], extent: Extent) -> Iterator[Figure]:
    truth = _find_truth(extent)
    for name, true in truth.items():
        own = [each for company in companies for each in _priced(company) if each.moment == name]
        yield noted(f"{name}: true money per event", true)
        yield noted(
            f"{name}: mean of {len(own)} estimates", fmean(_value(each) for each in own) if own else 0.0
        )
    for said, by_total in (("per event", False), ("in all", True)):
        judged = [_judge_pairs(company, truth, by_total=by_total) for company in companies]
        pairs, wrong = (sum(each[place] for each in judged) for place in (0, 1))
        yield Figure(f"pairs of moments that differ truly, {said}", pairs, len(companies), "at least")
        yield none_of(f"of these in the wrong order of money {said}", wrong)


def _priced(company: Moments) -> list[Study]:
    return [each for each in company.studies if each.effect is not None]


def _value(study: Study) -> float:
    assert study.effect is not None
    return study.effect.value


def _judge_pairs(company: Moments, truth: dict[str, float], *, by_total: bool) -> tuple[int, int]:
    """Return how many pairs differ by more than three standard errors, and how many of them lie wrong."""
    pairs = wrong = 0
    for one, other in combinations([each for each in _priced(company) if each.moment in truth], 2):
        factors = [each.studied if by_total else 1.0 for each in (one, other)]
        true = truth[one.moment] * factors[0] - truth[other.moment] * factors[1]
        found = [each.effect.times(by) for each, by in zip((one, other), factors, strict=True) if each.effect]
        if abs(true) > MATERIAL * hypot(*(each.error for each in found)):
            pairs += 1
            wrong += (found[0].value - found[1].value) * true <= 0
    return pairs, wrong


def _placebo(companies: Sequence[Moments]) -> Iterator[Figure]:
    found, n = sum(bool(each.placebo_found) for each in companies), len(companies)
    name = f"placebo, false moments before the true ones: companies of {n} with a finding"
    yield Figure(name, found, _most(n), "at most")


def _nothing(companies: Sequence[Moments]) -> Iterator[Figure]:
    found, n = sum(any(study.found for study in each.studies) for each in companies), len(companies)
    name = f"placebo, moments that move nobody: companies of {n} with a finding"
    yield Figure(name, found, _most(n), "at most")


def _harmless(companies: Sequence[Moments]) -> Iterator[Figure]:
    late = [each for company in companies for each in _priced(company) if each.moment == LATE_TOUCHPOINT]
    n = len(late)
    held = sum(abs(each.effect.z) <= NORMAL_95 for each in late if each.effect is not None)
    yield Figure(f"harmless late delivery: intervals of {n} that hold nought", held, _least(n), "at least")
    yield Figure(
        f"harmless late delivery: companies of {n} with a finding",
        sum(each.found for each in late),
        _most(n),
        "at most",
    )
    yield noted("harmless late delivery: mean effect per event", fmean(map(_value, late)) if late else 0.0)


def _most(n: int) -> float:
    return MOST_FOUND * n


def _least(n: int) -> float:
    return LEAST_HELD * n


def _kinds(companies: Sequence[Sequence[KindEffect]], extent: Extent) -> Iterator[Figure]:
    truths = [find_kinds(_read(PLANTED, extent.truth, seed), 0) for seed in extent.truths]
    for kind in KINDS:
        for pair in PAIRS:
            known = [each.value for company in truths if (each := _gap(company, kind, pair)) is not None]
            own = [each for company in companies if (each := _gap(company, kind, pair)) is not None]
            if not known or not own:
                continue
            true, n = fmean(known), len(own)
            held = sum(abs(each.value - true) <= NORMAL_95 * each.error for each in own)
            said = f"{kind}, {pair[0]} against {pair[1]}"
            yield noted(f"{said}: money in very large companies", true)
            yield Figure(f"{said}: intervals of {n} that hold it", held, _least(n), "at least")


def _gap(company: Sequence[KindEffect], kind: str, pair: tuple[str, str]) -> Estimate | None:
    found = next((each for each in company if each.kind == kind), None)
    return None if found is None else found.differences[pair]


def _channels(companies: Sequence[Omnichannel]) -> Iterator[Figure]:
    adjusted = [each.adjusted for each in companies if each.adjusted is not None]
    raw = [each.raw for each in companies if each.raw is not None]
    n = len(adjusted)
    held = sum(abs(each.z) <= NORMAL_95 for each in adjusted)
    yield noted("channels without effect: mean raw difference", fmean(each.value for each in raw))
    yield noted("channels without effect: mean adjusted difference", fmean(each.value for each in adjusted))
    yield noted(
        f"channels without effect: raw intervals of {len(raw)} that hold nought",
        sum(abs(each.z) <= NORMAL_95 for each in raw),
    )
    yield Figure(
        f"channels without effect: adjusted intervals of {n} that hold it", held, _least(n), "at least"
    )
