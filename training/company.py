"""What a run made of a company: the shop's part, the subscribers' part, or both in one bundle."""

from dataclasses import dataclass
from typing import Any

from contracts.time import to_text
from training.bundle import BundleContent
from training.gate import Gate
from training.models.company_model import SATISFACTION_FILE, SUBSCRIPTION, CompanyModel
from training.satisfaction import Satisfied
from training.subscribers import SubscriberTraining


@dataclass(frozen=True)
class SubscribersOnly:
    """A run of a company that takes no orders, or too few to learn from; ``why`` says which."""

    subscribers: SubscriberTraining
    why: str
    satisfied: Satisfied | None = None

    @property
    def gate(self) -> Gate:
        """The verdict on the only part there is."""
        return Gate(self.subscribers.passed, self.subscribers.reasons)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What people should know of this model, in sentences."""
        return (f"Nobody who buys by orders is scored. {self.why}", *self.subscribers.remarks)

    def digest(self) -> str:
        """Return the digest of what was learned from."""
        return self.subscribers.data.digest()

    def build_content(self) -> BundleContent:
        """Return the bundle: no clock, run id, path or version number in it."""
        data, report = self.subscribers.data, self.subscribers.report
        manifest, files = CompanyModel(subscription=self.subscribers.model).to_parts()
        extra: dict[str, Any] = {
            "members": self.subscribers.members(),
            "metrics": {"families": {}, "everyone": {}},
            "coverage": report.clv.get("coverage_80"),
            "gate": self.gate.to_dict(),
            "data_digest": data.digest(),
            "remarks": list(self.remarks),
            "trained_until": to_text(data.plan.as_of),
            "cutoffs": [to_text(cutoff) for cutoff in data.plan.cutoffs],
            "golden": self.subscribers.golden(),
        }
        manifest[SUBSCRIPTION] |= _found(self.subscribers)
        return add_satisfaction(BundleContent(manifest | extra, files), self.satisfied)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``train --json`` prints of the shop's part, empty, and of the gate."""
        plan, scored = self.subscribers.data.plan, len(self.subscribers.data.present)
        return {
            "as_of": to_text(plan.as_of),
            "cutoffs": [to_text(cutoff) for cutoff in plan.cutoffs],
            "window_days": plan.window_days,
            "customers": scored,
            "features": len(self.subscribers.model.features),
            "population": {"scored": scored, "in_play": scored, "lapsed": 0, "thin": _count_thin(self)},
            "gate": {"passed": self.gate.passed, "reasons": list(self.gate.reasons)},
            "churn": dict(self.subscribers.report.churn),
            "clv": dict(self.subscribers.report.clv),
            "churn_all": dict(self.subscribers.report.churn),
            "clv_all": dict(self.subscribers.report.clv),
            "families": {},
            "served": {"churn": {}, "clv": {}},
        }


def join_content(shop: BundleContent, subscribers: SubscriberTraining | None) -> BundleContent:
    """Return the shop's bundle with the subscribers' part in it, unchanged where there is none."""
    if subscribers is None:
        return shop
    part, files = subscribers.model.to_parts()
    more = {
        SUBSCRIPTION: part | _found(subscribers),
        "members": [*shop.manifest["members"], *subscribers.members()],
        "golden": [*shop.manifest["golden"], *subscribers.golden()],
    }
    return BundleContent({**shop.manifest, **more}, {**shop.files, **files})


def add_satisfaction(content: BundleContent, satisfied: Satisfied | None) -> BundleContent:
    """Return the bundle with the model of satisfaction in it, unchanged where nobody answered."""
    if satisfied is None:
        return content
    own = {SATISFACTION_FILE: satisfied.model.to_dict()}
    return BundleContent(content.manifest, {**content.files, **own})


def describe_subscribers(subscribers: SubscriberTraining) -> dict[str, float]:
    """Return the figures of the last cutoff by name, for the tracking server."""
    report = subscribers.report
    parts = {"churn": report.churn, "naive": report.naive, "clv": report.clv}
    return {
        f"{SUBSCRIPTION}.{part}.{name}": value
        for part, found in parts.items()
        for name, value in found.items()
    }


def parametrise_subscribers(subscribers: SubscriberTraining) -> dict[str, str | float | None]:
    """Return what decided this part, by name, for the tracking server."""
    return {
        f"{SUBSCRIPTION}.served": subscribers.family,
        f"{SUBSCRIPTION}.trees": subscribers.rounds,
        f"{SUBSCRIPTION}.cutoffs": len(subscribers.data.plan.cutoffs),
        f"{SUBSCRIPTION}.customers": len(subscribers.data.present),
    }


def _found(subscribers: SubscriberTraining) -> dict[str, Any]:
    return {
        "gate": {"passed": subscribers.passed, "reasons": list(subscribers.reasons)},
        "metrics": subscribers.report.to_dict(),
        "data_digest": subscribers.data.digest(),
    }


def _count_thin(run: SubscribersOnly) -> int:
    return int((run.subscribers.data.present.index["segment"] == "thin").sum())
