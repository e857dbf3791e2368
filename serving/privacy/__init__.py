"""What the law gives a customer: to be forgotten, and not to be profiled."""
