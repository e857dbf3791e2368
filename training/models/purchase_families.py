"""The two families of purchase models by name: BG/NBD and Pareto/NBD, each with Gamma-Gamma for spend."""

from collections.abc import Mapping
from typing import Any, Literal

from contracts.errors import BundleRefused
from training.models.beta_geo_parameters import BetaGeoParameters
from training.models.pareto_nbd_parameters import ParetoNBDParameters
from training.models.purchase_model import PurchaseModel

PurchaseFamily = Literal["bgnbd_gg", "pnbd_gg"]
PURCHASE_FAMILIES: tuple[PurchaseFamily, ...] = ("bgnbd_gg", "pnbd_gg")
PURCHASE_FILES: Mapping[PurchaseFamily, str] = {"bgnbd_gg": "beta_geo.json", "pnbd_gg": "pareto_nbd.json"}


def family_of(purchase_model: PurchaseModel) -> PurchaseFamily:
    """Return the family of a purchase model.

    Examples:
        >>> family_of(ParetoNBDParameters(0.553, 10.578, 0.606, 11.669, "week"))
        'pnbd_gg'
    """
    return "bgnbd_gg" if isinstance(purchase_model, BetaGeoParameters) else "pnbd_gg"


def read_purchase_model(name: str, plain: Mapping[str, Any]) -> PurchaseModel:
    """Return the model in the bundle's file ``name``.

    Raises:
        BundleRefused: no family keeps its parameters there, or one is missing or outside its gates.
    """
    if name == PURCHASE_FILES["bgnbd_gg"]:
        return BetaGeoParameters.from_dict(plain)
    if name == PURCHASE_FILES["pnbd_gg"]:
        return ParetoNBDParameters.from_dict(plain)
    raise BundleRefused(f"{name} holds no purchase model: restore the bundle, or train the model again.")


def find_purchase_file(names: Mapping[str, Any]) -> str:
    """Return which of a bundle's files holds its purchase model.

    Raises:
        BundleRefused: none of them does, or more than one.
    """
    found = [name for name in PURCHASE_FILES.values() if name in names]
    if len(found) != 1:
        raise BundleRefused(f"{len(found)} purchase models in the bundle instead of one: train it again.")
    return found[0]
