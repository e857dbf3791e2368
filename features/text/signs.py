"""Smileys and emoji: what a text says about its mood without words."""

import re

_GOOD = re.compile(
    r"(?<!\w)[:;=8][-^o']?[)\]dDpP*3](?!\w)|\^_?\^|<3|\b[xX][dD]+\b"
    r"|[😀-😆😇-😍😎😘-😝😻🙂🤗🤩🥰👍👏💪❤♥💕-💟🎉✨☺♡]"
)
_BAD = re.compile(
    r"(?<!\w)[:;=][-^o']?[(\[/\\|](?![\w/])|:'\(|-[._]+-|>[._]<|[😒-😖😞-😩😪-😱😠-😥👎💔😾😿😭🤬🤮🙁☹]"
)
_HINT = re.compile(r"[:;=8^<>]|[xX][dD]|-[._]|[\u2600-\u27ff\U0001f300-\U0001faff]")


def weigh_signs(text: str) -> int:
    """Return 1 where good signs outnumber bad ones, -1 the other way round, 0 with as many or none.

    Examples:
        >>> weigh_signs("parcel is here :-)"), weigh_signs("late again 😡"), weigh_signs("ok")
        (1, -1, 0)
    """
    if not _HINT.search(text):
        return 0
    balance = len(_GOOD.findall(text)) - len(_BAD.findall(text))
    return (balance > 0) - (balance < 0)
