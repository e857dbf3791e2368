"""How an instant is read from text: ISO 8601, or one declared format; zones are never guessed."""

from dataclasses import dataclass

from contracts.time import find_zone
from features.ingest.reader import quote

_DAY = r"^\d{4}-\d{2}-\d{2}$"
_TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
_OFFSET = r" ?(Z|[+-]\d{2}(:?\d{2})?)$"
_WORDS = {"YYYY": "%Y", "YY": "%y", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M", "SS": "%S", "ss": "%S"}


@dataclass(frozen=True)
class InstantRule:
    """How instants are written: the format (None: ISO 8601), and the zones of dates and of naive times.

    A bare date is midnight in ``date_zone``; a time without offset needs ``time_zone``.
    """

    format: str | None
    date_zone: str
    time_zone: str | None

    def value(self, text: str) -> str:
        """Return the SQL of the instant (naive UTC) in the SQL ``text``; NULL where unreadable."""
        if self.format is None:
            return (
                f"CASE WHEN regexp_matches({text}, '{_DAY}') THEN "
                f"{self._zoned(f'TRY_CAST({text} AS TIMESTAMP)', dates=True)}"
                f" WHEN regexp_matches(upper({text}), '{_TIME}{_OFFSET}')"
                f" THEN CAST(TRY_CAST(replace(replace(upper({text}), ' +', '+'), ' -', '-') AS "
                "TIMESTAMPTZ) AS TIMESTAMP)"
                f" WHEN regexp_matches(upper({text}), '{_TIME}$')"
                f" THEN {self._zoned(f'TRY_CAST(upper({text}) AS TIMESTAMP)', dates=False)} END"
            )
        parsed = f"TRY_CAST(try_strptime({text}, {quote(self.format)}) AS TIMESTAMP)"
        return parsed if "%z" in self.format else self._zoned(parsed, dates=not _has_time(self.format))

    def fault(self, text: str, value: str) -> str:
        """Return the SQL expression of the fault code, NULL where the text reads well or is missing."""
        clauses = [f"WHEN {text} IS NULL THEN NULL"]
        naive = self._naive(text)
        if naive is not None and self.time_zone is None:
            clauses.append(f"WHEN {naive} IS NOT NULL THEN 'no_timezone'")
        if naive is not None and self.time_zone not in (None, "UTC"):
            clauses += self._shifts(naive, value)
        if self.format is None:
            iso = f"regexp_matches(upper({text}), '{_DAY}') OR regexp_matches(upper({text}), '{_TIME}')"
            clauses.append(f"WHEN {value} IS NULL AND ({iso}) THEN 'no_such_date'")
        clauses.append(f"WHEN {value} IS NULL THEN 'date_format'")
        return f"CASE {' '.join(clauses)} END"

    def _naive(self, text: str) -> str | None:
        if self.format is None:
            shape = f"regexp_matches(upper({text}), '{_TIME}$')"
            return f"CASE WHEN {shape} THEN TRY_CAST(upper({text}) AS TIMESTAMP) END"
        if "%z" in self.format or not _has_time(self.format):
            return None
        return f"try_strptime({text}, {quote(self.format)})"

    def _shifts(self, naive: str, value: str) -> list[str]:
        zone = quote(str(self.time_zone))

        def local(shift: str) -> str:
            return f"timezone({zone}, timezone('UTC', {value} {shift}))"

        twice = " OR ".join(
            f"{local(shift)} = {naive}"
            for shift in (f"{sign} INTERVAL {minutes} MINUTE" for sign in "+-" for minutes in (30, 60))
        )
        return [f"WHEN {local('')} <> {naive} THEN 'time_skipped'", f"WHEN {twice} THEN 'time_twice'"]

    def _zoned(self, local: str, *, dates: bool) -> str:
        zone = self.date_zone if dates else self.time_zone
        if zone is None:
            return "CAST(NULL AS TIMESTAMP)"
        return local if zone == "UTC" else f"CAST(timezone({quote(zone)}, {local}) AS TIMESTAMP)"


def build_rule(dates: str | None, timezone: str | None, default_zone: str) -> InstantRule:
    """Return the rule for a file.

    Raises:
        SettingsError: a zone is unknown.

    Examples:
        >>> build_rule("DD/MM/YYYY", None, "UTC").format
        '%d/%m/%Y'
    """
    for zone in (timezone, default_zone):
        if zone is not None:
            find_zone(zone)
    return InstantRule(None if dates is None else read_format(dates), timezone or default_zone, timezone)


def read_format(dates: str) -> str:
    """Return the strptime format meant by ``dates``: itself, or spelt with YYYY, MM, DD, HH, mm, SS.

    Examples:
        >>> read_format("%Y%m%d"), read_format("DD.MM.YYYY HH:mm")
        ('%Y%m%d', '%d.%m.%Y %H:%M')
    """
    if "%" in dates:
        return dates
    for word, sign in _WORDS.items():
        dates = dates.replace(word, sign)
    return dates


def _has_time(form: str) -> bool:
    return any(sign in form for sign in ("%H", "%I", "%T", "%X", "%c", "%s"))
