"""Numbers as people read them: English as in Britain, Italian as in Italy (Babel's conventions).

Italian puts a no-break space before the percent sign and, as Babel does, before the currency.
"""

import math
import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache

from babel.core import Locale
from babel.dates import format_date as write_date
from babel.dates import get_month_names
from babel.numbers import format_currency, format_decimal, format_percent

from contracts.periods import DAYS_PER_MONTH
from contracts.scores import Language

LOCALES: dict[Language, Locale] = {"en": Locale("en", "GB"), "it": Locale("it", "IT")}
PERCENT: dict[Language, str] = {"en": "#,##0%", "it": "#,##0\u00a0%"}
FINE_PERCENT: dict[Language, str] = {"en": "#,##0.#%", "it": "#,##0.#\u00a0%"}
WHOLE_FROM = 0.0995
VOWEL = re.compile(r"(1|8\d*|11)(?!\d|\.)")
DAYS: dict[Language, tuple[str, str]] = {"en": ("day", "days"), "it": ("giorno", "giorni")}
MONTHS: dict[Language, tuple[str, str]] = {"en": ("month", "months"), "it": ("mese", "mesi")}
YEARS: dict[Language, tuple[str, str]] = {"en": ("year", "years"), "it": ("anno", "anni")}
UNDER_A_DAY: dict[Language, str] = {"en": "less than a day", "it": "meno di un giorno"}
FLAGS: dict[Language, tuple[str, str]] = {"en": ("no", "yes"), "it": ("no", "sì")}
NUMBERS: dict[Language, tuple[str, ...]] = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "it": ("zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove"),
}
LONGEST_IN_DAYS = 90
LONGEST_IN_MONTHS = 24
MONTHS_PER_YEAR = 12
LITERAL = "="
COUNTED = ("count", "plural", "worded")

Forms = tuple[str, ...]
Number = float | int | str


@lru_cache(maxsize=200_000)
def format_value(
    value: Number, kind: str, language: Language, currency: str = "EUR", forms: Forms = ()
) -> str:
    """Return ``value`` in the format ``kind``: one of ``FORMATS``.

    ``forms`` are the singular and the plural of the noun that follows a ``count`` (in words up to nine where
    it is ``worded``; a third form is for zero) or a ``size``, or of any words that agree with the number in
    ``plural``, which prints no number. A form that begins with ``=`` replaces the number. Of a percentage
    they are what goes before it, ahead of a consonant and ahead of a vowel (Italian articles).

    Examples:
        >>> format_value(1, "days", "en"), format_value(58.4, "days", "it"), format_value(200, "days", "it")
        ('1 day', '58 giorni', '7 mesi')
        >>> format_value(0.873, "percent", "it").replace(chr(160), " "), format_value(0.46, "percent", "en")
        ('87 %', '46%')
        >>> format_value(1234.5, "money", "it").replace(chr(160), " "), format_value(1234.5, "money", "en")
        ('1.234,50 €', '€1,234.50')
        >>> format_value(1, "count", "en", forms=("=One order", "orders"))
        'One order'
        >>> format_value(1200, "count", "it", forms=("ordine", "ordini"))
        '1.200 ordini'
        >>> [format_value(open, "worded", "en", forms=("=one open", "open", "=none open")) for open in (0, 2)]
        ['none open', 'two open']
        >>> format_value(-1, "size", "en", forms=("point", "points"))
        '1 point'
        >>> format_value(0.08, "percent", "it", forms=("il ", "l'")).replace(chr(160), " ")
        "l'8 %"
    """
    if kind == "text" or isinstance(value, str):
        return value if isinstance(value, str) else format_number(value, language)
    if kind == "money":
        return str(format_currency(value, currency, locale=LOCALES[language]))
    if kind in COUNTED:
        return format_count(value, language, forms, kind)
    if kind == "size":
        return f"{format_number(abs(value), language)} {forms[int(abs(value) != 1)]}"
    printed = FORMATS[kind](value, language)
    return printed if not forms else f"{forms[int(begins_with_vowel(printed))]}{printed}"


def format_number(value: float, language: Language) -> str:
    """Return a number with at most two decimals, none where it is whole."""
    return str(format_decimal(value + 0.0, format="#,##0.##", locale=LOCALES[language]))


