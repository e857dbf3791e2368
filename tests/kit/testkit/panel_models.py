"""Customer models of invented customers with other purchase models and panels than the usual ones."""

from functools import cache
from typing import Literal

from contracts.feature_frame import FeatureFrame
from contracts.scores import RiskBands
from testkit.invented_folds import BTYD, invent_customers, invent_fold
from testkit.tiny_model import GAMMA_GAMMA, TERMS
from training.learning import Choice, School
from training.models.calibrator import Calibrator
from training.models.columns import BTYD_FEATURES
from training.models.customer_model import CustomerModel
from training.models.intervals import Intervals
from training.models.members import find_raw
from training.models.purchase_families import PurchaseFamily
from training.models.terms import Reference, describe_features, grid_of
from training.models.trees import TreeSettings

Kind = Literal["pareto_nbd", "mixed", "naive"]
CHOICES: dict[Kind, tuple[dict[str, str], dict[str, str]]] = {
    "pareto_nbd": (dict.fromkeys(("thin", "regular", "lapsed"), "lgbm_btyd"),) * 2,
    "mixed": (
        {"thin": "naive_silence", "regular": "lgbm_btyd", "lapsed": "lgbm"},
        {"thin": "naive_rate", "regular": "lgbm", "lapsed": "lgbm_btyd"},
    ),
    "naive": (
        dict.fromkeys(("thin", "regular", "lapsed"), "naive_silence"),
        dict.fromkeys(("thin", "regular", "lapsed"), "naive_constant"),
    ),
}
ROUNDS = {"lgbm": 6, "lgbm_btyd": 6}


@cache
def build_panel_model(kind: Kind) -> CustomerModel:
    """Return a model that learned from one fold of 700; ``naive`` has BG/NBD, the others Pareto/NBD."""
    family: PurchaseFamily = "bgnbd_gg" if kind == "naive" else "pnbd_gg"
    fold = invent_fold(
        rows=700, family=family, effect=lambda frame: 0.8 * frame.column("support.tickets") - 0.8
    )
    school = School.of([fold], TreeSettings(leaf_rows=20), centred=False)
    learned = school.teach(Choice(*CHOICES[kind], ROUNDS, ROUNDS))
    raw = find_raw(learned.churn, fold.see(school.encoder))
    plain = invent_customers(700, 0)
    medians, ranges = describe_features(plain)
    reference = Reference(
        0.1,
        medians,
        ranges,
        grid_of(raw),
        RiskBands(0.4, 0.7, "training"),
        250,
        400.0,
        "1998-01-01T00:00:00Z",
    )
    return CustomerModel(
        plain.features,
        school.encoder,
        BTYD[family].purchase_model,
        GAMMA_GAMMA,
        learned.churn,
        learned.value,
        Calibrator.fit(raw, fold.churned),
        Intervals(),
        TERMS,
        reference,
    )


def strip_btyd(frame: FeatureFrame) -> FeatureFrame:
    """Return a frame without its ``btyd.*``."""
    names = [feature.name for feature in BTYD_FEATURES]
    features = type(frame.features)(frame.features.features[: -len(names)])
    return FeatureFrame(frame.index, frame.values.drop(columns=names), features)
