"""The curves a data scientist reads, each with a table that says the same."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.page.blocks import Part, Row, Table
from training.page.plots import (
    Plot,
    across,
    draw_columns,
    draw_line,
    group_ticks,
    round_steps,
    upward,
)
from training.page.reading import DASH, Reading

QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def tell_reliability(reading: Reading) -> Part:
    """Return what the model said against what happened, in groups by rising risk."""
    t, f, rows = reading.t, reading.f, reading.rows("reliability")
    title = t("reliability.title")
    if not rows:
        return Part("reliability", title, missing=reading.missing)
    x, y = across(0, 1), upward(0, 1)
    points = [(each["predicted"], each["observed"]) for each in rows]
    plot = Plot(
        t("reliability.caption"),
        t("reliability.predicted"),
        t("reliability.observed"),
        x.ticks(QUARTERS, f.percent),
        y.ticks(QUARTERS, f.percent),
        lines=(
            draw_line([(0, 0), (1, 1)], x, y, "", "chance"),
            draw_line(points, x, y, t("gains.served"), "served", marked=True),
        ),
    )
    table = Table(
        t("reliability.caption"),
        (t("reliability.predicted"), t("reliability.observed"), t("reliability.rows")),
        tuple(
            Row((f.fine_percent(each["predicted"]), f.fine_percent(each["observed"]), f.whole(each["rows"])))
            for each in rows
        ),
        texts=0,
    )
    return Part("reliability", title, said=(t("reliability.lead"),), plot=plot, tables=(table,))


def tell_gains(reading: Reading) -> Part:
    """Return the share of those who left that the first part of the list holds."""
    t, f, gains = reading.t, reading.f, reading.part("gains")
    title = t("gains.title")
    if not gains.get("share") or not gains.get("served"):
        return Part("gains", title, missing=reading.missing)
    share, served, rule = gains["share"], gains["served"], gains.get("rule") or []
    x, y = across(0, 1), upward(0, 1)
    lines = [draw_line([(0, 0), (1, 1)], x, y, t("gains.chance"), "chance")]
    if rule:
        lines.append(draw_line(list(zip(share, rule, strict=True)), x, y, t("gains.rule"), "rule"))
    lines.append(draw_line(list(zip(share, served, strict=True)), x, y, t("gains.served"), "served"))
    plot = Plot(
        t("gains.caption"),
        t("gains.share"),
        t("gains.found"),
        x.ticks(QUARTERS, f.percent),
        y.ticks(QUARTERS, f.percent),
        lines=tuple(lines),
        keys=tuple((line.label, line.style) for line in reversed(lines)),
    )
    columns = [served, *([rule] if rule else []), share]
    names = ("served", *(("rule",) if rule else ()), "chance")
    table = Table(
        t("gains.caption"),
        (t("gains.share"), *(t(f"gains.{name}") for name in names)),
        tuple(
            Row((f.percent(each), *map(f.fine_percent, values)))
            for each, values in zip(share, zip(*columns, strict=True), strict=True)
        ),
        texts=0,
    )
    return Part("gains", title, said=(t("gains.lead"),), plot=plot, tables=(table,), folded=True)


def tell_deciles(reading: Reading) -> Part:
    """Return expected and actual spend of each tenth by expected spend."""
    t, f, rows = reading.t, reading.f, reading.rows("deciles")
    title = t("deciles.title")
    if not rows:
        return Part("deciles", title, missing=reading.missing)
    steps = round_steps(0, max(max(each["predicted"], each["observed"]) for each in rows))
    y = upward(0, steps[-1])
    predicted, observed = t("deciles.predicted"), t("deciles.observed")
    plot = Plot(
        t("deciles.caption"),
        t("deciles.decile"),
        reading.currency,
        group_ticks([f.whole(each["decile"]) for each in rows]),
        y.ticks(steps, f.short_number),
        columns=draw_columns([(each["predicted"], each["observed"]) for each in rows], y, ("served", "rule")),
        keys=((predicted, "served"), (observed, "rule")),
    )
    table = Table(
        t("deciles.caption"),
        (t("deciles.decile"), t("reliability.rows"), predicted, observed),
        tuple(
            Row(
                (
                    f.whole(each["decile"]),
                    f.whole(each["customers"]),
                    f.money(each["predicted"], reading.currency),
                    f.money(each["observed"], reading.currency),
                )
            )
            for each in rows
        ),
        texts=0,
    )
    return Part("deciles", title, said=(t("deciles.lead"),), plot=plot, tables=(table,))


def tell_pit(reading: Reading) -> Part:
    """Return where spend fell in its own predicted distribution."""
    t, f = reading.t, reading.f
    shares: Sequence[float] = reading.document.get("pit") or ()
    title = t("pit.title")
    if not shares:
        return Part("pit", title, missing=reading.missing)
    steps = round_steps(0, max(*shares, 0.2))
    y = upward(0, steps[-1])
    even = 1 / len(shares)
    numbers = [f.whole(place) for place in range(1, len(shares) + 1)]
    plot = Plot(
        t("pit.caption"),
        t("pit.tenth"),
        t("pit.share"),
        group_ticks(numbers),
        y.ticks(steps, f.percent),
        lines=(draw_line([(0, even), (1, even)], across(0, 1), y, "", "chance"),),
        columns=draw_columns([(share,) for share in shares], y, ("served",)),
    )
    table = Table(
        t("pit.caption"),
        (t("pit.tenth"), t("pit.share")),
        tuple(Row((number, f.fine_percent(share))) for number, share in zip(numbers, shares, strict=True)),
        texts=0,
    )
    return Part("pit", title, said=(t("pit.lead"),), plot=plot, tables=(table,))


def tell_history(reading: Reading) -> Part:
    """Return what shorter histories would have given at the report cutoff."""
    t, rows = reading.t, reading.rows("history")
    title = t("history.chart")
    if not rows:
        return Part("history-curve", title, missing=reading.missing)
    metrics = [name for name in ("log_loss", "auc", "tweedie_deviance") if any(name in each for each in rows)]
    table = Table(
        t("history.chart"),
        (
            t("history.months"),
            t("history.customers"),
            t("history.cutoffs"),
            *(t(f"metric.{name}") for name in metrics),
        ),
        tuple(
            Row(
                (
                    reading.f.whole(each["months"]),
                    *(_count(reading, each.get(name)) for name in ("customers", "cutoffs")),
                    *(reading.figure(name, each.get(name)) for name in metrics),
                )
            )
            for each in rows
        ),
        texts=0,
    )
    return Part(
        "history-curve", title, said=(t("history.note"),), plot=_history_plot(reading, rows), tables=(table,)
    )


def _count(reading: Reading, number: int | None) -> str:
    return DASH if number is None else reading.f.whole(number)


def _history_plot(reading: Reading, rows: Sequence[Mapping[str, Any]]) -> Plot | None:
    t, points = reading.t, [(each["months"], each["auc"]) for each in rows if "auc" in each]
    if len(points) < 2:
        return None
    steps = round_steps(min(0.5, *(auc for _, auc in points)), max(auc for _, auc in points))
    x, y = across(0, points[-1][0]), upward(steps[0], steps[-1])
    return Plot(
        t("history.chart"),
        t("history.axis"),
        t("metric.auc"),
        x.ticks([0, *(months for months, _ in points)], reading.f.whole),
        y.ticks(steps, lambda value: reading.f.decimal(value, 2)),
        lines=(draw_line(points, x, y, t("metric.auc"), "served", marked=True),),
    )


def tell_subscriptions(reading: Reading) -> Part | None:
    """Return the subscription model's figures and its retention curve; None without subscriptions."""
    t, found = reading.t, reading.part("subscription")
    if not found:
        return None
    metrics = [(part, name) for part in ("churn", "clv") for name in found.get(part, {})]
    rows = tuple(
        Row(
            (
                t.find(f"metric.{name}", name),
                reading.figure(name, found[part][name]),
                reading.figure(name, found.get("naive", {}).get(name) if part == "churn" else None),
            )
        )
        for part, name in metrics
    )
    head = (t("differences.metric"), t("subscriptions.model"), t("subscriptions.naive"))
    tables = [Table(t("subscriptions.figures"), head, rows)] if rows else []
    plot = None
    if len(found.get("retention", ())) > 1:
        plot = _retention_plot(reading, found["retention"])
        tables.append(_retention_table(reading, found["retention"]))
    missing = "" if tables else reading.missing
    title = t("subscriptions.title")
    return Part("subscriptions-figures", title, plot=plot, tables=tuple(tables), missing=missing)


