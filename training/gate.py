"""The gate: a model is promoted only when it beats the simple rules on a cutoff that no choice has seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from training.learning import NAIVE

RULES = (*NAIVE, "naive_zero")
SERVABLE = {"log_loss": NAIVE, "tweedie_deviance": ("naive_constant", "naive_rate")}
NAMES = {"log_loss": "log loss", "tweedie_deviance": "mean Tweedie deviance"}


@dataclass(frozen=True)
class Gate:
    """Whether the model passed, and in words why not.

    ``churn_rule`` and ``value_rule`` name the simple rule that did better than the model and is served in
    its place, where one did; ``leak``: a column seems to know the outcome, which nobody has vouched for.
    """

    passed: bool
    reasons: tuple[str, ...] = ()
    leak: bool = False
    churn_rule: str | None = None
    value_rule: str | None = None

    @property
    def serves_rule(self) -> bool:
        """Whether a simple rule has to be served."""
        return self.churn_rule is not None or self.value_rule is not None

    def refused(self, reason: str, *, leak: bool = False) -> "Gate":
        """Return the verdict with one more reason against the model."""
        return replace(self, passed=False, reasons=(*self.reasons, reason), leak=self.leak or leak)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the manifest."""
        return {"passed": self.passed, "reasons": list(self.reasons), "leak": self.leak}


def judge(differences: Sequence[Mapping[str, Any]]) -> Gate:
    """Return the verdict on what is served from its paired differences to the other families.

    It must be better than each simple rule by more than one standard error, on both primary metrics. A rule
    that did at least as well is served in its place, the best one by name; where the model is ahead by less,
    data are lacking, and the model is served though it did not pass.

    Examples:
        >>> won = {"metric": "log_loss", "family": "naive_rate", "difference": -0.1, "se": 0.01,
        ...     "verdict": "better"}
        >>> judge([won])
        Gate(passed=True, reasons=(), leak=False, churn_rule=None, value_rule=None)
        >>> judge([won | {"difference": 0.02, "verdict": "worse"}]).churn_rule
        'naive_rate'
        >>> judge([]).reasons
        ('No cutoff has matured: nothing proves this model yet.',)
    """
    if not differences:
        return Gate(False, ("No cutoff has matured: nothing proves this model yet.",))
    gate = Gate(True)
    for each in differences:
        if each["family"] in RULES and each["verdict"] != "better":
            gate = gate.refused(_word(each))
    return replace(
        gate,
        churn_rule=_find_rule(differences, "log_loss"),
        value_rule=_find_rule(differences, "tweedie_deviance"),
    )


def _find_rule(differences: Sequence[Mapping[str, Any]], metric: str) -> str | None:
    """Return the simple rule with the lowest loss among those that did at least as well as the model."""
    found = [
        each
        for each in differences
        if each["metric"] == metric and each["family"] in SERVABLE[metric] and each["difference"] >= 0
    ]
    return max(found, key=lambda each: float(each["difference"]))["family"] if found else None


def _word(each: Mapping[str, Any]) -> str:
    name, gap, error = NAMES[each["metric"]], float(each["difference"]), float(each["se"])
    if gap < 0:
        return (
            f"The {name} is only {-gap:.4f} below that of the simple rule {each['family']}, no more than its "
            f"standard error {error:.4f}: more data are needed to tell them apart."
        )
    return (
        f"The {name} is {gap:.4f} above that of the simple rule {each['family']} "
        f"(standard error {error:.4f})."
    )
