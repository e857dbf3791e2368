"""Events in, one point-in-time feature frame out."""
