"""Links in a text: they say nothing of what is meant, and an embedding takes them for words."""

import re

LINK = r"\bhttps?\b(?:://\S+)?|\bwww\.\S+"
"""A link, or what a platform left of one."""

_LINK = re.compile(LINK, re.IGNORECASE)


def drop_links(text: str) -> str:
    """Return a text without its links; one without any stays as it is.

    Examples:
        >>> drop_links("Look: https://shop.example/x?y=1 broken again")
        'Look: broken again'
    """
    return " ".join(_LINK.sub(" ", text).split()) if _LINK.search(text) else text
