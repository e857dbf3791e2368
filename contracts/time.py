"""Instants, dates and the one clock of Fedele.

Every instant is UTC with a zone, every interval half-open, and ``as_of`` is exclusive.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contracts.errors import SettingsError
from contracts.settings import read_variable

SECONDS_PER_DAY = 86_400


def read_clock() -> datetime:
    """Return the present instant in UTC. Only the command line and the service call it.

    ``FEDELE_CLOCK`` (an instant with offset) stops it, so that a drill or a replay gives the same bytes as
    before.

    Raises:
        SettingsError: ``FEDELE_CLOCK`` is no instant with an offset.
    """
    stopped = read_variable("FEDELE_CLOCK")
    return datetime.now(UTC) if stopped is None else parse_as_of(stopped)


def find_zone(name: str) -> ZoneInfo:
    """Return the time zone called ``name``.

    Raises:
        SettingsError: no such zone is known.

    Examples:
        >>> find_zone("Europe/Rome").key
        'Europe/Rome'
        >>> find_zone("Rome")
        Traceback (most recent call last):
        contracts.errors.SettingsError: 'Rome' is no time zone: write one like 'Europe/Rome' or 'UTC'.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(f"{name!r} is no time zone: write one like 'Europe/Rome' or 'UTC'.") from error


def midnight(day: date, zone: str = "UTC") -> datetime:
    """Return the instant at which ``day`` begins in ``zone``, in UTC.

    Examples:
        >>> midnight(date(1998, 7, 1), "Europe/Rome").isoformat()
        '1998-06-30T22:00:00+00:00'
    """
    return datetime.combine(day, time(), find_zone(zone)).astimezone(UTC)


def parse_as_of(text: str, zone: str = "UTC") -> datetime:
    """Return the instant meant by a date (midnight in ``zone``) or by an instant with an offset.

    Raises:
        SettingsError: the text is neither, or is a time without an offset.

    Examples:
        >>> parse_as_of("1998-07-01").isoformat()
        '1998-07-01T00:00:00+00:00'
        >>> parse_as_of("2026-01-31T12:00:00+01:00").isoformat()
        '2026-01-31T11:00:00+00:00'
        >>> parse_as_of("2026-02-30")
        Traceback (most recent call last):
        contracts.errors.SettingsError: '2026-02-30' is no date: write 2026-01-31 or
        2026-01-31T12:00:00+01:00.
    """
    try:
        if len(text) <= 10:
            return midnight(date.fromisoformat(text), zone)
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise SettingsError(f"{text!r} is no date: write 2026-01-31 or 2026-01-31T12:00:00+01:00.") from error
    raise SettingsError(f"{text!r} has no offset from UTC: add one, for example {text}+01:00.")


def last_observed_day(as_of: datetime) -> date:
    """Return the UTC day of ``as_of`` minus one microsecond: the last day a BTYD model has seen.

    Examples:
        >>> last_observed_day(midnight(date(1997, 10, 1))).isoformat()
        '1997-09-30'
    """
    return (as_of - timedelta(microseconds=1)).astimezone(UTC).date()


def to_text(instant: datetime) -> str:
    """Return the instant as RFC 3339 text in UTC, without a fraction when there is none.

    Examples:
        >>> to_text(midnight(date(1998, 7, 1)))
        '1998-07-01T00:00:00Z'
    """
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def just_after(instant: datetime) -> datetime:
    """Return the next microsecond: what is exclusive of it includes ``instant``."""
    return instant + timedelta(microseconds=1)


def add_days(instant: datetime, days: float) -> datetime:
    """Return the instant ``days`` (of 86,400 seconds; may be negative) later."""
    return instant + timedelta(days=days)
