"""What the numbers of ``fedele check`` mean: one plain sentence and one remedy each."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from contracts.findings import Finding
from features.ingest.reasons import explain_reason
from features.readiness.facts import OrderFacts, ScoreFacts, TableFacts
from features.store.loads import Load

REPEAT_BUYERS = 200
FEWEST_CUSTOMERS = 20
HISTORY_DAYS = 60
SHORTEST_WINDOW_DAYS = 30
CUTOFFS = 3
_CORRELATION = 0.3
_BUSY_SHARE = 0.05
_BUSY_ORDERS = 100
_SCALE = 50
_GAP_DAYS = 14


def judge_enough(
    tables: Mapping[str, TableFacts], orders: OrderFacts, horizon_days: int, as_of: datetime
) -> Iterator[Finding]:
    """Yield what is too little for each model."""
    shop, contracts = tables["orders"], tables["subscriptions"]
    if not shop.rows and not contracts.rows:
        yield Finding(
            "blocking",
            "no_facts",
            "There are no orders and no subscriptions before that day, so there is nobody to score.",
            "Load some: `fedele ingest orders FILE.csv --dry-run` shows how your file would be read.",
        )
        return
    if max(shop.customers, contracts.customers) < FEWEST_CUSTOMERS:
        yield Finding(
            "blocking",
            "few_customers",
            f"Only {max(shop.customers, contracts.customers)} customers are known; models need "
            f"{FEWEST_CUSTOMERS} at the "
            "very least and hundreds to be of use.",
            "Load the whole history, not a sample of it.",
        )
    yield from _judge_history([shop, contracts], horizon_days, as_of)
    if shop.rows and orders.repeat_buyers < REPEAT_BUYERS:
        yield Finding(
            "warning",
            "few_repeat_buyers",
            f"{orders.repeat_buyers} customers bought on two days or more; {REPEAT_BUYERS} are wanted "
            "to learn how your "
            "customers buy. Until then the model leans on typical shops, and scores say so.",
            "Load older orders if you have them.",
        )
    if orders.value_correlation is not None and abs(orders.value_correlation) >= _CORRELATION:
        yield Finding(
            "warning",
            "value_correlation",
            "Frequent buyers spend differently from rare ones (correlation "
            f"{orders.value_correlation:.2f}), so the "
            "Gamma-Gamma model of spend fits badly.",
            "Nothing to mend; the learned value model is compared with it and the better one is used.",
        )
    if not tables["feedback"].rows:
        yield Finding("remark", "no_feedback", "No feedback is loaded, so satisfaction stays empty.")
    if contracts.rows and contracts.customers < REPEAT_BUYERS:
        yield Finding(
            "warning",
            "few_subscribers",
            f"{contracts.customers} subscribers are few to learn from; {REPEAT_BUYERS} are wanted.",
        )


def _judge_history(known: Sequence[TableFacts], horizon_days: int, as_of: datetime) -> Iterator[Finding]:
    firsts = [facts.first for facts in known if facts.first is not None]
    days = (as_of - min(firsts)) / timedelta(days=1)
    if days < HISTORY_DAYS + SHORTEST_WINDOW_DAYS:
        ready = min(firsts) + timedelta(days=HISTORY_DAYS + SHORTEST_WINDOW_DAYS)
        yield Finding(
            "blocking",
            "short_history",
            f"The history is {days:.0f} days long; learning who leaves needs {HISTORY_DAYS} days to "
            "look at and "
            f"{SHORTEST_WINDOW_DAYS} days to see what came of them.",
            f"Load older facts, or wait until {ready:%Y-%m-%d}.",
        )
    elif days < HISTORY_DAYS + CUTOFFS * horizon_days:
        yield Finding(
            "warning",
            "few_cutoffs",
            f"The history of {days:.0f} days holds {max(int((days - HISTORY_DAYS) // horizon_days), 0)} "
            "past windows of "
            f"{horizon_days} days; {CUTOFFS} are wanted, so shorter windows are used.",
            "Load older facts, or ask for a shorter horizon: [horizons] horizon_days in fedele.toml.",
        )


def judge_freshness(tables: Mapping[str, TableFacts], as_of: datetime, days: int) -> Iterator[Finding]:
    """Yield a warning when the newest fact is older than ``days`` before ``as_of``."""
    newest = max((facts.last for facts in tables.values() if facts.last is not None), default=None)
    if newest is not None and as_of - newest > timedelta(days=days):
        yield Finding(
            "warning",
            "stale",
            f"The newest fact is of {newest:%Y-%m-%d}, {(as_of - newest).days} days before "
            f"{as_of:%Y-%m-%d}: to the models "
            "it looks as if everyone had fallen silent.",
            "Load newer facts, or set [workspace] as_of in fedele.toml if this history ends on purpose.",
        )


def judge_quarantine(reasons: Mapping[tuple[str, str], int], loads: Sequence[Load]) -> Iterator[Finding]:
    """Yield one warning for each table's reasons of quarantine, most rows first."""
    read: dict[str, int] = {}
    for load in {load.file_digest + load.table + load.source: load for load in loads}.values():
        read[load.table] = read.get(load.table, 0) + load.read
    for (table, code), count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        share = count / read[table] if read.get(table) else 0.0
        shown = f" ({share:.1%} of those read)" if share >= 0.001 else ""
        rows = "1 row of {} is" if count == 1 else f"{count:,} rows of {{}} are"
        yield Finding(
            "warning" if share >= 0.01 or count >= 1000 else "remark",
            f"quarantine_{code}",
            f"{rows.format(table)} in quarantine{shown}: {explain_reason(code, 'a field')}.",
            "`fedele ingest --list --json` names the lines; mend them and load the file again.",
        )