def _retention_plot(reading: Reading, rows: Sequence[Mapping[str, Any]]) -> Plot:
    t, f = reading.t, reading.f
    lowest = min(min(each["predicted"], each["observed"]) for each in rows)
    steps = round_steps(lowest, 1)
    x, y = across(0, rows[-1]["month"]), upward(steps[0], steps[-1])
    points = {name: [(each["month"], each[name]) for each in rows] for name in ("predicted", "observed")}
    lines = tuple(
        draw_line(points[name], x, y, t(f"subscriptions.{name}"), style, marked=True)
        for name, style in (("predicted", "served"), ("observed", "rule"))
    )
    months = [each["month"] for each in rows if len(rows) <= 7 or each["month"] % 3 == 0]
    return Plot(
        t("subscriptions.retention"),
        t("money.months_axis"),
        t("subscriptions.retention"),
        x.ticks(months, f.whole),
        y.ticks(steps, f.percent),
        lines=lines,
        keys=tuple((line.label, line.style) for line in lines),
    )


def _retention_table(reading: Reading, rows: Sequence[Mapping[str, Any]]) -> Table:
    t, f = reading.t, reading.f
    return Table(
        t("subscriptions.retention"),
        (t("money.month"), t("subscriptions.predicted"), t("subscriptions.observed")),
        tuple(
            Row((f.whole(each["month"]), f.fine_percent(each["predicted"]), f.fine_percent(each["observed"])))
            for each in rows
        ),
        texts=0,
    )
