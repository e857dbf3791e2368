"""What Fedele says of its numbers, in English and Italian."""

from features.wording.catalogue import Catalogue, load_catalogue

__all__ = ["Catalogue", "load_catalogue"]
