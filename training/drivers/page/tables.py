"""The tables of the page: each figure with its interval, or how many there are where that is too few."""

from collections.abc import Mapping
from typing import Any

from training.drivers.page.words import DASH, MINUS, Reading
from training.page.blocks import Row, Table

WORD_JOINER = "\u2060"


def tabulate_topics(reading: Reading) -> Table:
    """Return the topics: how often, how painful, and what goes with complaining instead of praising."""
    t, f = reading.t, reading.f
    return Table(
        t("topics_part.caption", days=reading.days),
        tuple(
            t(f"head.{name}") for name in ("topic", "texts", "complaints", "sentiment", "money", "leaving")
        ),
        tuple(
            Row(
                (
                    reading.topic(each["name"]),
                    f.whole(each["texts"]),
                    f.percent(each["complaints"] / each["texts"]),
                    reading.number(each["sentiment"], 2),
                    reading.figure(each["money"], min(each["complaints"], each["praises"])),
                    reading.points(each["leaving"], min(each["complaints"], each["praises"])),
                )
            )
            for each in reading.rows("topics")
        ),
    )


def tabulate_map(reading: Reading) -> Table:
    """Return the map in words: the twin of the picture, with every touchpoint."""
    t, f = reading.t, reading.f
    cells = sorted(reading.rows("map"), key=lambda each: (-each["texts"], each["topic"], each["touchpoint"]))
    return Table(
        t("map.caption", days=reading.days),
        tuple(t(f"head.{name}") for name in ("topic", "touchpoint", "texts", "sentiment", "money_rest")),
        tuple(
            Row(
                (
                    reading.topic(each["topic"]),
                    reading.place("touchpoints", each["touchpoint"]),
                    f.whole(each["texts"]),
                    reading.number(each["sentiment"], 2),
                    reading.figure(each["money"], each["texts"]),
                )
            )
            for each in cells
        ),
        texts=2,
    )


def tabulate_touches(reading: Reading, dimension: str) -> Table:
    """Return touchpoints, owners or stages: how often, how they feel, and what goes with meeting them."""
    t, f = reading.t, reading.f
    names = (dimension.removesuffix("s"), "events", "customers", "score", "gap", "money", "leaving")
    return Table(
        t(f"{dimension}_part.caption", days=reading.days),
        tuple(t(f"head.{name}") for name in names),
        tuple(
            Row(
                (
                    reading.place(dimension, each["name"]),
                    f.whole(each["events"]),
                    f.whole(each["customers"]),
                    *_feel(reading, each["feeling"]),
                    reading.figure(each["money"], each["months"]),
                    reading.points(each["leaving"], each["months"]),
                )
            )
            for each in reading.rows(dimension)
        ),
    )


def _feel(reading: Reading, feeling: Mapping[str, Any]) -> tuple[str, str]:
    if feeling["gap"] is None:
        return reading.too_few(feeling["answers"]), DASH
    return reading.f.decimal(feeling["score"]), reading.number(feeling["gap"]["value"])


def tabulate_moments(reading: Reading) -> Table:
    """Return the moments of truth by money in all."""
    t, f = reading.t, reading.f
    names = ("moment", "counterpart", "events", "studied", "per_event", "in_all", "leaving", "proved")
    return Table(
        t("moments.caption", days=reading.days),
        tuple(t(f"head.{name}") for name in names),
        tuple(
            Row(
                (
                    each["moment"],
                    each["counterpart"],
                    f.whole(each["events"]),
                    f.whole(each["studied"]),
                    _hold_signs(reading.figure(each["money"], each["studied"])),
                    _hold_signs(reading.figure(each["money_in_all"], each["studied"])),
                    reading.points(each["leaving"], each["studied"]),
                    t("moments.yes" if each["found"] else "moments.no") if each["money"] else DASH,
                ),
                strong=bool(each["found"]),
            )
            for each in reading.rows("moments")
        ),
        texts=2,
    )


def _hold_signs(figure: str) -> str:
    """Return a figure whose lines never end with a sign: this table is too wide for one line each."""
    return figure.replace(MINUS, f"{MINUS}{WORD_JOINER}").replace("+", f"+{WORD_JOINER}")


def tabulate_steps(reading: Reading) -> Table:
    """Return the charts of all moments as one table."""
    t = reading.t
    return Table(
        t("steps.caption"),
        (t("head.moment"), t("head.day"), t("head.difference")),
        tuple(
            Row((each["moment"], reading.f.whole(step["day"]), reading.figure(step)))
            for each in reading.rows("moments")
            for step in each["steps"]
        ),
    )


def tabulate_kinds(reading: Reading) -> Table:
    """Return what detractors, passives and promoters of each kind of question spent afterwards."""
    t, f = reading.t, reading.f
    bands = ("detractor", "passive", "promoter")
    rows = []
    for each in reading.rows("kinds"):
        gaps = {(gap["band"], gap["against"]): gap for gap in each["differences"]}
        for band in bands:
            gap = gaps.get((band, "passive"))
            few = min(each["ripe"][band], each["ripe"]["passive"])
            money = each["money"][band]
            spent = reading.too_few(each["ripe"][band]) if money is None else reading.money(money["value"])
            rows.append(
                Row(
                    (
                        t.find(f"kind.{each['kind']}", each["kind"]),
                        t(f"band.{band}"),
                        f.whole(each["answers"][band]),
                        spent,
                        DASH if gap is None else reading.figure(gap["money"], few),
                        DASH if gap is None else reading.points(gap["leaving"], few),
                    )
                )
            )
    names = ("kind", "band", "answers", "spent", "against_passive", "leaving")
    return Table(
        t("kinds_part.caption", days=reading.days),
        tuple(t(f"head.{name}") for name in names),
        tuple(rows),
        texts=2,
    )


def tabulate_channels(reading: Reading) -> Table | None:
    """Return spend by number of channels used before, None where orders name no channel."""
    found = reading.document["omnichannel"]
    if found is None:
        return None
    t, f = reading.t, reading.f
    return Table(
        t("channels.caption", days=reading.days),
        tuple(t(f"head.{name}") for name in ("channels", "customers", "spent_raw")),
        tuple(
            Row((f.whole(each["channels"]), f.whole(each["customers"]), reading.money(each["money"])))
            for each in found["by_channels"]
        ),
        texts=0,
    )
