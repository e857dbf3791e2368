"""Feature frames in, fitted, backtested and gated models out; the only door to MLflow."""
