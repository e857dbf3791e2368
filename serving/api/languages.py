"""Which language an answer is in: ``lang``, else the ``Accept-Language`` header, else English."""

from contracts.scores import LANGUAGES, Language


def choose_language(asked: Language | None, accepted: str | None) -> Language:
    """Return the language of an answer.

    Examples:
        >>> choose_language(None, "de, it-CH;q=0.8, en;q=0.5")
        'it'
        >>> choose_language("en", "it")
        'en'
        >>> choose_language(None, "de")
        'en'
    """
    if asked is not None:
        return asked
    best: tuple[float, Language] = (0.0, "en")
    for part in (accepted or "")[:200].split(","):
        name, _, weight = part.partition(";")
        quality = _read_quality(weight)
        for language in LANGUAGES:
            if name.strip().lower().split("-")[0] == language and quality > best[0]:
                best = (quality, language)
    return best[1]


def _read_quality(weight: str) -> float:
    name, _, number = weight.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(number)
    except ValueError:
        return 0.0
