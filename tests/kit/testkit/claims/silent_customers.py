"""The NPS of all customers is found again although most of them are silent.

Companies and seeds are those of `features/synthetic/acceptance.toml`, committed before one was drawn. The
truth is the NPS that all scored customers would have given had all of them answered at `as_of`. Errors are
means of absolute differences, in points of NPS. Features and answers are read by the product's own functions,
several companies in one store to save time; the model is fitted on each company alone.

By behaviour: who answers follows from recorded facts only, and no lot was drawn. By mood: the odds of
answering also depend on the class of the answer, 0.6 for detractors and 1.6 for promoters against passives
with the same record, and every second customer was reminded by lot. The oracle is the same model on the same
facts, answers and lots, but told these two ratios; it has to estimate all else. Ratio of 4: detractors have
0.25 in place of 0.6, outside 1/2 to 2.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from contracts.events import TABLES, Name
from contracts.feature_frame import FeatureFrame
from contracts.settings import Settings
from features.answered import read_answers
from features.engine import Engine
from features.frame import build_frame
from features.snapshot import take_snapshot
from features.synthetic import Company, CompanyParameters, load_acceptance, simulate_company
from features.synthetic.acceptance import acceptance_seeds
from testkit.claims.figure import Figure, Scale, noted
from testkit.companies import naive
from training.models.base_nps import BaseNps
from training.models.satisfaction import Answers, fit_satisfaction
from training.models.selection import Belief
from training.models.silence import Span
from training.page.reading import read_document
from training.page.silence import tell_silence

BEHAVIOUR, MOOD, STRONG = "silent_by_behaviour", "silent_by_mood", "silent_by_mood_strong"
_MODES = (BEHAVIOUR, MOOD, STRONG)
SMALL_CUSTOMERS = 1500
PASSIVE, PROMOTER = 7, 9
SURE = 1e-4
SAYS_BEYOND, SAYS_UNKNOWN = "Silence seems to depend on mood more than", "Beyond a factor of"


@dataclass(frozen=True)
class Judged:
    """The figures of a company, those of the oracle where it was asked, and the truth."""

    base: BaseNps
    oracle: BaseNps
    truth: float

    @property
    def errors(self) -> tuple[float, float, float]:
        """How far raw, corrected and the oracle's figure are from the truth."""
        raw, corrected, oracle = self.base.raw, self.base.corrected, self.oracle.corrected
        return abs(raw.nps - self.truth), abs(corrected.nps - self.truth), abs(oracle.nps - self.truth)

    def within(self, span: Span) -> bool:
        """Return whether a range holds the truth."""
        return span.low <= self.truth <= span.high


def measure(scale: Scale) -> list[Figure]:
    """Return errors, coverage and widths where silence follows behaviour, and where it follows mood."""
    seeds: Sequence[int] = acceptance_seeds(1000, 100) if scale.thorough else range(2200, 2201)
    found: dict[str, list[Judged]] = {mode: [] for mode in _MODES}
    for seed in seeds:
        for mode, judged in _judge(seed, scale):
            found[mode].append(judged)
    return [
        *_by_behaviour(found[BEHAVIOUR], scale),
        *_by_mood(found[MOOD], scale),
        *_beyond(found[STRONG]),
    ]


def _by_behaviour(found: Sequence[Judged], scale: Scale) -> Iterator[Figure]:
    raw, corrected, _ = np.mean([each.errors for each in found], axis=0)
    n, held = len(found), sum(_holds(each) for each in found)
    least = _most_of(n)
    yield noted("by behaviour: error of the raw NPS", raw)
    yield noted("by behaviour: error of the corrected NPS", corrected)
    yield Figure(
        "by behaviour: corrected error / raw error",
        corrected / raw,
        0.5 if scale.thorough else 0.9,
        "at most",
    )
    yield Figure(f"by behaviour: 95 % intervals of {n} that hold the truth", held, least, "at least")
    yield noted(f"by behaviour: ranges for G = 2 of {n} that hold the truth", _count_ranges(found))


def _by_mood(found: Sequence[Judged], scale: Scale) -> Iterator[Figure]:
    raw, corrected, oracle = np.mean([each.errors for each in found], axis=0)
    n = len(found)
    fall = (raw - corrected) / (raw - oracle)
    names = ("raw NPS", "corrected NPS", "oracle's NPS")
    for name, error in zip(names, (raw, corrected, oracle), strict=True):
        yield noted(f"by mood: error of the {name}", error)
    yield Figure(
        "by mood: fall of the error / fall by the oracle", fall, 0.8 if scale.thorough else 0.4, "at least"
    )
    yield Figure(
        f"by mood: ranges for G = 2 of {n} that hold the truth",
        _count_ranges(found),
        _most_of(n),
        "at least",
    )
    widths = np.array([_compare_widths(each.base) for each in found])
    yield Figure("by mood: widest range / bounds without assumption", widths[:, 0].max(), 0.5, "at most")
    yield noted("by mood: the same of the range with sampling intervals", widths[:, 1].max())
    held = sum(_holds(each) for each in found)
    yield noted(f"by mood: 95 % intervals of {n} that hold the truth", held)
    said = sum(_says(each.base, SAYS_BEYOND) for each in found)
    yield noted(f"by mood: pages of {n} that say more than G though it is less", said)


