"""Pure mathematics: no files, no clock, no MLflow."""
