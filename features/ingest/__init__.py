"""Files in, typed facts in the event store, bad rows in quarantine."""
