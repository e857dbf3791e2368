"""Two report documents side by side: which version does better by which figure, and what that means."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from contracts.scores import SEGMENTS
from training.documents import find_report_cutoff
from training.figures import PARTS, find_loss

Side = Literal["a", "b"]
TERMS = ("horizon_days", "window_days", "currency")
"""What changes the figures themselves; accuracy is judged within the window, on undiscounted amounts."""
SERVED = "served"


@dataclass(frozen=True)
class Line:
    """One figure of both versions, of customers in play or of a ``segment``.

    ``difference`` is b less a, None where either is not known; ``better`` names the side, None for equal
    values and for figures of which no value is better. ``a_error`` and ``b_error`` are each side's own
    standard errors.
    """

    part: str
    metric: str
    segment: str | None
    a: float | None
    b: float | None
    a_error: float | None = None
    b_error: float | None = None

    @property
    def difference(self) -> float | None:
        """Return b less a."""
        return None if self.a is None or self.b is None else self.b - self.a

    @property
    def better(self) -> Side | None:
        """Return the side with the better value."""
        if self.a is None or self.b is None:
            return None
        a, b = find_loss(self.metric, self.a), find_loss(self.metric, self.b)
        if a is None or b is None or a == b:
            return None
        return "a" if a < b else "b"


@dataclass(frozen=True)
class Comparison:
    """Two versions side by side: gates passed, families served, figures.

    ``unlike`` names what keeps their figures from being compared.
    """

    a: str
    b: str
    gates: tuple[bool, bool]
    served: tuple[Mapping[str, Any], Mapping[str, Any]]
    unlike: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def same_data(self) -> bool:
        """Whether both were judged on the same customers, over the same window, under the same terms."""
        return not self.unlike

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know before believing a mark, in sentences."""
        paired = (
            "The differences have no standard error: the reports hold no customers' rows to pair. Under the "
            "standard error of either side take a difference for a tie."
        )
        if self.same_data:
            return ("Both were judged on the same data.", paired)
        named = ", ".join(self.unlike)
        easier = "A better figure may only mean an easier period."
        return (f"Not judged on the same data; different: {named}. {easier}", paired)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``fedele compare --json`` prints."""
        return {
            "a": self.a,
            "b": self.b,
            "same_data": self.same_data,
            "unlike": list(self.unlike),
            "notes": list(self.notes),
            "gate": {"a": self.gates[0], "b": self.gates[1]},
            "served": {"a": dict(self.served[0]), "b": dict(self.served[1])},
            "figures": [
                {**asdict(line), "difference": line.difference, "better": line.better} for line in self.lines
            ],
        }


def compare(a: Mapping[str, Any], b: Mapping[str, Any]) -> Comparison:
    """Return two report documents side by side: what each version serves, at its own report cutoff.

    Examples:
        >>> def document(version, loss):
        ...     served = {"served": {"churn": {"log_loss": loss}}}
        ...     return {"model_version": version, "gate": {"passed": True}, "families": served}
        >>> found = compare(document("1", 0.6), document("2", 0.5))
        >>> [(line.metric, line.better) for line in found.lines], found.same_data
        ([('log_loss', 'b')], True)
    """
    return Comparison(
        str(a["model_version"]),
        str(b["model_version"]),
        (bool(a["gate"]["passed"]), bool(b["gate"]["passed"])),
        (a.get("served", {}), b.get("served", {})),
        tuple(_find_unlike(a, b)),
        (*_compare_served(a, b), *_compare_segments(a, b)),
    )


def _find_unlike(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
    if a.get("data_digest") != b.get("data_digest"):
        yield "data_digest"
    cutoffs = [find_report_cutoff(each) or {} for each in (a, b)]
    if cutoffs[0].get("cutoff") != cutoffs[1].get("cutoff"):
        yield "report cutoff"
    yield from (name for name in TERMS if a.get(name) != b.get(name))


def _compare_served(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Line]:
    own, other = (each.get("families", {}).get(SERVED, {}) for each in (a, b))
    errors = [each.get("errors", {}).get(SERVED, {}) for each in (a, b)]
    for line in _compare_figures(own, other, None):
        a_error, b_error = (each.get(line.metric) for each in errors)
        yield replace(line, a_error=a_error, b_error=b_error)


def _compare_segments(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Line]:
    for name in SEGMENTS:
        own, other = (_find_segment(each, name) for each in (a, b))
        yield from _compare_figures(own, other, name)


def _find_segment(document: Mapping[str, Any], name: str) -> dict[str, dict[str, float]]:
    """Return the served figures of a segment, its coverage among those of value."""
    facts = document.get("segments", {}).get(name, {})
    served = facts.get("families", {}).get(SERVED, {})
    coverage = {"coverage_80": facts["coverage"]} if "coverage" in facts else {}
    return {"churn": served.get("churn", {}), "clv": {**coverage, **served.get("clv", {})}}


def _compare_figures(a: Mapping[str, Any], b: Mapping[str, Any], segment: str | None) -> Iterator[Line]:
    for part, metrics in PARTS.items():
        own, other = a.get(part, {}), b.get(part, {})
        for metric in metrics:
            if metric in own or metric in other:
                yield Line(part, metric, segment, own.get(metric), other.get(metric))
