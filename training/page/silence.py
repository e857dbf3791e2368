"""The part of the page on those who do not answer: what all customers think, and how sure that is."""

from collections.abc import Mapping
from typing import Any

from training.page.blocks import Part, Row, Table
from training.page.reading import Reading

LINES = {
    "raw": "silence.row_raw",
    "corrected": "silence.row_corrected",
    "range": "silence.row_range",
    "sampled_range": "silence.row_sampled_range",
    "bounds": "silence.row_bounds",
}


def tell_silence(reading: Reading) -> Part:
    """Return the NPS of all customers, raw and corrected, with its intervals and its range."""
    t, f, found = reading.t, reading.f, reading.part("satisfaction")
    counted = {name: f.whole(found[name]) for name in ("customers", "answered", "recent_days")}
    said = [t("silence.raw", **counted, **_figure(reading, found["raw"]))]
    lots = found["lots"]
    key = "silence.corrected" if lots is None else "silence.corrected_lots"
    said.append(t(key, **counted, **_figure(reading, found["corrected"])))
    bare, sampled = (_span(reading, found[name]) for name in ("range", "sampled_range"))
    odds = f.decimal(found["silence_odds"], 1)
    said.append(
        t("silence.range", odds=odds, **bare, sampled_low=sampled["low"], sampled_high=sampled["high"])
    )
    said.append(t("silence.unknown", odds=odds) if lots is None else _tell_lots(reading, found, odds))
    return Part(
        "silence",
        t("silence.title"),
        said=tuple(said),
        tables=(_tabulate(reading, found),),
        notes=(t("silence.meaning"),),
    )


def _tell_lots(reading: Reading, found: Mapping[str, Any], odds: str) -> str:
    lots = found["lots"]
    values = {"odds": odds, "n": reading.f.whole(lots["customers"])}
    for who in ("detractor", "promoter"):
        values |= {
            who: reading.f.decimal(lots[who]["odds"], 2),
            f"{who}_low": reading.f.decimal(lots[who]["low"], 2),
            f"{who}_high": reading.f.decimal(lots[who]["high"], 2),
        }
    return reading.t("silence.beyond" if found["beyond"] else "silence.within", **values)


def _tabulate(reading: Reading, found: Mapping[str, Any]) -> Table:
    t = reading.t
    rows = []
    for name, key in LINES.items():
        span = _span(reading, found[name])
        nps = reading.f.decimal(found[name]["nps"], 1) if "nps" in found[name] else ""
        rows.append(Row((t(key), nps, span["low"], span["high"]), strong=name == "corrected"))
    keys = ("silence.head_what", "silence.head_nps", "silence.head_low", "silence.head_high")
    head = tuple(map(t, keys))
    return Table(t("silence.table"), head, tuple(rows))


def _figure(reading: Reading, figure: Mapping[str, Any]) -> dict[str, str]:
    return {"nps": reading.f.decimal(figure["nps"], 1), **_span(reading, figure)}


def _span(reading: Reading, span: Mapping[str, Any]) -> dict[str, str]:
    return {name: reading.f.decimal(span[name], 1) for name in ("low", "high")}
