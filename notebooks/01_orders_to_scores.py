# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From orders to scores
#
# Every tenth customer of CDNOW, an online record shop: all orders from January 1997 to June 1998. The log
# ships inside the `lifetimes` package, so nothing is downloaded. We load it, look at what Fedele makes of
# it, train, and end with a list of customers and the reasons for their places.
#
# There is no logic here: each step calls one function that the `fedele` command calls too.

# %%
import json
import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Image, display

# MLflow's progress bars look for a widget that a plain kernel does not have; they do without it.
warnings.filterwarnings("ignore", message="IProgress not found")

from cli.cdnow import save_cdnow
from contracts.settings import SourceSection
from contracts.time import parse_as_of
from contracts.workspace import create_workspace
from features.engine import Engine
from features.frame import build_frame
from features.ingest.load import ingest_files
from features.population import find_not_scored
from features.readiness.report import check_readiness, describe_readiness
from features.snapshot import take_snapshot
from serving.batch import export_generation, score_everyone
from training.btyd import fit_btyd
from training.train import train

plt.rcParams.update({"figure.figsize": (8, 3.6), "axes.spines.top": False, "axes.spines.right": False})
AS_OF, NOW = parse_as_of("1998-07-01"), parse_as_of("2026-01-01")

# %% [markdown]
# ## Load
#
# A workspace is a folder with `fedele.toml`. `as_of` is exclusive: a fact counts when it occurred *and* was
# recorded before it. Rows read are always rows loaded plus duplicates plus quarantined ones.

# %%
scratch = tempfile.TemporaryDirectory()
workspace = create_workspace(Path(scratch.name) / "shop", currency="USD", name="A tenth of CDNOW")
log = Path(scratch.name) / "orders.csv"
save_cdnow(log)
orders = pd.read_csv(log, parse_dates=["occurred_at"])
orders = orders[orders["customer_id"] % 10 == 0]
orders.to_csv(log, index=False)
report = ingest_files(
    workspace, "orders", [log], SourceSection(currency="USD", timezone="UTC"), source="cdnow", now=NOW
)[0]
print(
    f"{report.read} read: {report.loaded} loaded, {report.duplicate} duplicate, {report.quarantined} refused"
)
print("\n".join(describe_readiness(check_readiness(workspace, AS_OF))))

# %%
weekly = orders.set_index("occurred_at").resample("W")["amount"].agg(["size", "sum"])
figure, axes = plt.subplots()
axes.bar(weekly.index, weekly["size"], width=6, color="#2a6f97")
axes.set(title="Orders a week: everyone first buys in early 1997, then few come back", ylabel="orders")
figure.autofmt_xdate()
plt.show()

# %% [markdown]
# ## What is known at an instant
#
# The snapshot holds what was known before `as_of` and nothing else; the feature frame has one row per
# scored customer.

# %%
events = Engine(threads=1).open_events(workspace.events)
snapshot = take_snapshot(events, AS_OF, workspace.settings)
frame = build_frame(snapshot)
print(f"{len(frame)} customers scored, {len(find_not_scored(snapshot))} not (no order above 0)")
print(
    f"{len(frame.features)} features in {len(frame.features.families)} families, list {frame.features.hash}"
)
frame.index["segment"].value_counts().to_frame("customers")

# %%
columns = ["rfm.frequency", "rfm.recency_days", "rfm.age_days", "rfm.monetary_value", "rhythm.overdue_ratio"]
frame.values[columns].describe().loc[["count", "mean", "50%", "max"]].round(2)

# %% [markdown]
# ## Alive is not "will buy"
#
# BG/NBD (Fader, Hardie and Lee, 2005) gives everyone who bought once a probability of 1 of being alive:
# only a repeat purchase can end the relationship. Most of them will never come back all the same. That is
# why Fedele serves the probability of *no purchase*, and never one minus `p_alive`.

# %%
btyd = fit_btyd(frame, "week")
buying = btyd.purchase_model
print({name: round(value, 4) for name, value in buying.to_dict().items() if name != "time_unit"})
silence = np.linspace(0, 60, 121)
bought = 30.0
figure, panes = plt.subplots(1, 2, sharey=True)
for pane, frequency in zip(panes, (0, 4), strict=True):
    recency = 0.0 if frequency == 0 else bought
    age = recency + silence
    pane.plot(
        silence,
        1 - buying.p_alive(frequency, recency, age),
        label="1 - p_alive",
        color="#bc4749",
    )
    pane.plot(
        silence,
        buying.p_no_purchase(90 / 7, frequency, recency, age),
        label="no purchase in 90 days",
    )
    pane.set(title=f"{frequency} repeat purchases", xlabel="weeks of silence", ylim=(0, 1.02))
