"""What a company's own scored answers taught of its customers' way to speak, as a bundle keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts.errors import BundleRefused
from training.models.text_head import TextHead

VOICE_FILE = "text_head.json"


@dataclass(frozen=True)
class CompanyVoice:
    """The head of the present, and the name of the embedder whose vectors it reads."""

    embedder: str
    head: TextHead

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"embedder": self.embedder, "head": self.head.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "CompanyVoice":
        """Return the voice that ``to_dict`` gave.

        Raises:
            BundleRefused: something is missing or of another kind.
        """
        try:
            return cls(str(values["embedder"]), TextHead.from_dict(values["head"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleRefused(f"{VOICE_FILE} lacks a part ({error}): train the model again.") from error
