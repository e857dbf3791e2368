"""What moves people: topics, touchpoints, moments of truth and channels, in money (``find_drivers``)."""

from training.drivers.study import find_drivers, open_studied

__all__ = ["find_drivers", "open_studied"]