def _beyond(found: Sequence[Judged]) -> Iterator[Figure]:
    n, least = len(found), _most_of(len(found))
    raw, corrected, _ = np.mean([each.errors for each in found], axis=0)
    for name, error in (("raw NPS", raw), ("corrected NPS", corrected)):
        yield noted(f"ratio of 4: error of the {name}", error)
    yield noted(f"ratio of 4: ranges for G = 2 of {n} that hold the truth", _count_ranges(found))
    said = sum(_says(each.base, SAYS_BEYOND) for each in found)
    yield Figure(f"ratio of 4: pages of {n} that say silence depends on mood more", said, least, "at least")
    open_ = sum(_says(replace(each.base, lots=None), SAYS_UNKNOWN) for each in found)
    yield Figure(f"ratio of 4 without lots: pages of {n} that say what is not known", open_, n, "at least")


def _most_of(n: int) -> int:
    return max(int(0.88 * n), 1)


def _holds(each: Judged) -> bool:
    corrected = each.base.corrected
    return each.within(Span(corrected.low, corrected.high))


def _count_ranges(found: Sequence[Judged]) -> int:
    return sum(each.within(each.base.range) for each in found)


def _compare_widths(base: BaseNps) -> tuple[float, float]:
    return base.range.width / base.bounds.width, base.sampled_range.width / base.bounds.width


def _says(base: BaseNps, sentence: str) -> bool:
    document = {"satisfaction": {"recent_days": 180, **base.to_dict()}}
    return any(sentence in said for said in tell_silence(read_document(document, "en")).said)


def _judge(seed: int, scale: Scale) -> Iterator[tuple[str, Judged]]:
    """Yield what is found of the company of each mode."""
    companies = {mode: simulate_company(_find_parameters(mode, scale), seed) for mode in _MODES}
    for mode, frame, answers, truth in _read(companies):
        base = told = fit_satisfaction(frame, answers, Settings().satisfaction.silence_odds)[1]
        if mode == MOOD:
            survey = companies[mode].parameters.survey
            detractor, promoter = np.log([survey.detractor_odds, survey.promoter_odds]).tolist()
            told = fit_satisfaction(frame, answers, base.silence_odds, Belief(detractor, promoter, SURE))[1]
        yield mode, Judged(base, told, truth)


def _find_parameters(mode: str, scale: Scale) -> CompanyParameters:
    parameters = load_acceptance()[mode]
    return parameters if scale.thorough else replace(parameters, customers=SMALL_CUSTOMERS)


def _read(companies: Mapping[str, Company]) -> Iterator[tuple[str, FeatureFrame, Answers, float]]:
    """Yield mode, frame, answers and truth of each company, all read from one store at one ``as_of``."""
    settings, parameters = Settings(), next(iter(companies.values())).parameters
    parts = [_name_apart(company, f"{mode}-c") for mode, company in companies.items()]
    tables = {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in TABLES}
    events = Engine(threads=1).open_frames({name: naive(table) for name, table in tables.items()})
    snapshot = take_snapshot(events, parameters.as_of, settings)
    everyone, known = build_frame(snapshot), read_answers(snapshot, settings.satisfaction.recent_days)
    for mode, company in companies.items():
        frame = everyone.rows(everyone.index["customer_id"].str.startswith(f"{mode}-c"))
        ids = frame.index["customer_id"].tolist()
        would_say = company.truth.set_index(f"{mode}-c" + company.truth["customer_id"])["answer"].loc[ids]
        truth = 100.0 * float((would_say >= PROMOTER).mean() - (would_say < PASSIVE).mean())
        yield mode, frame, Answers.align(known, ids), truth


def _name_apart(company: Company, prefix: str) -> dict[str, pd.DataFrame]:
    """Return the tables with every id led by ``prefix``."""
    tables = {}
    for name, table in company.tables.items():
        columns = {TABLES[name].key, Name.CUSTOMER_ID.value, "refund_of"} & set(table.columns)
        tables[name] = table.assign(**{each: prefix + table[each].astype(object) for each in columns})
    return tables
