"""Shops of a hundred customers and three months: always an answer, flagged, better than plain rules.

Each simulated shop has its orders and nothing else, is trained with the default settings and judged on the 90
days after `as_of`, the default horizon: as long as all the history there is. Companies and seeds are those of
`features/synthetic/acceptance.toml`. A difference is of mean log loss per shop, its 95 % interval over shops.

What the rules know: which share of the customers of 30 days ago has been silent since (*constant*), after how
many days of silence they stayed silent (*silence*, the best of several), and each customer's own orders a day
(*rate*). Shares of 30 days are used as they are, or *extended*, as if each month lost the same share again.
None ever says less than 1 % or more than 99 %. No rule can know the last line, the share that will have been
silent: it is there to compare with.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from contracts.errors import FedeleError
from contracts.scores import RiskBands
from contracts.settings import Settings
from features.economics import Economics
from features.synthetic import Company, load_acceptance, simulate_company
from features.synthetic.acceptance import acceptance_seeds
from serving.score import Occasion, score_frame
from testkit.claims.figure import Figure, Scale, none_of, noted
from testkit.workspaces import open_orders
from training import metrics
from training.fitting import fit

Array = npt.NDArray[np.float64]

HORIZON_DAYS, KNOWN_DAYS = 90, 30
EXTENDED = HORIZON_DAYS / KNOWN_DAYS
SILENCES = (7, 14, 21, 30, 45)
EDGE = 0.01
MARKS = {"thin_history", "range_unproven", "season_unseen", "degraded"}
RULES = ("constant", "constant, extended", "silence", "silence, extended", "rate")
NO_COSTS = Economics(pd.DataFrame(columns=["acquisition_cost", "tickets", "interactions"], dtype=float), None)
OTHERS = {"small_shop_rare": "customers who rarely come back", "small_shop_keen": "customers who often do"}


@dataclass(frozen=True)
class Shop:
    """What one shop was answered: mean log loss by rule, and how many customers without answer or flag."""

    losses: dict[str, float]
    unanswered: int
    unflagged: int
    ranges_said_proven: int


def measure(scale: Scale) -> list[Figure]:
    """Return answers, flags and differences of log loss over shops."""
    seeds: Sequence[int] = acceptance_seeds(1020, 50) if scale.thorough else range(2000, 2001)
    shops = _judge_all("small_shop", seeds)
    others = {mode: _judge_all(mode, seeds[:10]) for mode in OTHERS} if scale.thorough else {}
    everyone = [*shops, *(shop for group in others.values() for shop in group)]
    figures = [
        Figure("shops", len(everyone), len(seeds), "at least"),
        none_of("customers without an answer", sum(shop.unanswered for shop in everyone)),
        none_of("answers that do not say how thin the data are", sum(shop.unflagged for shop in everyone)),
        none_of("ranges said to be proven", sum(shop.ranges_said_proven for shop in everyone)),
        noted("log loss as served, mean of shops", _mean_loss(shops)),
        *_compare(shops, judged=scale.thorough),
    ]
    for mode, group in others.items():
        figures += [*_compare(group, judged=False, said=f"{OTHERS[mode]}, {len(group)} shops: ")]
    return figures


def _compare(shops: Sequence[Shop], judged: bool, said: str = "") -> Iterator[Figure]:
    answered = [shop for shop in shops if shop.losses]
    for rule in (*RULES, "the true share"):
        apart = np.array([shop.losses["served"] - shop.losses[rule] for shop in answered])
        name = f"{said}log loss less that of {rule}"
        yield noted(f"{name}: mean", float(apart.mean()))
        if judged and rule in RULES:
            error = float(apart.std(ddof=1)) / np.sqrt(len(apart))
            high = float(apart.mean() + stats.t.ppf(0.975, len(apart) - 1) * error)
            yield Figure(f"{name}: upper end of the 95 % interval", high, 0.0, "at most")


def _mean_loss(shops: Sequence[Shop]) -> float:
    return float(np.mean([shop.losses["served"] for shop in shops if shop.losses]))


def _judge_all(mode: str, seeds: Sequence[int]) -> list[Shop]:
    return [judge(simulate_company(load_acceptance()[mode], seed)) for seed in seeds]


def judge(company: Company) -> Shop:
    """Return what Fedele and the rules say of one shop, against the 90 days that followed."""
    as_of = pd.Timestamp(company.parameters.as_of)
    truth = _find_silent(company, as_of, HORIZON_DAYS)
    try:
        answers = _score(company)
    except FedeleError as error:
        print(f"  no answer: {error}", flush=True)
        return Shop({}, len(truth), 0, 0)
    served = pd.Series({name: p for name, (p, _) in answers.items()}).reindex(truth.index)
    best_known = pd.Series(truth.mean(), truth.index)
    forecasts = {"served": served, **_forecast_rules(company, as_of), "the true share": best_known}
    losses = {
        name: metrics.log_loss(truth.to_numpy(), said.reindex(truth.index).to_numpy())
        for name, said in forecasts.items()
    }
    flags = [set(marks) for _, marks in answers.values()]
    return Shop(
        losses,
        int(served.isna().sum()),
        sum(not marks & MARKS for marks in flags),
        sum("range_unproven" not in marks for marks in flags),
    )


def _score(company: Company) -> dict[str, tuple[float, Sequence[str]]]:
    """Return churn probability and flags of every customer, trained and scored as of the same instant."""
    as_of = company.parameters.as_of
    trained = fit(open_orders(company), Settings(), as_of)
    occasion = Occasion("g1", "1", as_of, as_of, RiskBands(0.4, 0.7, "claim"))
    scored = score_frame(trained.model, trained.training_set.present, occasion, NO_COSTS)
    return {
        each.record.customer_id: (each.record.churn_probability, tuple(each.record.flags)) for each in scored
    }


def _find_purchases(company: Company, before: pd.Timestamp) -> pd.DataFrame:
    """Return the orders that refunds known by then left something of: customer_id and occurred_at."""
    rows = company.tables["orders"]
    known = rows[rows["occurred_at"] < before]
    net = known["amount"].groupby(known["refund_of"].fillna(known["order_id"])).sum()
    orders = known[known["refund_of"].isna()]
    return orders[orders["order_id"].map(net) > 0][["customer_id", "occurred_at"]]


def _find_silent(company: Company, cutoff: pd.Timestamp, days: int) -> "pd.Series[float]":
    """Return 1.0 for each customer with an order before ``cutoff`` and none in the ``days`` from it on."""
    known = np.unique(_find_purchases(company, cutoff)["customer_id"])
    later = _find_purchases(company, cutoff + pd.Timedelta(days=days))
    bought = set(later.loc[later["occurred_at"] >= cutoff, "customer_id"])
    return pd.Series([float(customer not in bought) for customer in known], known)


def _forecast_rules(company: Company, as_of: pd.Timestamp) -> "dict[str, pd.Series[float]]":
    """Return each rule's churn probability by customer, from facts before ``as_of`` alone."""
    cutoff = as_of - pd.Timedelta(days=KNOWN_DAYS)
    churned = _find_silent(company, cutoff, KNOWN_DAYS)
    then, now = _describe(company, cutoff), _describe(company, as_of)
    silence = _find_silence(then["silent"], churned, now["silent"])
    constant = pd.Series(churned.mean(), now.index)
    rate = np.exp(-now["orders"] / now["age"].clip(lower=1.0) * HORIZON_DAYS)
    found = (constant, constant**EXTENDED, silence, silence**EXTENDED, rate)
    return {name: said.clip(EDGE, 1 - EDGE) for name, said in zip(RULES, found, strict=True)}


def _describe(company: Company, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return orders, and days since the first and the last, of each customer known at ``cutoff``, by id."""
    customers = _find_purchases(company, cutoff).groupby("customer_id")["occurred_at"]
    first, last = ((cutoff - at) / pd.Timedelta(days=1) for at in (customers.min(), customers.max()))
    return pd.DataFrame({"orders": customers.count(), "age": first, "silent": last})


def _find_silence(
    then: "pd.Series[float]", churned: "pd.Series[float]", now: "pd.Series[float]"
) -> "pd.Series[float]":
    """Return the shares of the rule "silent for N days" whose N was best on the known window."""
    rules = [(days, _share(churned, then > days), _share(churned, then <= days)) for days in SILENCES]
    losses = [
        metrics.log_loss(churned.to_numpy(), np.clip(np.where(then > days, above, below), EDGE, 1 - EDGE))
        for days, above, below in rules
    ]
    days, above, below = rules[int(np.argmin(losses))]
    return pd.Series(np.where(now > days, above, below), now.index)


def _share(churned: "pd.Series[float]", rows: "pd.Series[bool]") -> float:
    return float(churned[rows].mean() if rows.any() else churned.mean())
