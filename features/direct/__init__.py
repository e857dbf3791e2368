"""The expressions of the features computed over a few rows held in memory, without an engine.

DuckDB plans a statement anew each time it is executed, which for a customer's few rows costs a hundred times
what computing costs. Here the same expressions become a list of steps once, and each request runs them.
"""
