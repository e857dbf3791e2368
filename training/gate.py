"""The gate: a model is promoted only when it beats the simple rules on a cutoff that no choice has seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NAIVE = ("naive_constant", "naive_silence", "naive_rate")


@dataclass(frozen=True)
class Gate:
    """Whether the model passed, and in words why not."""

    passed: bool
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the manifest."""
        return {"passed": self.passed, "reasons": list(self.reasons), "leak": False}


def judge(families: Mapping[str, Mapping[str, Mapping[str, float]]], served: str) -> Gate:
    """Return the verdict on the family ``served`` from all families' metrics on the last matured cutoff.

    Examples:
        >>> rule, trees = {"churn": {"log_loss": 0.50}}, {"churn": {"log_loss": 0.51}}
        >>> churn = {"naive_silence": rule, "lgbm_btyd": trees}
        >>> judge(churn, "lgbm_btyd").reasons
        ('Log loss 0.5100 of lgbm_btyd is not below 0.5000 of the simple rule naive_silence.',)
        >>> judge({}, "bgnbd_gg").passed
        False
    """
    if served not in families:
        return Gate(False, ("No cutoff has matured: nothing proves this model yet.",))
    loss = families[served]["churn"]["log_loss"]
    reasons = tuple(
        f"Log loss {loss:.4f} of {served} is not below {rule:.4f} of the simple rule {name}."
        for name in NAIVE
        if (rule := families.get(name, {}).get("churn", {}).get("log_loss")) is not None and loss >= rule
    )
    return Gate(not reasons, reasons)
