"""Report documents true to life: a shop of 23,502 customers, one of 84, a gate that said no, both kinds."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Document = dict[str, Any]

AS_OF = "1998-07-01T00:00:00Z"
REPORT_CUTOFF = "1998-04-01T00:00:00Z"
CUTOFFS = ("1997-07-05T00:00:00Z", "1997-10-03T00:00:00Z", "1998-01-01T00:00:00Z", REPORT_CUTOFF)
LOSSES = {
    "naive_zero": 1.9184,
    "naive_constant": 0.6452,
    "naive_silence": 0.5981,
    "naive_rate": 0.7120,
    "bgnbd_gg": 0.5746,
    "pnbd_gg": 0.5761,
    "lgbm": 0.5729,
    "lgbm_btyd": 0.5687,
    "served": 0.5684,
}
DEVIANCES = {
    "naive_zero": 41.2040,
    "naive_constant": 17.8834,
    "naive_rate": 19.0210,
    "bgnbd_gg": 15.9921,
    "pnbd_gg": 16.0247,
    "lgbm": 16.1180,
    "lgbm_btyd": 15.9416,
    "served": 15.9433,
}


def build_document(variant: str = "full", **changes: Any) -> Document:
    """Return a document: ``full``, ``few`` (most keys absent), ``failed`` (at its gate) or ``both`` kinds.

    ``changes`` replace whole keys; one that is None is left out.
    """
    document = VARIANTS[variant]() | changes
    return {name: value for name, value in document.items() if value is not None}


def _full() -> Document:
    return {
        "schema_version": 1,
        "model_version": "3",
        "as_of": AS_OF,
        "data_digest": "5c" * 32,
        "currency": "USD",
        "horizon_days": 90,
        "clv_horizon_days": 365,
        "window_days": 90,
        "annual_discount_rate": 0.1,
        "seed": 0,
        "population": {
            "scored": 23502,
            "in_play": 7196,
            "lapsed": 16306,
            "thin": 1,
            "no_first_order": 68,
        },
        "remarks": ["3 customers with inhuman order counts were left out of the fit."],
        "gate": {"passed": True, "reasons": [], "leak": False},
        "looks": 2,
        "served": {
            "churn": {"thin": "lgbm_btyd", "regular": "lgbm_btyd", "lapsed": "bgnbd_gg"},
            "clv": {"thin": "bgnbd_gg", "regular": "lgbm_btyd", "lapsed": "bgnbd_gg"},
        },
        "headline": {
            "cutoff": REPORT_CUTOFF,
            "contacts": 50,
            "left": 47,
            "random": 32.6,
            "rule_days": 74,
            "rule_left": 41.4,
        },
        "level_spread": 0.15,
        "weights": {"rhythm": 0.842, "rfm": 0.118, "trend": 0.211, "season": 0.046, "cohort": 0.093},
        **_judged(),
        **_shapes(),
        **_money(),
    }


def _judged() -> Document:
    families = {name: _figures(name, 0.652) for name in LOSSES}
    return {
        "cutoffs": [_cutoff(place) for place in range(len(CUTOFFS))],
        "families": families,
        "everyone": {name: _figures(name, 0.842, shift=-0.21) for name in LOSSES},
        "errors": {
            name: {"log_loss": 0.0047, "auc": 0.0062, "tweedie_deviance": 0.4120, "crps": 0.5110}
            for name in LOSSES
        },
        "differences": [
            *(_difference("log_loss", name, LOSSES, 0.0018) for name in LOSSES if name != "served"),
            *(
                _difference("tweedie_deviance", name, DEVIANCES, 0.0610)
                for name in DEVIANCES
                if name != "served"
            ),
        ],
        "segments": {
            segment: {
                "customers": customers,
                "base_rate": rate,
                "families": {
                    name: _figures(name, rate, shift)
                    for name in ("naive_silence", "bgnbd_gg", "lgbm_btyd", "served")
                },
                "coverage": coverage,
            }
            for segment, customers, rate, shift, coverage in (
                ("thin", 412, 0.781, -0.05, 0.812),
                ("regular", 6784, 0.644, 0.0, 0.794),
                ("lapsed", 16021, 0.931, -0.31, 0.806),
            )
        },
        "history": [
            _history(3, 6120, 1, 0.6204, 0.664),
            _history(6, 7040, 2, 0.5873, 0.701),
            _history(12, 7196, 4, 0.5687, 0.725),
        ],
    }


def _figures(family: str, base_rate: float, shift: float = 0.0) -> dict[str, dict[str, float]]:
    """Return a family's metrics, in step with its log loss; families without money have none."""
    loss = LOSSES[family] + shift * min(LOSSES[family], 1.0)
    told = max(0.0, 0.66 - LOSSES[family])
    churn = {
        "auc": 0.5 + 2.46 * told,
        "average_precision": base_rate + 1.6 * told,
        "lift_at_5": 1 + 3.8 * told,
        "lift_at_10": 1 + 3.3 * told,
        "lift_at_20": 1 + 2.9 * told,
        "log_loss": loss,
        "brier": loss / 2.96,
        "ece": 0.012 + loss / 40,
        "base_rate": base_rate,
        "empc": 16 + 9 * told,
        "profit": 5.1 + 7 * told,
        "value_kept": 310 + 1400 * told,
    }
    if family not in DEVIANCES:
        return {"churn": _rounded(churn), "clv": {}}
    deviance = DEVIANCES[family]
    clv = {
        "tweedie_deviance": deviance,
        "crps": 7.2 + deviance,
        "gini": 1.7 - deviance / 14.4,
        "spearman": 1.2 - deviance / 20,
        "total_error": (deviance - 16.9) / 20,
        "mae": 12 + deviance,
        "mae_of_mean": 16 + deviance,
        "rmse": 54 + deviance,
        "decile_mape": deviance / 90,
    }
    if not family.startswith("naive"):
        clv |= {"coverage_80": 0.798, "interval_score": 9 * deviance}
    return {"churn": _rounded(churn), "clv": _rounded(clv)}