def format_count(value: float, language: Language, forms: Forms = (), kind: str = "count") -> str:
    """Return a whole number and the form of the noun that goes with it; ``kind`` is one of ``COUNTED``."""
    whole = math.floor(value + 0.5)
    number = str(format_decimal(whole, format="#,##0", locale=LOCALES[language]))
    if kind == "worded" and 0 <= whole < len(NUMBERS[language]):
        number = NUMBERS[language][whole]
    if not forms:
        return number
    place = 0 if whole == 1 else 2 if whole == 0 and len(forms) > 2 else min(1, len(forms) - 1)
    form = forms[place]
    if form.startswith(LITERAL):
        return form.removeprefix(LITERAL)
    return form if kind == "plural" else f"{number} {form}"


def format_days(value: float, language: Language) -> str:
    """Return a length of time without its sign: in days up to 90, in months up to two years, then in years.

    Examples:
        >>> [format_days(days, "en") for days in (0.2, 1, 90, 91, 365, 800)]
        ['less than a day', '1 day', '90 days', '3 months', '12 months', '2.2 years']
    """
    value = abs(value)
    whole = math.floor(value + 0.5)
    if whole < 1:
        return UNDER_A_DAY[language]
    if whole <= LONGEST_IN_DAYS:
        return format_count(whole, language, DAYS[language])
    months = math.floor(value / DAYS_PER_MONTH + 0.5)
    if months < LONGEST_IN_MONTHS:
        return format_count(months, language, MONTHS[language])
    years = round(value / DAYS_PER_MONTH / MONTHS_PER_YEAR, 1)
    return f"{format_decimal(years, format='#,##0.#', locale=LOCALES[language])} {YEARS[language][1]}"


def format_every(value: float, language: Language) -> str:
    """Return a length of time to follow ``every`` or ``ogni``.

    Examples:
        >>> format_every(1, "en"), format_every(31, "it")
        ('day', '31 giorni')
    """
    return DAYS[language][0] if math.floor(abs(value) + 0.5) <= 1 else format_days(value, language)


def format_share(value: float, language: Language) -> str:
    """Return a share (1 is 100 %) as a percentage: whole from 10 % on, below it with at most one decimal.

    Examples:
        >>> format_share(0.4567, "en"), format_share(0.0352, "en"), format_share(-0.2, "en")
        ('46%', '3.5%', '-20%')
    """
    pattern = PERCENT[language] if abs(value) >= WHOLE_FROM else FINE_PERCENT[language]
    return str(format_percent(value + 0.0, format=pattern, locale=LOCALES[language]))


def format_month(value: float, language: Language) -> str:
    """Return the name of a month from its number, 1 to 12."""
    return str(get_month_names("wide", locale=LOCALES[language])[int(value)])


def format_date(value: float, language: Language) -> str:
    """Return the day that is ``value`` days after 1970-01-01; a number that is no day stays a number.

    Examples:
        >>> format_date(20484.9, "en"), format_date(20484, "it"), format_date(9e9, "en")
        ('31 Jan 2026', '31 gen 2026', '9,000,000,000')
    """
    try:
        day = date(1970, 1, 1) + timedelta(days=math.floor(value))
    except OverflowError:
        return format_number(value, language)
    return str(write_date(day, format="medium", locale=LOCALES[language]))


def format_ratio(value: float, language: Language) -> str:
    """Return a ratio with at most one decimal."""
    return str(format_decimal(value + 0.0, format="#,##0.#", locale=LOCALES[language]))


def format_flag(value: float, language: Language) -> str:
    """Return yes or no."""
    return FLAGS[language][int(value != 0)]


def begins_with_vowel(number: str) -> bool:
    """Return whether an Italian would say the number with a vowel first: 1, 8, 11, 80 to 89, 800 and so on.

    Examples:
        >>> [text for text in ("1", "8", "10", "11,5", "81", "18", "110") if begins_with_vowel(text)]
        ['1', '8', '11,5', '81']
    """
    return VOWEL.match(number) is not None


FORMATS: dict[str, Callable[[float, Language], str]] = {
    "days": format_days,
    "every": format_every,
    "count": format_count,
    "plural": format_count,
    "worded": format_count,
    "size": format_number,
    "money": format_number,
    "percent": format_share,
    "above": lambda value, language: format_share(value - 1, language),
    "below": lambda value, language: format_share(1 - value, language),
    "ratio": format_ratio,
    "number": format_number,
    "text": format_number,
    "about": format_number,
    "month": format_month,
    "date": format_date,
    "flag": format_flag,
}
"""The formats a template may name; ``above`` and ``below`` print how far a ratio is from 1."""
