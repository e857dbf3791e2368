"""A desk with a store of true-to-life customers, and a server for it on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from contracts.randomness import generator
from contracts.scores import (
    CURVE_DAYS,
    ChurnRange,
    Clv,
    CurvePoint,
    Flag,
    Language,
    Reason,
    RiskBands,
    ScoreRecord,
    Segment,
    to_dict,
    to_json,
)
from contracts.workspace import Workspace, create_workspace
from serving.store.generations import open_store
from serving.store.rows import GenerationInfo, StoredScore, build_not_scored, build_scored
from serving.tenants import Tenants
from testkit.service import build_service, run_app

AS_OF = datetime(2026, 11, 19, 23, tzinfo=UTC)
FACTS_UNTIL = datetime(2026, 11, 19, 18, 30, tzinfo=UTC)
SCORED_AT = datetime(2026, 11, 20, 5, 10, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
ZONE = "Europe/Rome"
BANDS = RiskBands(0.45, 0.7, owner="tests")
NAMES = ("Bianchi", "Rossi & Figli S.r.l.", "Ferrari", "Élodie Martin", "O'Neill", "Müller", "Conti", "Greco")


def build_record(
    number: int, language: Language, generation: str = "g-2026-11-20", **changes: Any
) -> ScoreRecord:
    """Return customer ``number``: equal numbers give equal customers, in either language."""
    draw = generator(7, "desk", number)
    risk = float(np.clip(draw.beta(1.6, 1.5), 0.02, 0.985))
    orders = int(draw.geometric(0.3))
    segment: Segment = "lapsed" if number % 6 == 5 else "thin" if orders == 1 else "regular"
    stays = float(np.exp(draw.normal(5.2, 0.8)))
    leaves = stays * float(draw.uniform(0.05, 0.3))
    at_risk = risk * (stays - leaves)
    mean = stays - at_risk
    flags: tuple[Flag, ...] = ("thin_history",) if orders == 1 else ()
    flags += ("disagreement",) if number % 11 == 3 else ()
    values: dict[str, Any] = {
        "customer_id": f"C-{10_000 + number}" if number % 9 else f"{NAMES[number // 9 % 8]} {number}",
        "kind": "shop",
        "segment": segment,
        "as_of": AS_OF,
        "horizon_days": 90,
        "churn_probability": risk,
        "churn_range": ChurnRange(max(0.0, risk - 0.07 * (1 - risk)), min(1.0, risk + 0.09 * (1 - risk))),
        "risk_band": BANDS.band(round(risk, 6)),
        "risk_percentile": None if segment == "lapsed" else risk**1.2,
        "p_alive": None if orders == 1 else 1 - risk * 0.8,
        "expected_purchases": (1 - risk) * orders * 0.6 + 0.05,
        "clv": Clv(mean, 0.0 if risk > 0.3 else mean * 0.2, mean * 0.7 if risk < 0.5 else 0.0, mean * 2.4),
        "clv_horizon_days": 365,
        "p_no_spend": risk * 0.6,
        "clv_basis": "revenue",
        "annual_discount_rate": 0.0,
        "currency": "EUR",
        "value_if_stays": stays,
        "value_if_leaves": leaves,
        "value_at_risk": at_risk,
        "contact_value": (1 - risk) * at_risk,
        "net_clv": None,
        "historic_value": orders * stays * 0.4,
        "net_historic_value": None,
        "curve": build_curve(risk, mean, orders),
        "satisfaction": None,
        "reasons": build_reasons(number, risk, orders, language),
        "flags": flags,
        "model_version": "14",
        "feature_hash": "5a1d7c0e93b2f468",
        "generation": generation,
        "scored_at": SCORED_AT,
    }
    return ScoreRecord(**(values | changes))


def build_curve(risk: float, mean: float, orders: int) -> tuple[CurvePoint, ...]:
    """Return what is expected of the first days, consistent at 90 and 365."""
    return tuple(
        CurvePoint(
            days, risk ** ((days / 90) ** 0.6), (1 - risk) * orders * 0.6 * days / 90, mean * days / 365
        )
        for days in CURVE_DAYS
    )


def build_reasons(number: int, risk: float, orders: int, language: Language) -> tuple[Reason, ...]:
    """Return three reasons in words."""
    silence, usual = int(20 + 160 * risk), 31 + number % 17
    english = {
        "rhythm": f"No order for {silence} days; usually orders every {usual} days.",
        "support": "2 tickets reopened in the last 90 days.",
        "rfm": f"{orders} orders so far (typical customer: 3)." if orders > 1 else "One order so far.",
        "channel": "Buys on the web and in the store.",
    }
    italian = {
        "rhythm": f"Nessun ordine da {silence} giorni; di solito ordina ogni {usual} giorni.",
        "support": "2 richieste di assistenza riaperte negli ultimi 90 giorni.",
        "rfm": f"{orders} ordini finora (cliente tipico: 3)." if orders > 1 else "Un solo ordine finora.",
        "channel": "Compra sul sito e in negozio.",
    }
    texts = italian if language == "it" else english
    tilt = 2 * risk - 1
    parts = [("rhythm", 0.15 + 1.4 * tilt), ("rfm", 0.35 - 0.2 * orders), ("channel", -0.12)]
    parts += [("support", 0.62)] if number % 3 == 0 else []
    parts.sort(key=lambda part: -part[1])
    parts = [part for part in parts if part[1] > 0] + sorted(
        (part for part in parts if part[1] <= 0), key=lambda p: p[1]
    )
    return tuple(
        Reason(
            code=f"{family}.example",
            family=family,
            owner="brand",
            direction="raises" if size > 0 else "lowers",
            contribution=size,
            actionable=family in ("rhythm", "support"),
            text=texts[family],
        )
        for family, size in parts
    )


def build_row(number: int, **changes: Any) -> StoredScore:
    """Return the stored row of a customer in both languages."""
    english, italian = (build_record(number, language, **changes) for language in ("en", "it"))
    return build_scored(to_dict(english), to_json(english), to_json(italian), english.churn_probability)


def build_rows(count: int, **changes: Any) -> Iterator[StoredScore]:
    """Yield scored customers, and a few without a score of each reason."""
    for number in range(count):
        yield build_row(number, **changes)
    for number in range(7):
        yield build_not_scored(f"N-{number}", "no_first_order", "shop")
    yield build_not_scored("S-1", "suppressed", "shop")
    yield build_not_scored("E-1", "already_ended", "subscription")


def build_info(generation: str = "g-2026-11-20", **changes: Any) -> GenerationInfo:
    """Return the facts of a generation."""
    facts = {"as_of": AS_OF, "model_version": "14", "scored_at": SCORED_AT, "facts_until": FACTS_UNTIL}
    return GenerationInfo(generation, **(facts | changes))  # type: ignore[arg-type]


def make_workspace(folder: Path, count: int = 130, name: str = "Bottega Demo") -> Workspace:
    """Return a workspace with one generation of ``count`` scored customers (0: no generation)."""
    workspace = create_workspace(folder, timezone=ZONE, name=name)
    if count:
        store = open_store(workspace)
        write_generation(store, build_rows(count))
        store.close()
    return workspace


def write_generation(
    store: Any, rows: Iterator[StoredScore], info: GenerationInfo | None = None
) -> GenerationInfo:
    """Write rows as the current generation."""
    with store.begin(info or build_info()) as writer:
        writer.add(rows)
        finished: GenerationInfo = writer.finish()
    return finished


@contextmanager
def serve_desk(workspaces: list[Workspace], now: datetime = NOW) -> Iterator[str]:
    """Serve the workspaces on a free port of this machine while the block lasts; yield the address."""
    tenants = Tenants()
    tenants.open([workspace.root for workspace in workspaces])
    try:
        with run_app(build_service(tenants, lambda: now)) as address:
            yield address
    finally:
        tenants.close()
