"""A model bundle and features in, scores out: batch, API and desk."""
