"""The tables a data scientist reads: families, differences, segments, cutoffs."""

from collections.abc import Mapping, Sequence
from statistics import stdev
from typing import Any

from contracts.scores import SEGMENTS
from training.figures import CHURN, PARTS, find_loss, sort_families
from training.page.blocks import Part, Row, Table
from training.page.headline import capitalise
from training.page.reading import DASH, Reading

Figures = Mapping[str, Mapping[str, Mapping[str, float]]]
BESIDE = (("churn", "log_loss"), ("churn", "auc"), ("clv", "tweedie_deviance"), ("clv", "total_error"))
"""The four figures shown where there is no room for all."""
BEST = "*"


def tell_families(reading: Reading) -> Part:
    """Return every family's figures at the report cutoff, for customers in play and for everyone."""
    t, cutoff, families = reading.t, reading.report_cutoff, reading.part("families")
    title = t("families_part.title")
    if not families:
        return Part("families", title, missing=reading.missing)
    said = [] if cutoff is None else [_word_cutoff(reading, cutoff)]
    errors = reading.part("errors")
    return Part(
        "families",
        title,
        said=tuple(said),
        tables=tuple(_tabulate(reading, families, part, f"families_part.{part}", errors) for part in PARTS),
        notes=(t("page.best"), t("families_part.money_note")),
    )


def _word_cutoff(reading: Reading, cutoff: Mapping[str, Any]) -> str:
    return reading.t(
        "families_part.lead",
        day=reading.day(cutoff["cutoff"]),
        customers=reading.t.count("page.customers", cutoff["customers"]),
        rate=reading.figure("base_rate", cutoff.get("base_rate")),
    )


def tell_everyone(reading: Reading) -> Part:
    """Return the same for everyone, lapsed customers included."""
    t, families = reading.t, reading.part("everyone")
    if not families:
        return Part("everyone", t("families_part.everyone"), missing=reading.missing)
    tables = tuple(_tabulate(reading, families, part, f"families_part.everyone_{part}", {}) for part in PARTS)
    return Part(
        "everyone",
        t("families_part.everyone"),
        said=(t("families_part.everyone_lead"),),
        tables=tables,
        folded=True,
    )


def tell_differences(reading: Reading) -> Part:
    """Return the paired differences of what is served to each family, with verdicts."""
    t, rows = reading.t, reading.rows("differences")
    title = t("differences.title")
    if not rows:
        return Part("differences", title, missing=reading.missing)
    order = sort_families({each["family"]: None for each in rows})
    ranked = sorted(rows, key=lambda each: (each["metric"] not in CHURN, order.index(each["family"])))
    head = ("metric", "difference", "se", "ratio", "verdict")
    return Part(
        "differences",
        title,
        said=(t("differences.lead"),),
        tables=(
            Table(
                t("differences.caption"),
                (t("families_part.family"), *(t(f"differences.{name}") for name in head)),
                tuple(_difference(reading, each) for each in ranked),
                texts=2,
            ),
        ),
    )


def _difference(reading: Reading, each: Mapping[str, Any]) -> Row:
    t, f = reading.t, reading.f
    value, se = each["difference"], each["se"]
    return Row(
        (
            reading.family(each["family"]),
            t.find(f"metric.{each['metric']}", each["metric"]),
            f"{'+' if value > 0 else ''}{f.decimal(value, 4)}",
            f.decimal(se, 4),
            f.decimal(abs(value) / se) if se > 0 else DASH,
            t.find(f"differences.{each['verdict']}", each["verdict"]),
        )
    )


def tell_segments(reading: Reading) -> Part:
    """Return figures of each segment and family at the report cutoff."""
    t, segments = reading.t, reading.part("segments")
    title = t("segments_part.title")
    if not segments:
        return Part("segments", title, missing=reading.missing)
    names = [*(name for name in SEGMENTS if name in segments), *sorted(set(segments) - set(SEGMENTS))]
    columns = ("segments_part.segment", "families_part.family", "reliability.rows", "metric.base_rate")
    metrics = (*(f"metric.{metric}" for _, metric in BESIDE), "metric.coverage_80")
    table = Table(
        t("segments_part.caption"),
        tuple(map(t, (*columns, *metrics))),
        tuple(row for name in names for row in _segment_rows(reading, name, segments[name])),
        texts=2,
    )
    return Part("segments", title, said=(t("segments_part.lead"),), tables=(table,))


