"""Templates of sentences: text with placeholders ``{name:format}`` and ``{name:format|singular|plural}``."""

import re
from dataclasses import dataclass

from contracts.errors import ContractError
from features.wording.numbers import FORMATS

SLOT = re.compile(r"\{([^{}]*)\}")
PEER = "peer."
BARE = ("label", "part", "about")


@dataclass(frozen=True)
class Slot:
    """A placeholder: what it stands for, whether it is the peers' median, its format, the forms of a noun."""

    name: str
    is_peer: bool
    format: str
    forms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Template:
    """The pieces of a sentence in order, text or placeholder."""

    pieces: tuple[str | Slot, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The placeholders in order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Slot))


def parse_template(text: str) -> Template:
    """Return the template that ``text`` says.

    Raises:
        ContractError: a placeholder names no format, or one that does not exist.

    Examples:
        >>> parse_template("{rfm.orders:count|order|orders} so far.").slots[0].forms
        ('order', 'orders')
        >>> parse_template("{rfm.orders:dozens}")
        Traceback (most recent call last):
        contracts.errors.ContractError: Placeholder 'rfm.orders:dozens' has no known format: use one of above,
        ...
    """
    pieces: list[str | Slot] = []
    for place, piece in enumerate(SLOT.split(text)):
        if place % 2:
            pieces.append(_parse_slot(piece))
        elif piece:
            pieces.append(piece)
    return Template(tuple(pieces))


def _parse_slot(text: str) -> Slot:
    spoken, *forms = text.split("|")
    name, _, kind = spoken.partition(":")
    if kind not in FORMATS and not (name in BARE and not kind):
        raise ContractError(
            f"Placeholder {spoken!r} has no known format: use one of {', '.join(sorted(FORMATS))}."
        )
    return Slot(name.removeprefix(PEER), name.startswith(PEER), kind, tuple(forms))
