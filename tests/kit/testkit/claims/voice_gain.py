"""What feedback adds to churn on a simulated company, as a share of what knowing the hidden mood would add.

Company and seeds are those of `features/synthetic/acceptance.toml`. Each company is trained three times with
the default settings and judged by the 90 days after `as_of`: without its feedback; with it, scores and texts,
the texts as `fedele voice` reads them without a label; and without feedback but by an oracle who is told
every customer's true mood at every cutoff, as a column of customers recorded just before it. AUC is of the
churn probability as served, over the customers in play. Standard errors are over companies.

The simulator writes few sentences and its moods move people strongly: the share is of this world alone. An
oracle of the mood is no oracle of churn: most of who leaves is chance. In the world this was first asked of
(`voice_gain` there, seeds 1060 to 1063) even the oracle gained nothing that can be told from chance, and
feedback as little; decision 14 has those figures.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from contracts.settings import Settings
from features.engine import Engine, Events
from features.synthetic import Company, load_acceptance, simulate_company
from features.synthetic.acceptance import acceptance_seeds
from features.synthetic.answers import RIVAL
from features.synthetic.orders import draw_orders
from features.synthetic.people import draw_people
from features.text.reader import open_reader
from testkit.claims.figure import Figure, Scale, noted
from testkit.companies import naive
from testkit.hindsight import find_labels
from training import metrics
from training.fitting import Training, fit

Floats = npt.NDArray[np.float64]

HORIZON_DAYS, CLV_DAYS = 90, 120
SMALL_CUSTOMERS = 500
SETTINGS = Settings.model_validate({"training": {"histories": False}})


def measure(scale: Scale) -> list[Figure]:
    """Return the three accuracies and the gain as a share of the oracle's."""
    seeds: Sequence[int] = acceptance_seeds(1064, 4) if scale.thorough else range(2000, 2001)
    found = np.array([_measure_company(seed, scale) for seed in seeds])
    auc, columns = found[:, :3], found[:, 3]
    silent, heard, told = auc.T
    gain, most = heard - silent, told - silent
    figures = [
        noted("AUC without feedback", float(silent.mean())),
        noted("AUC with feedback", float(heard.mean())),
        noted("AUC of the oracle who knows the mood", float(told.mean())),
        Figure("voice features the models had", float(columns.min()), 30, "at least"),
    ]
    if not scale.thorough:
        return [*figures, Figure("companies", len(found), 1, "at least"), _all_there(auc)]
    share = float(gain.mean() / most.mean())
    leave_one_out = [
        float(np.delete(gain, place).mean() / np.delete(most, place).mean()) for place in range(len(gain))
    ]
    n = len(gain)
    spread = float(np.sqrt((n - 1) / n * np.sum((np.array(leave_one_out) - np.mean(leave_one_out)) ** 2)))
    return [
        *figures,
        Figure("companies", n, 4, "equals"),
        Figure("gain of AUC by feedback", float(gain.mean()), 1e-9, "at least"),
        noted("its standard error", float(gain.std(ddof=1) / np.sqrt(n))),
        Figure("gain of AUC by the oracle", float(most.mean()), 1e-9, "at least"),
        noted("its standard error (oracle)", float(most.std(ddof=1) / np.sqrt(n))),
        noted("gain by feedback as a share of the oracle's", share),
        noted("its standard error by jackknife", spread),
    ]


def _all_there(auc: Floats) -> Figure:
    return Figure("accuracies measured", int(np.isfinite(auc).sum()), auc.size, "equals")


def _measure_company(seed: int, scale: Scale) -> tuple[float, float, float, float]:
    parameters = load_acceptance()["voice_matters"]
    if not scale.thorough:
        parameters = replace(parameters, customers=SMALL_CUSTOMERS)
    company = simulate_company(parameters, seed)
    tables = {name: naive(table) for name, table in company.tables.items()}
    quiet = tables | {"feedback": tables["feedback"].head(0)}
    readings = open_reader(rivals=[RIVAL]).read(tables["feedback"]["text"].dropna().unique().tolist())
    silent = fit(_open(quiet), SETTINGS, parameters.as_of)
    heard = fit(_open(tables).with_readings(readings), SETTINGS, parameters.as_of)
    cutoffs = (*silent.training_set.plan.cutoffs, parameters.as_of)
    told = fit(_open(quiet | {"customers": _tell_moods(company, seed, cutoffs)}), SETTINGS, parameters.as_of)
    churned = find_labels(company, _open(tables), HORIZON_DAYS, CLV_DAYS)["churned"]
    columns = sum(name.startswith("voice.") for name in heard.training_set.present.features.names)
    return _judge(silent, churned), _judge(heard, churned), _judge(told, churned), columns


def _open(tables: dict[str, pd.DataFrame]) -> Events:
    return Engine(threads=1).open_frames({name: table for name, table in tables.items() if len(table)})


def _tell_moods(company: Company, seed: int, cutoffs: Sequence[datetime]) -> pd.DataFrame:
    """Return the customers in a version for each cutoff, recorded a second before it, with the true mood."""
    parameters = company.parameters
    people = draw_people(parameters, seed)
    ordered, everyone = draw_orders(people, parameters, seed), np.arange(len(people))
    customers = naive(company.tables["customers"])
    place = pd.Series(everyone, index=people.ids)[customers["customer_id"]].to_numpy()
    versions = []
    for cutoff in cutoffs:
        day = (cutoff - parameters.begins_at) / timedelta(days=1)
        mood = ordered.mood_at(everyone, np.full(len(people), day), people.base_mood)[place]
        told = pd.Timestamp(cutoff - timedelta(seconds=1)).tz_localize(None)
        known = customers["occurred_at"] < told
        versions.append(customers.assign(hidden_mood=mood, recorded_at=told, loaded_at=told)[known])
    return pd.concat(versions, ignore_index=True).assign(row_key=lambda rows: rows["customer_id"])


def _judge(trained: Training, churned: "pd.Series[float]") -> float:
    said = trained.model.predict(trained.training_set.present)
    in_play = (said.frame.index["segment"] != "lapsed").to_numpy()
    truth = churned.reindex(said.frame.index["customer_id"]).to_numpy()
    return metrics.auc(truth[in_play], said.churn_probability[in_play])
