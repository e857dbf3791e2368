"""Numbers, money and dates as people of each language write them: by Babel alone, in one style."""

from dataclasses import dataclass
from datetime import datetime

from babel.core import Locale
from babel.dates import format_date
from babel.numbers import format_compact_decimal, format_currency, format_decimal

from contracts.scores import Language
from contracts.time import find_zone

LOCALES: dict[Language, Locale] = {"en": Locale("en", "GB"), "it": Locale("it", "IT")}
_PERCENT: dict[Language, str] = {"en": "{}%", "it": "{}\u00a0%"}


def percent(share: float, language: Language) -> str:
    """Return a share (1 is 100 %) in whole percents; what is not quite nothing or all says so.

    Examples:
        >>> percent(0.7214, "en"), percent(0.7214, "it").replace(chr(160), " ")
        ('72%', '72 %')
        >>> percent(0.002, "en"), percent(0.9991, "en"), percent(0.0, "en")
        ('<1%', '>99%', '0%')
    """
    rounded = whole(100 * share, language)
    if rounded == "0" and share > 0:
        rounded = "<1"
    elif rounded == "100" and share < 1:
        rounded = ">99"
    return _PERCENT[language].format(rounded)


def fine_percent(share: float, language: Language, digits: int = 1) -> str:
    """Return a share (1 is 100 %) in percents with decimals.

    Examples:
        >>> fine_percent(0.7984, "en"), fine_percent(-0.0213, "it").replace(chr(160), " ")
        ('79.8%', '-2,1 %')
    """
    return _PERCENT[language].format(decimal(100 * share, language, digits))


def percents(low: float, high: float, language: Language) -> str:
    """Return a range of shares.

    Examples:
        >>> percents(0.66, 0.78, "en")
        '66–78%'
    """
    numbers = f"{whole(100 * low, language)}–{whole(100 * high, language)}"
    return _PERCENT[language].format(numbers)


def money(amount: float, currency: str, language: Language) -> str:
    """Return an amount to the cent.

    Examples:
        >>> money(1234.5, "EUR", "en"), money(1234.5, "EUR", "it").replace(chr(160), " ")
        ('€1,234.50', '1.234,50 €')
    """
    return str(format_currency(amount + 0.0, currency, locale=LOCALES[language]))


def round_money(amount: float, currency: str, language: Language) -> str:
    """Return an amount without cents from 100 on, for sums that are estimates.

    Examples:
        >>> round_money(4129.6, "EUR", "en"), round_money(41.3, "EUR", "en")
        ('€4,130', '€41.30')
    """
    if abs(amount) < 100:
        return money(amount, currency, language)
    pattern = LOCALES[language].currency_formats["standard"].pattern.replace(".00", "")
    return str(format_currency(amount, currency, pattern, locale=LOCALES[language], currency_digits=False))


def short_number(value: float, language: Language) -> str:
    """Return a number in few signs, for the axis of a chart.

    Examples:
        >>> short_number(412_000, "en"), short_number(1_500_000, "it").replace(chr(160), " ")
        ('412K', '1,5 Mln')
        >>> short_number(412_000, "it"), short_number(2.5, "it")
        ('412.000', '2,5')
    """
    short = str(format_compact_decimal(value, locale=LOCALES[language], fraction_digits=1))
    # Italian has no short form below a million, and Babel then prints no separator either.
    return whole(value, language) if short.isdigit() else short


def decimal(value: float, language: Language, digits: int = 1) -> str:
    """Return a number with exactly ``digits`` decimals.

    Examples:
        >>> decimal(1234.56, "it"), decimal(0.4, "en", 2)
        ('1.234,6', '0.40')
    """
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return str(format_decimal(round(value, digits) + 0.0, format=pattern, locale=LOCALES[language]))


def whole(value: float, language: Language) -> str:
    """Return a whole number with its thousands set apart.

    Examples:
        >>> whole(23502, "en"), whole(23502, "it")
        ('23,502', '23.502')
    """
    return str(format_decimal(round(value), format="#,##0", locale=LOCALES[language]))


def day(instant: datetime, language: Language, zone: str = "UTC", *, with_time: bool = True) -> str:
    """Return the day of an instant in a zone, and (``with_time``) the time where it is not midnight there.

    Examples:
        >>> from datetime import UTC
        >>> day(datetime(1998, 11, 3, tzinfo=UTC), "it"), day(datetime(1998, 11, 3, 6, 10, tzinfo=UTC), "en")
        ('3 nov 1998', '3 Nov 1998 06:10')
    """
    local = instant.astimezone(find_zone(zone))
    date = str(format_date(local, "d MMM y", locale=LOCALES[language]))
    return f"{date} {local:%H:%M}" if with_time and (local.hour or local.minute) else date


@dataclass(frozen=True)
class Formats:
    """The number formats of a page, bound to its language, zone and currency."""

    language: Language
    zone: str = "UTC"

    def percent(self, share: float) -> str:
        """Return a share in whole percents."""
        return percent(share, self.language)

    def fine_percent(self, share: float, digits: int = 1) -> str:
        """Return a share in percents with decimals."""
        return fine_percent(share, self.language, digits)

    def percents(self, low: float, high: float) -> str:
        """Return a range of shares."""
        return percents(low, high, self.language)

    def money(self, amount: float, currency: str) -> str:
        """Return an amount to the cent."""
        return money(amount, currency, self.language)

    def round_money(self, amount: float, currency: str) -> str:
        """Return an estimated sum."""
        return round_money(amount, currency, self.language)

    def decimal(self, value: float, digits: int = 1) -> str:
        """Return a number with decimals."""
        return decimal(value, self.language, digits)

    def short_number(self, value: float) -> str:
        """Return a number in few signs."""
        return short_number(value, self.language)

    def whole(self, value: float) -> str:
        """Return a whole number."""
        return whole(value, self.language)

    def day(self, instant: datetime | str, *, with_time: bool = True) -> str:
        """Return a day, of an instant or of its RFC 3339 text, and the time where it is not midnight."""
        moment = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
        return day(moment, self.language, self.zone, with_time=with_time)
