"""The feature families: one module each, found here by being in this folder."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from features.families.family import Family

__all__ = ["Family", "find_families"]


@cache
def find_families() -> tuple[Family, ...]:
    """Return every declared family, in the order of module names.

    Examples:
        >>> "rfm" in [family.name for family in find_families()]
        True
    """
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return tuple(module.FAMILY for module in modules if hasattr(module, "FAMILY"))
