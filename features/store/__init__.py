"""The event store: Delta tables below ``events/``, written by one command at a time."""
