"""What a retention lead reads first: six questions, each answered in a sentence or two."""

from collections.abc import Mapping
from typing import Any

from contracts.scores import SEGMENTS, Language
from training.figures import NAIVE
from training.page.blocks import Bar, Part, Row, Table
from training.page.plots import Plot, across, draw_band, draw_line, round_steps, upward
from training.page.reading import Reading, read_document
from training.page.silence import tell_silence

MANY_LOOKS = 10
SAME_AUC = 0.005
"""A change under this is called little: half a pair in a hundred."""


def write_headline(document: Mapping[str, Any], language: Language, zone: str = "UTC") -> tuple[str, ...]:
    """Return the sentences at the top of the page, in its order."""
    parts = answer(read_document(document, language, zone))
    return tuple(sentence for part in parts for sentence in (*part.said, *part.listed) if sentence)


def answer(reading: Reading) -> tuple[Part, ...]:
    """Return the parts at the top of the page; what is not known says so."""
    parts = [_hits(reading), _gate(reading), _served(reading), _money(reading)]
    if reading.part("subscription"):
        parts.append(_subscriptions(reading))
    if reading.part("satisfaction"):
        parts.append(tell_silence(reading))
    return (*parts, _looks(reading), _history(reading))


def _hits(reading: Reading) -> Part:
    t, f, found = reading.t, reading.f, reading.part("headline")
    title = t("hits.title")
    if not found:
        return Part("hits", title, missing=reading.missing)
    has_rule = "rule_days" in found and "rule_left" in found
    values = {name: f.whole(found[name]) for name in ("contacts", "left", "random")}
    if has_rule:
        values |= {name: f.whole(found[name]) for name in ("rule_days", "rule_left")}
    key = "hits.found_rule" if has_rule else "hits.found"
    said = [t(key, day=reading.day(found["cutoff"]), **values)]
    ahead = round(found["left"]) - round(found["rule_left"]) if has_rule else 1
    if ahead <= 0:
        said.append(t("hits.rule_won" if ahead < 0 else "hits.rule_tied"))
    window = reading.document.get("window_days", reading.document["horizon_days"])
    return Part(
        "hits",
        title,
        said=tuple(said),
        bars=_hit_bars(reading, found, has_rule),
        chart_title=t("hits.chart", contacts=values["contacts"]),
        notes=(t("hits.meaning", days=f.whole(window)),),
    )


def _hit_bars(reading: Reading, found: Mapping[str, Any], has_rule: bool) -> tuple[Bar, ...]:
    t, f = reading.t, reading.f
    lines = [(t("hits.bar_model"), found["left"], "served")]
    if has_rule:
        lines.append((t("hits.bar_rule", days=f.whole(found["rule_days"])), found["rule_left"], "rule"))
    lines.append((t("hits.bar_random"), found["random"], "chance"))
    contacts = f.whole(found["contacts"])
    return tuple(
        Bar(
            label,
            t("hits.bar_text", n=f.whole(count), contacts=contacts),
            round(100 * count / max(found["contacts"], 1), 1),
            style,
        )
        for label, count, style in lines
    )


def _gate(reading: Reading) -> Part:
    t, gate = reading.t, reading.document["gate"]
    said = [t("gate.passed" if gate["passed"] else "gate.failed")]
    if gate.get("leak", False):
        said.append(t("gate.leak"))
    if not gate["passed"] and reading.report_cutoff is None and not reading.part("families"):
        said.append(t("gate.nothing"))
    said += _against_rules(reading)
    return Part("gate", t("gate.title"), said=tuple(said), quoted=tuple(map(str, gate.get("reasons", ()))))


def _against_rules(reading: Reading) -> list[str]:
    """Return in words how the served model stood against the simple rules in telling who leaves."""
    t = reading.t
    verdicts = {
        each["family"]: each["verdict"]
        for each in reading.rows("differences")
        if each["metric"] == "log_loss" and each["family"] in NAIVE
    }
    if not verdicts:
        return []
    named = {
        verdict: [reading.plainly(name) for name in NAIVE if verdicts.get(name) == verdict]
        for verdict in ("better", "tie", "worse")
    }
    total, beaten = len(verdicts), len(named["better"])
    key = "gate.beats_all" if beaten == total else "gate.beats_some" if beaten else "gate.beats_none"
    said = [t(key, n=reading.f.whole(beaten), total=reading.f.whole(total))]
    if named["tie"]:
        said.append(t("gate.tied", names="; ".join(named["tie"])))
    if named["worse"]:
        said.append(t("gate.beaten", names="; ".join(named["worse"])))
    return said


def _served(reading: Reading) -> Part:
    t, served = reading.t, reading.part("served")
    title = t("served.title")
    churn, clv = served.get("churn", {}), served.get("clv", {})
    names = [name for name in SEGMENTS if name in churn and name in clv]
    if not names:
        return Part("served", title, missing=reading.t("absent.not_recorded"))
    rows = [(name, reading.plainly(churn[name]), reading.plainly(clv[name])) for name in names]
    families = {*churn.values(), *clv.values()}
    explained = {"served.naive": bool(families & set(NAIVE)), "served.full": "lgbm_btyd" in families}
    notes = tuple(t(key) for key, needed in explained.items() if needed)
    if len({(risk, value) for _, risk, value in rows}) == 1:
        _, risk, value = rows[0]
        said = t("served.all_same" if risk == value else "served.same", churn=risk, clv=value)
        return Part("served", title, said=(said,), notes=notes)
    listed = tuple(
        t(
            "served.row_same" if risk == value else "served.row",
            segment=capitalise(reading.segment(name)),
            churn=risk,
            clv=value,
        )
        for name, risk, value in rows
    )
    return Part("served", title, said=(t("served.differs"),), listed=listed, notes=notes)


