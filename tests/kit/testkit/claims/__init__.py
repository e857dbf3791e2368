"""What the documentation claims, each measured by one module: ``measure(scale)`` returns its figures."""
