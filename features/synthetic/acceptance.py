"""The companies of the acceptance runs: parameters committed before a company was drawn from them."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from contracts.errors import ContractError
from features.synthetic.parameters import CompanyParameters

FIRST_SEED, LAST_SEED = 1000, 1099


@cache
def load_acceptance() -> Mapping[str, CompanyParameters]:
    """Return the parameters by mode, as ``acceptance.toml`` has them.

    Examples:
        >>> load_acceptance()["small_shop"].customers
        100
        >>> load_acceptance()["plain_bgnbd"].as_of.date().isoformat()
        '2025-06-30'
    """
    text = files("features.synthetic").joinpath("acceptance.toml").read_text(encoding="utf-8")
    return {mode: read_parameters(mode, values) for mode, values in tomllib.loads(text).items()}


def read_parameters(mode: str, values: Mapping[str, Any]) -> CompanyParameters:
    """Return the company of a table of values; ``effects`` says what it starts from.

    Raises:
        ContractError: ``effects`` is missing, or a name is not one of a company's.
    """
    given = dict(values)
    if "effects" not in given:
        raise ContractError(f"Company {mode!r} does not say effects: give true or false.")
    start = CompanyParameters() if given.pop("effects") else CompanyParameters.without_effects()
    try:
        whole = {
            name: replace(getattr(start, name), **value) if isinstance(value, dict) else value
            for name, value in given.items()
        }
        return replace(start, **whole)
    except (AttributeError, TypeError) as error:
        raise ContractError(f"Company {mode!r} is not readable ({error}): mend that name.") from error


def acceptance_seeds(first: int, count: int) -> range:
    """Return ``count`` seeds from ``first`` on, all of the acceptance runs'.

    Raises:
        ContractError: one of them belongs to development.
    """
    if count < 1 or first < FIRST_SEED or first + count - 1 > LAST_SEED:
        raise ContractError(
            f"Seeds {first} to {first + count - 1} are not all of {FIRST_SEED} to {LAST_SEED}: "
            "acceptance runs have those and no other."
        )
    return range(first, first + count)
