"""What the page says in sentences: what matters and what does not, the placebo run, the channels."""

from collections.abc import Mapping
from typing import Any

from training.drivers.page.words import Reading

GROUPS = (
    ("pain", "matters"),
    ("pain", "does_not_matter"),
    ("pleasure", "matters"),
    ("pleasure", "does_not_matter"),
)


def say_verdicts(reading: Reading) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the four groups with a sentence for each pain or pleasure; the unclear ones are only counted."""
    t, verdicts = reading.t, reading.rows("verdicts")
    return tuple(
        (
            t(f"verdict.{feels}_{matter}"),
            tuple(
                say_verdict(reading, each)
                for each in verdicts
                if (each["feels"], each["matter"]) == (feels, matter)
            ),
        )
        for feels, matter in GROUPS
    )


def say_verdict(reading: Reading, verdict: Mapping[str, Any]) -> str:
    """Return one pain or pleasure with its money: per event for a moment, else what it goes with."""
    source, name = verdict["source"], verdict["name"]
    counterparts = {each["moment"]: each["counterpart"] for each in reading.rows("moments")}
    named = reading.topic(name) if source == "topic" else reading.place("touchpoints", name)
    key = f"verdict.{source}" if source != "topic" else f"verdict.topic_{verdict['feels']}"
    return reading.t(
        key,
        name=named,
        counterpart=counterparts.get(name, ""),
        money=reading.figure(verdict["money"]),
        days=reading.days,
    )


def say_unclear(reading: Reading) -> str:
    """Return how many pains and pleasures could not be told, or nothing."""
    unclear = [each for each in reading.rows("verdicts") if each["matter"] == "unclear"]
    return reading.t.count("verdict.unclear", len(unclear)) if unclear else ""


def say_placebo(reading: Reading) -> str:
    """Return what the run on false moments found."""
    priced = [each for each in reading.rows("placebo") if each["money"] is not None]
    if not priced:
        return reading.t("moments.placebo_none")
    found = reading.rows("placebo_found")
    if found:
        return reading.t("moments.placebo_found", names=", ".join(map(str, found)))
    return reading.t.count("moments.placebo_clean", len(priced), days=reading.days)


def say_channels(reading: Reading) -> tuple[str, ...]:
    """Return the sentences on buying in several channels."""
    t, found = reading.t, reading.document["omnichannel"]
    if found is None:
        return (t("channels.absent"),)
    counts = {name: reading.f.whole(found[name]) for name in ("several", "single")}
    said = [t("channels.counts", **counts)]
    if found["adjusted"] is None:
        return (*said, reading.too_few(min(found["several"], found["single"])))
    said.append(t("channels.raw", raw=reading.figure(found["raw"]), days=reading.days))
    said.append(t("channels.adjusted", adjusted=reading.figure(found["adjusted"])))
    if found["robustness_of_interval"] > 0:
        strong = {
            name: reading.f.fine_percent(found[name]) for name in ("robustness", "robustness_of_interval")
        }
        said.append(t("channels.robust", **strong))
    else:
        said.append(t("channels.fragile", robustness=reading.f.fine_percent(found["robustness"])))
    strongest = max(found["yardstick"], key=lambda name: min(found["yardstick"][name].values()), default=None)
    if strongest is not None:
        shares = found["yardstick"][strongest]
        said.append(
            t(
                "channels.yardstick",
                fact=t(f"fact.{strongest}"),
                channels=reading.f.fine_percent(shares["channels"]),
                spend=reading.f.fine_percent(shares["spend"]),
            )
        )
    return tuple(said)


def summarise(reading: Reading) -> tuple[str, ...]:
    """Return the page in a few lines, for the command line."""
    lines = [lead(reading)]
    for title, sentences in say_verdicts(reading):
        lines += [f"{title}:", *(f"  {each}" for each in sentences)] if sentences else []
    unclear = say_unclear(reading)
    return (*lines, *([unclear] if unclear else []), say_placebo(reading), *say_channels(reading)[:3])


def lead(reading: Reading) -> str:
    """Return what the page is of."""
    counts = {name: reading.f.whole(number) for name, number in reading.document["counts"].items()}
    day = reading.f.day(reading.document["as_of"], with_time=False)
    return reading.t("page.lead", day=day, days=reading.days, **counts)
