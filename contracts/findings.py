"""What ``fedele check`` finds: one plain sentence each, worst first."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["blocking", "warning", "remark"]
_ORDER: dict[str, int] = {"blocking": 0, "warning": 1, "remark": 2}


@dataclass(frozen=True)
class Finding:
    """One observation: a stable ``code``, what was seen, and what to do about it."""

    severity: Severity
    code: str
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.text} {self.remedy}".strip()


def worst_first(findings: list[Finding]) -> list[Finding]:
    """Return the findings by severity, keeping the given order within each.

    Examples:
        >>> found = [Finding("remark", "a", "Fine."), Finding("blocking", "b", "No orders.")]
        >>> [finding.code for finding in worst_first(found)]
        ['b', 'a']
    """
    return sorted(findings, key=lambda finding: _ORDER[finding.severity])
