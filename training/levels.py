"""How far totals were off at past cutoffs: what a common level can do, for ``group_totals``."""

from collections.abc import Sequence
from math import isfinite, log

from contracts.errors import ContractError


def find_level_errors(predicted_totals: Sequence[float], real_totals: Sequence[float]) -> tuple[float, ...]:
    """Return log(real / predicted) of each past cutoff, in their order; 0.1: some 10 % too little predicted.

    Args:
        predicted_totals: money of all customers in the label window, > 0, each by a model fitted before its
            cutoff.
        real_totals: what they really spent in it. A cutoff with nothing (<= 0) is left out: its level has no
            logarithm, and it tells that the log ended, not how totals vary.

    Raises:
        ContractError: there are more of one than of the other, one is missing or infinite, or a predicted
            total is not above 0.

    Examples:
        >>> [round(error, 3) for error in find_level_errors([100.0, 80.0, 90.0], [110.0, 0.0, 81.0])]
        [0.095, -0.105]
        >>> find_level_errors([0.0], [5.0])
        Traceback (most recent call last):
        contracts.errors.ContractError: predicted total 0 of cutoff 1 of 1 is not above 0; ...
    """
    if len(predicted_totals) != len(real_totals):
        raise ContractError(
            f"{len(predicted_totals)} predicted and {len(real_totals)} real totals; give one each per cutoff"
        )
    pairs = list(zip(predicted_totals, real_totals, strict=True))
    for place, (predicted, real) in enumerate(pairs, 1):
        which = f"of cutoff {place} of {len(pairs)}"
        if not (isfinite(predicted) and isfinite(real)):
            raise ContractError(f"a total {which} is missing or infinite; leave out cutoffs without labels")
        if predicted <= 0:
            raise ContractError(
                f"predicted total {predicted:g} {which} is not above 0; leave out cutoffs without customers"
            )
    return tuple(log(real / predicted) for predicted, real in pairs if real > 0)
