"""A company that never was, with every parameter known: what models are tested on."""

from features.synthetic.acceptance import load_acceptance
from features.synthetic.company import Company, simulate_company, write_company
from features.synthetic.parameters import CompanyParameters

__all__ = ["Company", "CompanyParameters", "load_acceptance", "simulate_company", "write_company"]