def judge_log(tables: Mapping[str, TableFacts], orders: OrderFacts, currency: str) -> Iterator[Finding]:
    """Yield what looks wrong with who bought when."""
    share = orders.busiest / orders.rows if orders.rows else 0.0
    lonely = orders.busiest >= _BUSY_ORDERS and (
        share >= _BUSY_SHARE or orders.busiest > 20 * orders.usual_busiest
    )
    if lonely and tables["orders"].customers > FEWEST_CUSTOMERS:
        yield Finding(
            "warning",
            "busy_customer",
            f"One customer has {orders.busiest:,} orders ({share:.1%} of all), where 99 in 100 have at most "
            f"{orders.usual_busiest:,.0f}: perhaps a guest account, a till or a program.",
            "Leave those rows out of the export, or give guests an id of their own; one such customer "
            "bends the models.",
        )
    if orders.other_currency:
        yield Finding(
            "blocking",
            "other_currency",
            f"{orders.other_currency:,} stored orders are in another currency than the workspace's "
            f"{currency}.",
            "Set [workspace] currency back, or undo those loads and load them again with [rates].",
        )
    if orders.longest_gap >= _GAP_DAYS and orders.longest_gap > 5 * orders.usual_gap:
        yield Finding(
            "warning",
            "gap",
            f"For {orders.longest_gap} days in a row nobody ordered anything, where the usual gap is "
            f"{orders.usual_gap:.0f} "
            "days: a part of the log may be missing.",
            "Compare with your shop, and load the missing part.",
        )
    if orders.before_sign_up:
        yield Finding(
            "remark",
            "before_sign_up",
            f"{orders.before_sign_up:,} orders are earlier than their customer's own first date; they "
            "count all the same.",
        )


def judge_amounts(orders: OrderFacts) -> Iterator[Finding]:
    """Yield what looks wrong with the amounts."""
    if orders.scale_ratio >= _SCALE:
        yield Finding(
            "warning",
            "mixed_scales",
            f"The usual amount differs {orders.scale_ratio:,.0f}-fold between sources or channels: some "
            "may be in cents.",
            "Undo the load in the wrong unit (`fedele ingest --list`, `--undo LOAD`) and load it in the "
            "right one.",
        )
    if orders.outliers:
        yield Finding(
            "warning",
            "outliers",
            f"{orders.outliers:,} orders are more than 100 times the usual amount.",
            "Look whether they are real; pence written as pounds look like this.",
        )
    if orders.rows and orders.zeros / orders.rows >= 0.01:
        yield Finding(
            "remark",
            "zero_amounts",
            f"{orders.zeros:,} orders ({orders.zeros / orders.rows:.1%}) have amount zero. They are "
            "shown, but do not count "
            "as purchases.",
        )


def judge_scores(scores: ScoreFacts) -> Iterator[Finding]:
    """Yield a warning when scores of feedback cannot be placed on their scale."""
    if scores.without_scale or scores.outside:
        yield Finding(
            "warning",
            "unusable_scores",
            f"{scores.without_scale + scores.outside:,} of {scores.scores:,} feedback scores count as "
            f"missing: {scores.without_scale:,} without both ends of their scale, {scores.outside:,} not on "
            "their scale.",
            "Give every score its scale_min (worst answer) and scale_max (best answer); turn a scale that "
            "runs the other way round before loading it.",
        )


def judge_undated(undated: Mapping[str, int], static: Collection[str]) -> Iterator[Finding]:
    """Yield the states of back-filled rows that past cutoffs cannot use."""
    hidden = sorted(name for name in undated if name.split(".")[1] not in {*static, "profiling_consent"})
    attributes = [name.split(".")[1] for name in hidden if name.startswith("customers.")]
    if attributes:
        listed = ", ".join(f'"{name}"' for name in attributes)
        yield Finding(
            "warning",
            "undated_attributes",
            f"{len(attributes)} customer attributes came with no date of their own, so training, which "
            "looks at the past, "
            f"cannot use them: {', '.join(attributes)}.",
            f"For those that never change write in fedele.toml: [history] static_attributes = [{listed}].",
        )
    others = [name for name in hidden if not name.startswith("customers.")]
    if others:
        yield Finding(
            "remark",
            "undated_states",
            f"Past cutoffs do not see {', '.join(others)} of the first load: nobody knows since when "
            "they hold.",
            "Loads from now on are dated; a column with the instant of the change (--recorded-at) dates "
            "old ones.",
        )


def judge_later_facts(later: Mapping[str, int], as_of: datetime) -> Iterator[Finding]:
    """Yield a remark on facts at or after ``as_of``, which do not count."""
    if later:
        told = ", ".join(f"{count:,} in {name}" for name, count in later.items())
        yield Finding(
            "remark", "later_facts", f"Facts at or after {as_of:%Y-%m-%d} do not count here: {told}."
        )
