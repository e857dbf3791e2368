"""A long text as its sentences; a short one stays whole."""

import re

LONG = 200
"""Characters up to which a text is one embedding: a short comment says one thing."""

WHOLE = 400
"""Characters above which a sentence without a full stop is cut at a comma or a blank."""

_ABBREVIATIONS = (
    r"(?:\b(?:mr|mrs|ms|dr|prof|sig|sigg|dott|ing|avv|sr|sra|srta|mme|mlle|hr|fr|st|nr|no|num|tel|art|"
    r"ca|bzw|usw|etc|ecc|vs|max|min|approx|inkl|exkl|evtl|ggf)|\b\w|\b\w\.\w)"
)
_END = re.compile(r"(?:[.!?…]+[\"'»”)\]]*(?=\s)|[。！？]+|\n+)")
_SHORTENED = re.compile(_ABBREVIATIONS + r"\.$", re.IGNORECASE)


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text longer than ``LONG`` characters, else the text alone; none is empty.

    Nothing but blanks between sentences is lost.

    Examples:
        >>> split_sentences("Late again. Never more!")
        ['Late again. Never more!']
        >>> split_sentences("It was late. " * 20)[:2]
        ['It was late.', 'It was late.']
    """
    if len(text) <= LONG:
        return [text]
    pieces, start = [], 0
    for end in _END.finditer(text):
        if not _SHORTENED.search(text, max(0, end.end() - 12), end.end()):
            pieces.append(text[start : end.end()])
            start = end.end()
    pieces.append(text[start:])
    cut = [part for piece in pieces for part in _cut(piece.strip())]
    return cut or [text]


def _cut(sentence: str) -> list[str]:
    parts = []
    while len(sentence) > WHOLE:
        place = max(sentence.rfind(sign, WHOLE // 2, WHOLE) for sign in (", ", "; ", ": ", " - "))
        place = place if place > 0 else sentence.rfind(" ", WHOLE // 2, WHOLE)
        place = place + 1 if place > 0 else WHOLE
        parts.append(sentence[:place].strip())
        sentence = sentence[place:].strip()
    return [part for part in (*parts, sentence) if part]
