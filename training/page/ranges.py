"""Whether ranges hold, what the model looks at, and the terms under which all figures hold."""

from collections.abc import Mapping
from typing import Any

from contracts.scores import SEGMENTS
from training.page.blocks import Bar, Part, Row, Table, Whisker
from training.page.headline import capitalise
from training.page.reading import DASH, Reading

RAIL = (0.6, 1.0)
"""Where the rail of the coverage chart begins and ends, in shares."""
BAND = (0.75, 0.85)
"""Ranges are refused only where coverage lies wholly outside."""


def tell_coverage(reading: Reading) -> Part:
    """Return coverage of the 80 % ranges, overall and by group, and the interval score."""
    t, f, found = reading.t, reading.f, reading.part("coverage")
    title = t("coverage.title")
    groups = _find_groups(reading, found)
    if not groups:
        return Part("coverage", title, missing=reading.missing)
    table = Table(
        t("coverage.caption"),
        (*(t(f"coverage.{name}") for name in ("group", "value", "low", "high")), t("reliability.rows")),
        tuple(
            Row(
                (
                    label,
                    f.fine_percent(each["coverage"]),
                    *(f.fine_percent(each[end]) if end in each else DASH for end in ("low", "high")),
                    f.whole(each["customers"]) if "customers" in each else DASH,
                ),
                strong=not place,
            )
            for place, (label, each) in enumerate(groups)
        ),
    )
    return Part(
        "coverage",
        title,
        said=(t("coverage.lead"), *_word_score(reading, found)),
        whiskers=tuple(_draw_whisker(reading, label, each) for label, each in groups),
        chart_title=t("coverage.caption"),
        tables=(table,),
        folded=True,
    )


def _find_groups(reading: Reading, found: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    t = reading.t
    groups = [(t(f"coverage.{name}"), found[name]) for name in ("overall", "buyers") if found.get(name)]
    segments = found.get("segments", {})
    named = [*(name for name in SEGMENTS if name in segments), *sorted(set(segments) - set(SEGMENTS))]
    groups += [(capitalise(reading.segment(name)), segments[name]) for name in named]
    groups += [
        (t("coverage.decile", n=reading.f.whole(place)), each)
        for place, each in enumerate(found.get("deciles", ()), start=1)
    ]
    return [(label, each) for label, each in groups if "coverage" in each]


def _draw_whisker(reading: Reading, label: str, each: Mapping[str, Any]) -> Whisker:
    f, point = reading.f, each["coverage"]
    low, high = each.get("low", point), each.get("high", point)
    text = reading.t(
        "coverage.text", share=f.fine_percent(point), low=f.fine_percent(low), high=f.fine_percent(high)
    )
    return Whisker(label, text, find_place(low), find_place(point), find_place(high))


def find_place(share: float) -> float:
    """Return where a share stands on the rail, 0 to 100; one beyond it stands at its end.

    Examples:
        >>> find_place(0.8), find_place(0.3), find_place(1.0)
        (50.0, 0.0, 100.0)
    """
    low, high = RAIL
    return round(100 * (min(max(share, low), high) - low) / (high - low), 1)


def _word_score(reading: Reading, found: Mapping[str, Any]) -> list[str]:
    if "interval_score" not in found or "interval_score_constant" not in found:
        return []
    own, constant = float(found["interval_score"]), float(found["interval_score_constant"])
    key = "coverage.score_better" if own < constant else "coverage.score_worse"
    return [reading.t(key, own=reading.f.decimal(own, 2), constant=reading.f.decimal(constant, 2))]


def tell_weights(reading: Reading) -> Part:
    """Return how much each family of reasons moves the estimate."""
    t, f = reading.t, reading.f
    ranked = sorted(reading.part("weights").items(), key=lambda item: (-item[1], item[0]))
    title = t("weights.title")
    if not ranked:
        return Part("weights", title, missing=t("absent.not_recorded"))
    heaviest = max(ranked[0][1], 1e-12)
    named = [(capitalise(t.find(f"families.{name}", name)), weight) for name, weight in ranked]
    return Part(
        "weights",
        title,
        said=(t("weights.lead"),),
        bars=tuple(Bar(label, f.decimal(size, 3), round(100 * size / heaviest, 1)) for label, size in named),
        chart_title=t("weights.caption"),
    )


def tell_remarks(reading: Reading) -> Part:
    """Return what training remarked, in its own words."""
    remarks = tuple(map(str, reading.rows("remarks")))
    said = () if remarks else (reading.t("remarks.none"),)
    return Part("remarks", reading.t("remarks.title"), said=said, quoted=remarks)


def tell_terms(reading: Reading) -> Part:
    """Return the terms of all figures: horizons, discounting, what precedes the refit, seed and data."""
    t, f, document = reading.t, reading.f, reading.document
    window, horizon = document.get("window_days"), document["horizon_days"]
    rate = float(document.get("annual_discount_rate", 0.0))
    pairs = [(t("terms.version"), document["model_version"])]
    pairs.append((t("terms.horizon"), t("terms.days", n=f.whole(horizon))))
    if window is not None:
        key = "terms.window_shorter" if window < horizon else "terms.days"
        pairs.append((t("terms.window"), t(key, n=f.whole(window))))
    if "clv_horizon_days" in document:
        pairs.append((t("terms.clv_horizon"), t("terms.days", n=f.whole(document["clv_horizon_days"]))))
    said = t("terms.discount_rate", rate=f.fine_percent(rate)) if rate else t("terms.discount_none")
    pairs += [
        (t("terms.discount"), said),
        (t("terms.accuracy"), t("terms.accuracy_text")),
        (t("terms.refit"), t("terms.refit_text")),
        (t("terms.currency"), reading.currency),
    ]
    pairs += _not_scored(reading)
    pairs += [
        (t(f"terms.{name}"), str(document[key]))
        for name, key in (("seed", "seed"), ("digest", "data_digest"))
        if key in document
    ]
    return Part("terms", t("terms.title"), pairs=tuple(pairs))


def _not_scored(reading: Reading) -> list[tuple[str, str]]:
    """Return how many customers have no score, by reason in words."""
    counts = {
        name: count
        for name, count in reading.part("population").items()
        if name not in ("scored", "in_play", *SEGMENTS)
    }
    return [
        (
            reading.t("terms.not_scored"),
            f"{reading.t.count('page.customers', count)}. {reading.t.find(f'not_scored.{name}', name)}",
        )
        for name, count in counts.items()
        if count
    ]
