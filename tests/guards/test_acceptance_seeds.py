"""Acceptance seeds judge: no development and no other test may have looked at the companies they make."""

import ast

import pytest

from features.synthetic.acceptance import FIRST_SEED, LAST_SEED
from testkit.tree import PACKAGES, ROOT, find_files, parse

FOLDERS = (*PACKAGES, "notebooks", "tests")
JUDGES = {
    "features/synthetic/acceptance.py",
    "tests/kit/testkit/claims/retention_curve.py",
    "tests/kit/testkit/claims/silent_customers.py",
    "tests/kit/testkit/claims/simulator_recovery.py",
    "tests/kit/testkit/claims/small_shops.py",
    "tests/kit/testkit/claims/voice_gain.py",
    "tests/kit/testkit/claims/what_moves_people.py",
}
MAKERS = {"simulate_company": 1, "find_plain_company": 2, "acceptance_seeds": 0}


def find_seeds(tree):
    """Yield what a module gives as a seed: by keyword, to a simulator, or to a name with SEED in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            yield from (word.value for word in node.keywords if "seed" in (word.arg or "").lower())
            if len(node.args) > (place := MAKERS.get(name, len(node.args))):
                yield node.args[place]
        elif isinstance(node, ast.Assign) and any(is_seed(target) for target in node.targets):
            yield node.value


def is_seed(target):
    return any("seed" in getattr(part, "id", "").lower() for part in ast.walk(target))


def find_reserved(tree):
    """Return the reserved numbers among the seeds of a module."""
    numbers = (
        part.value for seed in find_seeds(tree) for part in ast.walk(seed) if isinstance(part, ast.Constant)
    )
    return [number for number in numbers if type(number) is int and FIRST_SEED <= number <= LAST_SEED]


def test_only_the_claims_of_the_simulator_use_acceptance_seeds():
    files = (file.relative_to(ROOT).as_posix() for folder in FOLDERS for file in find_files(ROOT / folder))
    modules = (file for file in files if file.endswith(".py"))
    assert {file for file in modules if find_reserved(parse(file))} <= JUDGES


@pytest.mark.parametrize(
    "line",
    [
        "simulate_company(parameters, 1007)",
        "simulate_company(parameters, seed=1_050)",
        "find_plain_company(300, 500, 1099)",
        "CUSTOMERS, SEED = 500, 1000",
        "SEEDS = range(1000, 1020)",
    ],
)
def test_a_reserved_seed_is_seen_wherever_it_stands(line):
    assert find_reserved(ast.parse(line))


def test_other_numbers_in_the_reserved_range_are_let_alone():
    assert not find_reserved(ast.parse("simulate_company(CompanyParameters(customers=1000), 7)"))