def _money(reading: Reading) -> Part:
    t, curve = reading.t, reading.rows("monthly")
    title = t("money.title")
    if not curve:
        return Part("money", title, missing=t("absent.not_recorded"))
    last = curve[-1]
    customers = t.count("page.customers", int(reading.part("population").get("scored", 0)))
    said = [
        t(
            "money.total",
            months=reading.months(last["month"]),
            customers=customers,
            mean=reading.about(last["mean"]),
            low=reading.about(last["p10"]),
            high=reading.about(last["p90"]),
        )
    ]
    rate = float(reading.document.get("annual_discount_rate", 0.0))
    if rate > 0 and "discounted_mean" in last:
        said.append(
            t(
                "money.discounted",
                rate=reading.f.fine_percent(rate, 0 if round(100 * rate, 6).is_integer() else 1),
                mean=reading.about(last["discounted_mean"]),
            )
        )
    said.append(t("money.wider"))
    if "level_spread" in reading.document:
        spread = reading.f.percent(float(reading.document["level_spread"]))
        said[-1] += " " + t("money.spread", spread=spread)
    return Part(
        "money",
        title,
        said=tuple(said),
        plot=_money_plot(reading),
        tables=(_money_table(reading, rate > 0),),
        folded=True,
    )


def _money_plot(reading: Reading) -> Plot:
    t, curve = reading.t, reading.rows("monthly")
    x = across(0, curve[-1]["month"])
    steps = round_steps(0, max(each["p90"] for each in curve))
    y = upward(0, steps[-1])
    band = [(0, 0.0, 0.0), *((each["month"], each["p10"], each["p90"]) for each in curve)]
    mean = [(0, 0.0), *((each["month"], each["mean"]) for each in curve)]
    months = [each["month"] for each in curve if each["month"] % 3 == 0 or len(curve) < 4]
    return Plot(
        t("money.chart"),
        t("money.months_axis"),
        t("money.money_axis", currency=reading.currency),
        x.ticks([0, *months], reading.f.whole),
        y.ticks(steps, reading.f.short_number),
        lines=(draw_line(mean, x, y, t("money.mean"), "served"),),
        band=draw_band(band, x, y),
        keys=((t("money.mean"), "served"), (t("money.band"), "band")),
    )


def _money_table(reading: Reading, discounted: bool) -> Table:
    t = reading.t
    names = ["mean", "p10", "p50", "p90", *(["discounted_mean"] if discounted else [])]
    return Table(
        t("money.chart"),
        (t("money.month"), *(t(f"money.{name}") for name in names)),
        tuple(
            Row((reading.f.whole(each["month"]), *(_known_money(reading, each.get(name)) for name in names)))
            for each in reading.rows("monthly")
        ),
    )


def _known_money(reading: Reading, amount: float | None) -> str:
    return reading.figure("mean", None) if amount is None else reading.money(amount)


def _subscriptions(reading: Reading) -> Part:
    t, found = reading.t, reading.part("subscription")
    said = []
    if "customers" in found and "base_rate" in found:
        said.append(
            t(
                "subscriptions.said",
                customers=reading.f.whole(found["customers"]),
                rate=reading.f.fine_percent(found["base_rate"]),
            )
        )
    if found.get("retention"):
        last = found["retention"][-1]
        said.append(
            t(
                "subscriptions.kept",
                months=reading.months(last["month"]),
                predicted=reading.f.fine_percent(last["predicted"]),
                observed=reading.f.fine_percent(last["observed"]),
            )
        )
    missing = "" if said else reading.missing
    return Part("subscriptions", t("subscriptions.title"), said=tuple(said), missing=missing)


def _looks(reading: Reading) -> Part:
    t, looks = reading.t, reading.document.get("looks")
    title = t("looks.title")
    if reading.report_cutoff is None:
        return Part("looks", title, missing=t("absent.nothing_matured"))
    if looks is None:
        return Part("looks", title, said=(t("looks.unknown"),))
    few = {1: "looks.first", 2: "looks.twice"}
    key = few.get(looks, "looks.many" if looks >= MANY_LOOKS else "looks.more")
    return Part("looks", title, said=(t(key, n=reading.f.whole(looks)),))


def _history(reading: Reading) -> Part:
    t = reading.t
    title = t("history.title")
    if not reading.rows("history"):
        return Part("history", title, missing=reading.missing)
    judged = [each for each in reading.rows("history") if "auc" in each]
    if not judged:
        return Part("history", title, said=(t("history.unknown_pairs"),))
    pairs = ", ".join(
        t(
            "history.next" if place else "history.one",
            months=reading.months(each["months"]),
            pairs=reading.f.whole(100 * each["auc"]),
        )
        for place, each in enumerate(judged)
    )
    said = [t("history.said", list=pairs)]
    if len(judged) > 1:
        before, after = judged[-2:]
        change = after["auc"] - before["auc"]
        key = "level" if abs(change) < SAME_AUC else "gains" if change > 0 else "loses"
        said.append(
            t(
                f"history.{key}",
                before=reading.months(before["months"]),
                after=reading.months(after["months"]),
            )
        )
    return Part("history", title, said=tuple(said))


def capitalise(text: str) -> str:
    """Return the text with its first letter as a capital, the rest as it is."""
    return text[:1].upper() + text[1:]
