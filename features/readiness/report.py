"""``fedele check``: is there enough, clean enough data, in plain words, worst first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.events import TABLES
from contracts.findings import Finding, worst_first
from contracts.workspace import Workspace
from features.readiness.facts import (
    TableFacts,
    find_undated,
    open_known,
    read_order_facts,
    read_score_facts,
    read_table_facts,
)
from features.readiness.findings import (
    judge_amounts,
    judge_enough,
    judge_freshness,
    judge_later_facts,
    judge_log,
    judge_quarantine,
    judge_scores,
    judge_undated,
)
from features.store.loads import read_loads
from features.store.quarantine import count_reasons


@dataclass(frozen=True)
class Readiness:
    """What ``check`` found, worst first, and the tables as known at ``as_of``."""

    as_of: datetime
    findings: tuple[Finding, ...]
    tables: dict[str, TableFacts]

    @property
    def ready(self) -> bool:
        """Whether nothing stands in the way of training."""
        return not self.blocking

    @property
    def blocking(self) -> list[Finding]:
        """What must be mended before training can succeed."""
        return [finding for finding in self.findings if finding.severity == "blocking"]

    @property
    def warnings(self) -> list[Finding]:
        """What makes the answers worse than they could be."""
        return [finding for finding in self.findings if finding.severity == "warning"]

    @property
    def remarks(self) -> list[Finding]:
        """What is worth knowing."""
        return [finding for finding in self.findings if finding.severity == "remark"]

    def to_dict(self) -> dict[str, Any]:
        """Return what ``check --json`` prints."""
        return {
            "ready": self.ready,
            "blocking": [str(finding) for finding in self.blocking],
            "warnings": [str(finding) for finding in self.warnings],
            "remarks": [str(finding) for finding in self.remarks],
            "tables": {name: facts.to_dict() for name, facts in self.tables.items()},
        }


def check_readiness(workspace: Workspace, as_of: datetime, extra: Sequence[Finding] = ()) -> Readiness:
    """Return what stands in the way of good answers at ``as_of``; ``extra`` findings of others are sorted in.

    Reads the event store, writes nothing, needs no lock. Tables without rows are left out of ``tables``.
    """
    settings = workspace.settings
    with open_known(workspace, as_of) as session:
        every = {name: read_table_facts(session, name) for name in TABLES}
        orders = read_order_facts(session, settings.workspace.currency)
        scores = read_score_facts(session)
        undated = find_undated(session, workspace)
        later = {name: count for name, count in session.rows("SELECT name, rows FROM later") if count}
    loads = read_loads(workspace.events)
    findings = [
        *extra,
        *judge_enough(every, orders, settings.horizons.horizon_days, as_of),
        *judge_freshness(every, as_of, settings.history.stale_after_days),
        *judge_quarantine(count_reasons(workspace.events), loads),
        *judge_log(every, orders, settings.workspace.currency),
        *judge_amounts(orders),
        *judge_scores(scores),
        *judge_undated(undated, settings.history.static_attributes),
        *judge_later_facts(later, as_of),
    ]
    tables = {name: facts for name, facts in every.items() if facts.rows}
    return Readiness(as_of, tuple(worst_first(findings)), tables)


def describe_readiness(readiness: Readiness) -> list[str]:
    """Return the report as lines for people: the verdict, the findings worst first, then the tables."""
    verdict = "Ready to train." if readiness.ready else "Not ready to train yet. Mend these first:"
    signs = {"blocking": "!!", "warning": " !", "remark": "  "}
    lines = [verdict, *(f"{signs[finding.severity]} {finding}" for finding in readiness.findings)]
    for name, facts in readiness.tables.items():
        span = (
            f"{facts.first:%Y-%m-%d} to {facts.last:%Y-%m-%d}" if facts.first and facts.last else "no dates"
        )
        lines.append(f"   {name}: {facts.rows:,} rows, {facts.customers:,} customers, {span}")
    return lines
