"""Public benchmark tables that may not be copied into the project: their folder is named from outside."""

from pathlib import Path

from contracts.errors import SettingsError
from contracts.settings import read_variable

VARIABLE = "FEDELE_DATA"


def find_benchmark(name: str) -> Path:
    """Return the file called ``name`` in the folder that ``FEDELE_DATA`` names.

    Raises:
        SettingsError: the variable is not set, or the folder has no such file.
    """
    folder = read_variable(VARIABLE)
    if folder is None:
        raise SettingsError(
            f"{VARIABLE} is not set: name the folder that holds {name} "
            "(IBM's telco sample is public; the project has no copy of it)."
        )
    file = Path(folder) / name
    if not file.is_file():
        raise SettingsError(f"The folder that {VARIABLE} names has no {name}: put it there.")
    return file