def _cutoff(place: int) -> Document:
    moved = 0.011 * (place - 2)
    return {
        "cutoff": CUTOFFS[place],
        "role": ("fit", "fit", "choice", "report")[place],
        "customers": (6932, 7101, 7175, 7196)[place],
        "base_rate": (0.548, 0.591, 0.622, 0.652)[place],
        "families": {
            name: _rounded(
                {
                    "log_loss": LOSSES[name] + moved,
                    "auc": 0.5 + 2.46 * max(0.0, 0.66 - LOSSES[name]) - moved,
                    **(
                        {
                            "tweedie_deviance": DEVIANCES[name] - 20 * moved,
                            "total_error": (DEVIANCES[name] - 16.9) / 20 + 5 * moved,
                        }
                        if name in DEVIANCES
                        else {}
                    ),
                }
            )
            for name in ("naive_silence", "naive_rate", "bgnbd_gg", "lgbm", "lgbm_btyd", "served")
        },
    }


def _difference(metric: str, family: str, values: Mapping[str, float], se: float) -> Document:
    difference = round(values["served"] - values[family], 4)
    verdict = "tie" if abs(difference) < se else "better" if difference < 0 else "worse"
    return {"metric": metric, "family": family, "difference": difference, "se": se, "verdict": verdict}


def _history(months: int, customers: int, cutoffs: int, log_loss: float, auc: float) -> Document:
    return {
        "months": months,
        "customers": customers,
        "cutoffs": cutoffs,
        "log_loss": log_loss,
        "auc": auc,
        "tweedie_deviance": 15.9 + 4 * (log_loss - 0.5687) * 10,
    }


def _shapes() -> Document:
    predicted = [0.221, 0.352, 0.448, 0.537, 0.611, 0.688, 0.752, 0.811, 0.872, 0.941]
    observed = [0.244, 0.331, 0.472, 0.529, 0.634, 0.671, 0.768, 0.829, 0.858, 0.953]
    share = np.linspace(0, 1, 21)
    spread = {"low": 0.781, "high": 0.812}
    return {
        "reliability": [
            {"rows": 719, "predicted": p, "observed": o} for p, o in zip(predicted, observed, strict=True)
        ],
        "gains": {
            "share": [round(float(x), 4) for x in share],
            "served": [round(float(1 - (1 - x) ** 1.62), 4) for x in share],
            "rule": [round(float(1 - (1 - x) ** 1.38), 4) for x in share],
        },
        "deciles": [
            {"decile": place, "customers": 720, "predicted": mean, "observed": seen}
            for place, (mean, seen) in enumerate(
                zip(
                    [1.2, 2.9, 4.8, 7.4, 10.9, 15.8, 22.7, 33.1, 54.6, 142.3],
                    [0.9, 3.4, 4.1, 8.2, 10.1, 16.9, 24.8, 31.2, 58.9, 151.8],
                    strict=True,
                ),
                start=1,
            )
        ],
        "coverage": {
            "overall": {"coverage": 0.798, "customers": 7196, **spread},
            "buyers": {"coverage": 0.771, "low": 0.752, "high": 0.788, "customers": 2504},
            "segments": {
                "thin": {"coverage": 0.834, "low": 0.792, "high": 0.869, "customers": 412},
                "regular": {"coverage": 0.794, "low": 0.784, "high": 0.803, "customers": 6784},
            },
            "deciles": [
                {
                    "coverage": round(0.74 + 0.012 * place, 3),
                    "low": round(0.71 + 0.012 * place, 3),
                    "high": round(0.77 + 0.012 * place, 3),
                    "customers": 720,
                }
                for place in range(10)
            ],
            "interval_score": 143.5,
            "interval_score_constant": 171.2,
        },
        "pit": [0.096, 0.104, 0.101, 0.097, 0.108, 0.095, 0.102, 0.094, 0.099, 0.104],
    }


