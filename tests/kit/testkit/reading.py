"""One reader for all tests of a process: its model takes a second and 200 MB to load."""

from functools import cache

from features.text.reader import Reader, open_reader


@cache
def find_reader() -> Reader:
    """Return a reader of the default embedder without a cache on disk."""
    return open_reader()
