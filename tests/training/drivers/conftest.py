"""One small simulated company with every table, its texts read, and what moves its people."""

from dataclasses import replace

import pytest

from contracts.settings import Settings
from features.synthetic import load_acceptance, simulate_company
from testkit.companies import open_company
from testkit.readings import read_bank
from training.drivers import find_drivers
from training.drivers.facts import read_facts

SEED = 2900


@pytest.fixture(scope="package")
def company():
    parameters = replace(load_acceptance()["moments_of_truth"], customers=700)
    answers = replace(parameters.answers, text=0.6, response=0.6, silent=0.0)
    return simulate_company(replace(parameters, answers=answers), SEED)


@pytest.fixture(scope="package")
def events(company):
    return open_company(company).with_readings(read_bank())


@pytest.fixture(scope="package")
def facts(company, events):
    return read_facts(events, Settings(), company.parameters.as_of)


@pytest.fixture(scope="package")
def document(company, events):
    return find_drivers(events, Settings(), company.parameters.as_of)
