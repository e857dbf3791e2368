"""The few errors Fedele raises on purpose.

Each message names the thing, the value and the next step; none carries a customer's data. The command line
turns any of them into one line and exit status 1, the service into a problem document.
"""


class FedeleError(Exception):
    """An expected failure; ``str(error)`` is a sentence for people. ``code`` is stable and for programs."""

    code = "failed"


class SettingsError(FedeleError):
    """A setting is missing, unknown or out of bounds."""

    code = "settings"


class WorkspaceError(FedeleError):
    """The folder is no workspace, or a store in it is not usable."""

    code = "workspace"


class SchemaTooNew(WorkspaceError):
    """A store was written by a later Fedele than this one."""

    code = "schema_too_new"


class LockHeld(WorkspaceError):
    """Another command is writing to the same workspace."""

    code = "lock_held"


class ContractError(FedeleError):
    """Data breaks a contract: a column is missing, renamed, of another type, or a hash differs."""

    code = "contract"


class IngestError(FedeleError):
    """A whole file cannot be read; single bad rows are quarantined instead."""

    code = "ingest"


class NotEnoughData(FedeleError):
    """There is too little history for what was asked."""

    code = "not_enough_data"


class ModelRefused(FedeleError):
    """A fitted model fails its gates."""

    code = "model_refused"


class BundleRefused(FedeleError):
    """A model bundle is damaged, altered or not of this contract."""

    code = "bundle_refused"


class BackupRefused(FedeleError):
    """A backup cannot be written there, or is damaged, altered or of a later Fedele."""

    code = "backup_refused"


class StoreError(FedeleError):
    """The score or work store cannot answer."""

    code = "store"
