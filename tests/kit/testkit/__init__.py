"""What tests share: strategies, oracles, simulators and proofs."""
