"""The ledger: what was said of whom, by which model and from which facts, and who read it."""
