"""Feedback with what was read from its texts beside it: a reading follows from the text alone."""

from contracts.voice import READING, UNDETERMINED
from features.engine import Table, absent, first_present

LANGUAGE = "language"


def join_readings(feedback: Table, readings: Table | None) -> Table:
    """Return feedback with the columns of ``READING``, missing where a row has no text or it was not read.

    The row's own ``language`` stands; where it has none, that of the reading unless it is undetermined.
    """
    heard = [spoken for spoken in READING if spoken.name != LANGUAGE]
    if readings is None:
        return feedback.mutate(**{spoken.name: absent(spoken.kind) for spoken in heard})
    read = readings.rename(read_language=LANGUAGE)
    joined = feedback.left_join(read, "text").drop("text_right")
    language = first_present(joined[LANGUAGE], joined.read_language.nullif(UNDETERMINED))
    return joined.mutate(language=language).drop("read_language")