panes[0].set_ylabel("probability")
panes[1].legend(frameon=False, loc="lower right")
plt.show()

# %% [markdown]
# ## Train
#
# Models learn at past cutoffs, are chosen on the last but one and judged once on the last, which no choice
# has seen. Trees grow on the BTYD log-odds: without trees the model *is* BTYD. The gate asks for a lower
# log loss than simple rules. Figures are for customers in play (not lapsed). On a tenth of the log these
# are 748 people: families whose figures are this close cannot be told apart.

# %%
outcome = train(workspace, AS_OF, NOW, "notebook").to_dict(seconds=0)
print(
    f"Model {outcome['model_version']}, cutoffs {', '.join(cutoff[:10] for cutoff in outcome['cutoffs'])}, "
    f"gate {'passed' if outcome['gate']['passed'] else 'not passed'}"
)
for remark in outcome["remarks"]:
    print(remark)
families = {name: figures["churn"] for name, figures in outcome["families"].items()}
pd.DataFrame(families).T[["auc", "log_loss", "brier", "lift_at_10"]].sort_values("log_loss").round(3)

# %%
money = {name: figures["clv"] for name, figures in outcome["families"].items() if figures["clv"]}
pd.DataFrame(money).T[["mae", "rmse", "gini", "spearman", "coverage_80"]].round(3)

# %% [markdown]
# The plots of a training go to MLflow, which keeps them in the workspace unless a server is set.

# %%
for name in ("calibration", "gain"):
    display(Image(next(workspace.artifacts.rglob(f"plots/{name}.png")).read_bytes()))

# %% [markdown]
# ## Score
#
# Everyone in one generation: written aside, then shown at one instant. Each number of a record is read off
# one joint law, so no two contradict each other.

# %%
generation = score_everyone(workspace, AS_OF, NOW)
file = Path(scratch.name) / "scores.parquet"
print(f"{export_generation(workspace, generation, file, 'en')} records written")
records = pd.read_parquet(file)
shown = [
    "customer_id",
    "churn_probability",
    "clv_mean",
    "value_at_risk",
    "contact_value",
    "risk_band",
    "segment",
]
worth = records[records["segment"] != "lapsed"].nlargest(10, "contact_value")
worth[shown].round(2)

# %% [markdown]
# The list is ordered by `contact_value`: what the same small push on everyone would keep. It is not the
# riskiest first: who is all but gone is hard to keep, and who is all but sure to stay needs no call.

# %%
figure, axes = plt.subplots(figsize=(8, 4.2))
colours = {"regular": "#2a6f97", "thin": "#a9bcd0", "lapsed": "#d9d9d9"}
for segment, part in records.groupby("segment"):
    axes.scatter(part["churn_probability"], part["clv_mean"] + 1, s=9, color=colours[segment], label=segment)
axes.scatter(
    worth["churn_probability"],
    worth["clv_mean"] + 1,
    s=60,
    facecolors="none",
    edgecolors="#bc4749",
    label="top ten",
)
axes.set(
    yscale="log",
    xlabel="probability of no order in 90 days",
    ylabel="value of the next 365 days + 1, US$",
    title="Risk and value of every customer",
)
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# ## Why
#
# Reasons are sums of contributions by feature family: what goes with the estimate, never what caused it.

# %%
first = worth.iloc[0]
print(f"Customer {first['customer_id']}: {first['churn_probability']:.0%} risk of no order in 90 days")
for reason in json.loads(first["reasons"]):
    print(f"  {reason['direction']:<6} {reason['contribution']:+.2f}  {reason['text']}")

# %%
curve = pd.DataFrame(json.loads(first["curve"]))
figure, (left, right) = plt.subplots(1, 2)
left.plot(curve["days"], curve["churn_probability"], marker="o", color="#bc4749")
left.set(title="No order within", xlabel="days", ylim=(0, 1))
right.plot(curve["days"], curve["clv_mean"], marker="o", color="#2a6f97")
right.set(title="Expected to bring, US$", xlabel="days", ylim=(0, None))
plt.show()

# %% [markdown]
# ## The same over the API
#
# `fedele serve` answers with these very records, nested and byte for byte the same from every route. Here the
# nested fields are flat, since a table has no other way.

# %%
scratch.cleanup()
