"""The models of a company: one for who buys by orders, one for subscribers; at least one of the two.

Beside them how this company's customers speak, and their satisfaction, where anybody answered.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from contracts.errors import BundleRefused
from contracts.feature_frame import FeatureList
from training.models.company_voice import VOICE_FILE, CompanyVoice
from training.models.customer_model import CustomerModel
from training.models.satisfaction import SatisfactionModel
from training.models.subscription_model import SubscriptionModel
from training.models.terms import Terms

KIND = "kind"
"""Key of a golden row that says which model it is for; absent: the shop's, or the only one."""
SHOP, SUBSCRIPTION = "shop", "subscription"
SATISFACTION_FILE = "satisfaction.json"


@dataclass(frozen=True)
class CompanyModel:
    """Fitted parts of either kind, how its customers speak, and what all of them are said to feel.

    Raises:
        BundleRefused: there is neither kind, or satisfaction needs a feature that one of them lacks.
    """

    shop: CustomerModel | None = None
    subscription: SubscriptionModel | None = None
    voice: CompanyVoice | None = None
    satisfaction: SatisfactionModel | None = None

    def __post_init__(self) -> None:
        """Raise ``BundleRefused`` without any model."""
        if self.shop is None and self.subscription is None:
            raise BundleRefused("A bundle without a model: train again.")
        needed = () if self.satisfaction is None else self.satisfaction.features.names
        for kind, part in self.parts.items():
            if lacking := {*needed} - {*part.features.names}:
                raise BundleRefused(f"Satisfaction needs {min(lacking)}, not a feature of the {kind} model.")

    @property
    def parts(self) -> dict[str, CustomerModel | SubscriptionModel]:
        """The models there are, by the kind of customer they score."""
        both = {SHOP: self.shop, SUBSCRIPTION: self.subscription}
        return {kind: model for kind, model in both.items() if model is not None}

    @property
    def terms(self) -> Terms:
        """The horizons and the currency, which both models share."""
        return next(iter(self.parts.values())).terms

    def predict_rows(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
        """Return raw score, churn probability and CLV mean of each row, by the model of its ``kind``.

        Raises:
            BundleRefused: a row is of a kind without a model.
        """
        usual = next(iter(self.parts))
        places: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            places.setdefault(str(row.get(KIND) or usual), []).append(place)
        answers: dict[int, dict[str, float]] = {}
        for kind, own in places.items():
            if kind not in self.parts:
                raise BundleRefused(f"The bundle has no model for customers of kind {kind}: train again.")
            found = self.parts[kind].predict_rows([rows[place] for place in own])
            answers |= dict(zip(own, found, strict=True))
        return [answers[place] for place in range(len(rows))]

    def to_parts(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what the manifest holds of the models, and their files by name.

        The shop's part stands at the top of the manifest, as before there were others; without one its
        feature list is empty. The subscription's stands under ``subscription``.
        """
        manifest, files = _without_shop(self.terms) if self.shop is None else self.shop.to_parts()
        if self.subscription is not None:
            own, more = self.subscription.to_parts()
            manifest, files = manifest | {SUBSCRIPTION: own}, files | more
            if self.shop is None:
                manifest["bands"] = asdict(self.subscription.reference.bands)
        beside = {VOICE_FILE: self.voice, SATISFACTION_FILE: self.satisfaction}
        return manifest, files | {name: part.to_dict() for name, part in beside.items() if part is not None}

    @classmethod
    def from_parts(cls, manifest: Mapping[str, Any], files: Mapping[str, Any]) -> "CompanyModel":
        """Return the models that ``to_parts`` took apart.

        Raises:
            BundleRefused: a part is missing or does not hold together.
        """
        own, voice, felt = (
            manifest.get(SUBSCRIPTION),
            _values(files, VOICE_FILE),
            _values(files, SATISFACTION_FILE),
        )
        return cls(
            CustomerModel.from_parts(manifest, files) if manifest["features"] else None,
            None if own is None else SubscriptionModel.from_parts(own, files),
            None if voice is None else CompanyVoice.from_dict(voice),
            None if felt is None else SatisfactionModel.from_dict(felt),
        )


def _values(files: Mapping[str, Any], name: str) -> Any:
    found = files.get(name)
    return json.loads(found) if isinstance(found, str) else found


def _without_shop(terms: Terms) -> tuple[dict[str, Any], dict[str, Any]]:
    none = FeatureList(())
    manifest: dict[str, Any] = {
        "features": [],
        "feature_hash": none.hash,
        "vocabularies": {},
        "fills": {},
        "settings": asdict(terms),
        "reference": {},
        "population": {},
    }
    return manifest, {}
