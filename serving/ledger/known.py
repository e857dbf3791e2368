"""What a generation was computed with, as the ledger keeps it: enough to compute any of its scores again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

from contracts.atomic import replace_file
from contracts.errors import StoreError
from contracts.scores import Flag, RiskBands, dumps
from contracts.settings import HistorySection, HorizonSection, SatisfactionSection, Settings, VoiceSection
from contracts.time import to_text
from features.snapshot import Crowd
from features.wording.catalogue import Catalogue, build_catalogue, read_texts
from serving.score import Costs, Occasion
from serving.store.rows import GenerationInfo

LIBRARIES = ("fedele", "numpy", "pandas", "lightgbm", "duckdb", "scipy")


@dataclass(frozen=True)
class Known:
    """The facts of a run beside its events and its model.

    ``occasions`` are those of each kind, ``bundle`` the SHA-256 of the model's manifest, ``margin_share`` the
    company's, ``crowd`` what features asked of all customers together, ``settings`` those that features
    depend on, ``loads`` the loads that had come since the generation before, ``texts`` the digest of the
    catalogue of texts, ``software`` the versions it was computed by, ``since`` from when on each table holds
    known facts (for live scores).
    """

    occasions: Mapping[str, Occasion]
    bundle: str
    margin_share: float | None
    crowd: Crowd
    settings: Mapping[str, Any]
    loads: tuple[str, ...]
    texts: str
    software: Mapping[str, str | None]
    since: Mapping[str, datetime | None] = field(default_factory=dict)

    def to_body(self, info: GenerationInfo) -> dict[str, Any]:
        """Return the facts as plain JSON values."""
        return {
            "generation": info.generation,
            "as_of": to_text(info.as_of),
            "scored_at": to_text(info.scored_at),
            "model_version": info.model_version,
            "bundle": self.bundle,
            "kinds": {kind: _plain(occasion) for kind, occasion in self.occasions.items()},
            "since": {
                table: None if first is None else to_text(first) for table, first in self.since.items()
            },
            "margin_share": self.margin_share,
            "crowd": self.crowd.to_dict(),
            "settings": dict(self.settings),
            "loads": list(self.loads),
            "texts": self.texts,
            "software": dict(self.software),
        }

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "Known":
        """Return the facts ``to_body`` gave."""
        occasions = {kind: _read_occasion(body, own) for kind, own in body["kinds"].items()}
        return cls(
            occasions,
            body["bundle"],
            body["margin_share"],
            Crowd.from_dict(body["crowd"]),
            body["settings"],
            tuple(body["loads"]),
            body["texts"],
            body["software"],
            {
                table: None if first is None else datetime.fromisoformat(first)
                for table, first in body["since"].items()
            },
        )


def _plain(occasion: Occasion) -> dict[str, Any]:
    bands, costs = occasion.bands, occasion.costs
    return {
        "bands": [bands.medium, bands.high, bands.owner],
        "flags": list(occasion.flags),
        "costs": [costs.per_ticket, costs.per_interaction],
    }


def describe_occasion(occasion: Occasion) -> dict[str, Any]:
    """Return the occasion of a live score as plain JSON values."""
    return _plain(occasion) | {
        "generation": occasion.generation,
        "as_of": to_text(occasion.as_of),
        "scored_at": to_text(occasion.scored_at),
        "model_version": occasion.model_version,
    }


def read_occasion(body: Mapping[str, Any]) -> Occasion:
    """Return the occasion ``describe_occasion`` told."""
    return _read_occasion(body, body)


def _read_occasion(body: Mapping[str, Any], own: Mapping[str, Any]) -> Occasion:
    return Occasion(
        body["generation"],
        body["model_version"],
        datetime.fromisoformat(body["as_of"]),
        datetime.fromisoformat(body["scored_at"]),
        RiskBands(*own["bands"]),
        cast(tuple[Flag, ...], tuple(own["flags"])),
        Costs(*own["costs"]),
    )


def describe_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings that features depend on, as plain values."""
    return {
        "history": settings.history.model_dump(mode="json"),
        "horizons": settings.horizons.model_dump(mode="json"),
        "satisfaction": settings.satisfaction.model_dump(mode="json"),
        "voice": settings.voice.model_dump(mode="json"),
    }


def restore_settings(settings: Settings, then: Mapping[str, Any]) -> Settings:
    """Return the settings with those that features depend on as they were."""
    parts = {
        "history": HistorySection(**then["history"]),
        "horizons": HorizonSection(**then["horizons"]),
        "satisfaction": SatisfactionSection(**then["satisfaction"]),
        "voice": VoiceSection(**then["voice"]),
    }
    return settings.model_copy(update=parts)


def describe_software() -> dict[str, str | None]:
    """Return the versions of what computes scores; None where a package is not installed by name."""
    return {name: _find_version(name) for name in LIBRARIES}


def _find_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def keep_texts(folder: Path) -> str:
    """Keep the catalogue of texts in ``folder``, once, under its digest; return the digest."""
    data = dumps(read_texts())
    digest = hashlib.sha256(data).hexdigest()
    file = _find_texts(folder, digest)
    if not file.exists():
        replace_file(file, data)
    return digest


def open_texts(folder: Path, digest: str) -> Catalogue:
    """Return the catalogue that was kept under a digest.

    Raises:
        StoreError: it is gone, or not what it was.
    """
    file = _find_texts(folder, digest)
    data = file.read_bytes() if file.exists() else b""
    if hashlib.sha256(data).hexdigest() != digest:
        raise StoreError(f"ledger/texts/{file.name} is gone or altered: restore it from a backup.")
    return build_catalogue(json.loads(data))


def _find_texts(folder: Path, digest: str) -> Path:
    return folder / "texts" / f"{digest[:32]}.json"
