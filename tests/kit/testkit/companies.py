"""Simulated companies as the engine reads them."""

import pandas as pd

from features.engine import Engine, Events
from features.synthetic import Company


def open_company(company: Company, threads: int = 1) -> Events:
    """Return the seven tables of a company in an engine of its own."""
    return Engine(threads=threads).open_frames({name: naive(table) for name, table in company.tables.items()})


def naive(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with its UTC instants without zone, which is how the engine holds them."""
    instants = table.select_dtypes("datetimetz").columns
    return table.assign(**{name: table[name].dt.tz_convert(None) for name in instants})
