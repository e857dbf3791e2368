"""Is there enough, clean enough data: facts of the log, findings in plain words, one report."""