def _segment_rows(reading: Reading, name: str, facts: Mapping[str, Any]) -> list[Row]:
    families = facts.get("families", {})
    rows = []
    for family in sort_families(families):
        own = family == "served"
        figures = (reading.figure(metric, _find(families[family], part, metric)) for part, metric in BESIDE)
        cells = (
            capitalise(reading.segment(name)),
            reading.family(family),
            reading.f.whole(facts["customers"]),
            reading.figure("base_rate", facts.get("base_rate")),
            *figures,
            reading.figure("coverage_80", facts.get("coverage")) if own else "",
        )
        rows.append(Row(cells, strong=own))
    return rows


def tell_cutoffs(reading: Reading) -> Part:
    """Return the main figures of every cutoff, with their spread, which is no standard error."""
    t, cutoffs = reading.t, reading.rows("cutoffs")
    title = t("cutoffs.title")
    if not cutoffs:
        return Part("cutoffs", title, missing=reading.missing)
    metrics = [metric for _, metric in BESIDE if any(_families_with(each, metric) for each in cutoffs)]
    return Part(
        "cutoffs",
        title,
        said=(t("cutoffs.lead"),),
        tables=tuple(_cutoff_table(reading, cutoffs, metric) for metric in metrics),
        notes=(t("cutoffs.spread_note"),) if len(cutoffs) > 1 else (),
        missing="" if metrics else reading.missing,
    )


def _families_with(cutoff: Mapping[str, Any], metric: str) -> dict[str, float]:
    families: Mapping[str, Mapping[str, float]] = cutoff.get("families", {})
    return {name: figures[metric] for name, figures in families.items() if metric in figures}


def _cutoff_table(reading: Reading, cutoffs: Sequence[Mapping[str, Any]], metric: str) -> Table:
    t = reading.t
    found = [_families_with(each, metric) for each in cutoffs]
    families = sort_families({name: None for each in found for name in each})
    rows = [
        Row(
            (
                reading.day(each["cutoff"]),
                t.find(f"cutoffs.{each['role']}", each["role"]),
                reading.f.whole(each["customers"]),
                reading.figure("base_rate", each.get("base_rate")),
                *(reading.figure(metric, values.get(name)) for name in families),
            ),
            strong=each["role"] == "report",
        )
        for each, values in zip(cutoffs, found, strict=True)
    ]
    spreads = [[values[name] for values in found if name in values] for name in families]
    if any(len(values) > 1 for values in spreads):
        found_spreads = [stdev(values) if len(values) > 1 else None for values in spreads]
        printed = (reading.figure(metric, value).lstrip("+") for value in found_spreads)
        rows.append(Row((t("cutoffs.spread"), "", "", "", *printed), apart=True))
    head = (t("cutoffs.cutoff"), t("cutoffs.role"), t("reliability.rows"), t("metric.base_rate"))
    named = t("cutoffs.caption", metric=t(f"metric.{metric}"))
    return Table(named, (*head, *map(reading.family, families)), tuple(rows), texts=2)


def _tabulate(reading: Reading, families: Figures, part: str, key: str, errors: Mapping[str, Any]) -> Table:
    """Return the figures of one part, a family a row, the best of each column marked."""
    t = reading.t
    metrics = [
        metric for metric in PARTS[part] if any(metric in _part(families[name], part) for name in families)
    ]
    best = {metric: _find_best(families, part, metric) for metric in metrics}
    rows = []
    for name in sort_families(families):
        figures = _part(families[name], part)
        if not figures:
            continue
        cells = [
            reading.figure_with_error(metric, figures.get(metric), errors.get(name, {}).get(metric))
            + (BEST if name in best[metric] else "")
            for metric in metrics
        ]
        rows.append(Row((reading.family(name), *cells), strong=name == "served"))
    days = reading.f.whole(reading.document.get("window_days", reading.document["horizon_days"]))
    return Table(
        t(key, days=days) if part == "clv" else t(key),
        (t("families_part.family"), *(t(f"metric.{metric}") for metric in metrics)),
        tuple(rows),
        better=("", *(PARTS[part][metric] for metric in metrics)),
    )


def _find_best(families: Figures, part: str, metric: str) -> set[str]:
    """Return the families that do best by a metric; none where none is better or all are equal."""
    losses = {
        name: loss
        for name in families
        if metric in _part(families[name], part)
        and (loss := find_loss(metric, _part(families[name], part)[metric])) is not None
    }
    if len(set(losses.values())) < 2:
        return set()
    return {name for name, loss in losses.items() if loss == min(losses.values())}


def _part(figures: Mapping[str, Mapping[str, float]], part: str) -> Mapping[str, float]:
    return figures.get(part) or {}


def _find(figures: Mapping[str, Mapping[str, float]], part: str, metric: str) -> float | None:
    return _part(figures, part).get(metric)