def _money() -> Document:
    means = [round(41_800 * month**0.93, 2) for month in range(1, 13)]
    return {
        "monthly": [
            {
                "month": month,
                "mean": mean,
                "p10": round(mean * 0.83, 2),
                "p50": round(mean * 0.99, 2),
                "p90": round(mean * 1.18, 2),
                "discounted_mean": round(mean * (1 - 0.004 * month), 2),
            }
            for month, mean in enumerate(means, start=1)
        ]
    }


def _few() -> Document:
    """Return what a shop of three months gets: no window has matured, nothing is proven."""
    full = _full()
    kept = ("schema_version", "currency", "horizon_days", "clv_horizon_days", "window_days", "seed")
    return {
        **{name: full[name] for name in kept},
        "model_version": "1",
        "as_of": "1997-03-20T00:00:00Z",
        "data_digest": "a1" * 32,
        "annual_discount_rate": 0.0,
        "population": {"scored": 84, "in_play": 84, "lapsed": 0, "thin": 61},
        "remarks": ["No cutoff has matured: BTYD alone, ranges unproven."],
        "gate": {"passed": False, "reasons": ["No cutoff has matured: nothing proves this model yet."]},
        "served": {
            part: dict.fromkeys(("thin", "regular", "lapsed"), "bgnbd_gg") for part in ("churn", "clv")
        },
    }


def _failed() -> Document:
    """Return a model that the best simple rule beats, and the rule served in its place."""
    full = _full()
    return {
        **full,
        "model_version": "4",
        "gate": {
            "passed": False,
            "reasons": ["Log loss 0.6012 of lgbm_btyd is not below 0.5981 of the simple rule naive_silence."],
            "leak": False,
        },
        "looks": 14,
        "served": {
            "churn": dict.fromkeys(("thin", "regular", "lapsed"), "naive_silence"),
            "clv": dict.fromkeys(("thin", "regular", "lapsed"), "naive_rate"),
        },
        "headline": full["headline"] | {"left": 40, "rule_left": 41.4},
        "differences": [
            each | ({"difference": 0.0031, "verdict": "worse"} if each["family"] == "naive_silence" else {})
            for each in full["differences"]
        ],
    }


def _both() -> Document:
    """Return a workspace with orders and subscriptions."""
    retention = [(1.0, 1.0), (0.968, 0.971), (0.939, 0.936), (0.911, 0.915), (0.886, 0.889), (0.862, 0.851)]
    return {
        **_full(),
        "model_version": "5",
        "looks": 1,
        "annual_discount_rate": 0.0,
        "population": _full()["population"] | {"already_ended": 210},
        "subscription": {
            "customers": 1840,
            "base_rate": 0.089,
            "churn": {"log_loss": 0.2711, "auc": 0.742, "brier": 0.0762, "lift_at_10": 2.61, "ece": 0.009},
            "naive": {"log_loss": 0.2998, "auc": 0.5, "brier": 0.0811},
            "clv": {"total_error": -0.021, "mae": 12.4, "tweedie_deviance": 3.91},
            "retention": [
                {"month": month, "predicted": predicted, "observed": observed}
                for month, (predicted, observed) in enumerate(retention)
            ],
        },
        "satisfaction": _satisfaction(),
    }


def _satisfaction() -> Document:
    return {
        "recent_days": 180,
        "customers": 25342,
        "answered": 4120,
        "silence_odds": 2.0,
        "raw": {"nps": 21.4, "low": 19.1, "high": 23.7},
        "corrected": {"nps": 8.2, "low": 3.9, "high": 12.5},
        "range": {"low": -9.6, "high": 37.8},
        "sampled_range": {"low": -13.2, "high": 40.9},
        "bounds": {"low": -80.3, "high": 87.2},
        "lots": {
            "kind": "reminder",
            "customers": 25342,
            "detractor": {"odds": 0.31, "low": 0.21, "high": 0.46},
            "promoter": {"odds": 1.42, "low": 1.05, "high": 1.92},
        },
        "beyond": True,
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in values.items()}


VARIANTS: Mapping[str, Callable[[], Document]] = {
    "full": _full,
    "few": _few,
    "failed": _failed,
    "both": _both,
}
