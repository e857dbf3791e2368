"""What single cells become: the engine's rules for missing values, money, rounding and time.

Instants are whole microseconds since 1970 (UTC), dates whole days, money is ``Decimal``, None is missing.
"""

import math
import operator
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, TypeAlias

Cell: TypeAlias = Any
Make: TypeAlias = Callable[..., Cell]

SECOND = 1_000_000
DAY = 86_400 * SECOND
EXACT = Context(prec=100)
_FIRST_DAY = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(instant: datetime) -> int:
    """Return an instant (without a zone: UTC) as microseconds since 1970."""
    known = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    since = known - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def to_days(day: date) -> int:
    """Return a date as days since 1970."""
    return day.toordinal() - _FIRST_DAY


def strict(make: Make) -> Make:
    """Return ``make`` of one or two cells, missing where one of them is."""

    def one_or_two(first: Cell, *second: Cell) -> Cell:
        if first is None or (second and second[0] is None):
            return None
        return make(first, *second)

    return one_or_two


def _strict_two(make: Make) -> Make:
    def two(left: Cell, right: Cell) -> Cell:
        return None if left is None or right is None else make(left, right)

    return two


def both(left: Cell, right: Cell) -> bool | None:
    """Return left and right: false where one is false, whatever the other."""
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def either(left: Cell, right: Cell) -> bool | None:
    """Return left or right: true where one is true, whatever the other."""
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


def divide(left: float, right: float) -> float:
    """Return the quotient of floats as IEEE 754 has it: nothing divided by zero fails."""
    if right:
        return left / right
    if not left or left != left:
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def round_half_away(value: float) -> float:
    """Return the nearest whole number, halves away from zero."""
    size = abs(value)
    if not size < 2.0**52:
        return value
    whole = float(math.floor(size))
    return math.copysign(whole + 1.0 if size - whole >= 0.5 else whole, value)


def round_to(value: float, digits: int) -> float:
    """Return a float rounded as the engine does: scaled up, rounded, scaled down."""
    scale = 10.0**digits
    found = round_half_away(value * scale) / scale
    return found if math.isfinite(found) else value


def to_money(value: Cell, digits: int) -> Decimal:
    """Return a number as an exact one with so many decimals."""
    if isinstance(value, float):
        return Decimal(int(round_half_away(value * 10.0**digits))).scaleb(-digits, EXACT)
    known = value if isinstance(value, Decimal) else Decimal(value)
    return known.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, EXACT)


def to_whole(value: Cell) -> int:
    """Return a number as a whole one."""
    return int(value.to_integral_value(ROUND_HALF_UP)) if isinstance(value, Decimal) else round(value)


def choose(condition: Cell, chosen: Cell, otherwise: Cell) -> Cell:
    """Return ``chosen`` where the condition is true, else ``otherwise``."""
    return chosen if condition else otherwise


def first_present(*cells: Cell) -> Cell:
    """Return the first cell that is not missing."""
    return next((each for each in cells if each is not None), None)


def greatest(*cells: Cell) -> Cell:
    """Return the greatest of the cells that are there."""
    return max((each for each in cells if each is not None), default=None)


def least(*cells: Cell) -> Cell:
    """Return the least of the cells that are there."""
    return min((each for each in cells if each is not None), default=None)


def missing_if(cell: Cell, other: Cell) -> Cell:
    """Return the cell, missing where it equals ``other``."""
    return None if cell == other else cell


def is_one_of(options: Sequence[Cell]) -> Make:
    """Return whether a cell is one of these."""
    known = set(options)
    return lambda cell: None if cell is None else cell in known


def date_of(days: int) -> date:
    """Return the date of a number of days since 1970."""
    return date.fromordinal(days + _FIRST_DAY)


PLAIN: dict[str, Make] = {
    "And": both,
    "Or": either,
    "Coalesce": first_present,
    "Greatest": greatest,
    "Least": least,
    "IfElse": choose,
    "NullIf": missing_if,
    "IsNull": lambda cell: cell is None,
    "NotNull": lambda cell: cell is not None,
}
"""Operations that say themselves what becomes of missing cells, by name."""

SINGLE: dict[str, Make] = {
    "Not": operator.not_,
    "Negate": operator.neg,
    "Lowercase": str.lower,
    "Ln": lambda value: math.log(value),
    "Exp": lambda value: math.exp(value),
    "Sqrt": lambda value: math.sqrt(value),
    "Sin": lambda value: math.sin(value),
    "Cos": lambda value: math.cos(value),
    "Ceil": math.ceil,
    "ExtractEpochSeconds": lambda micros: micros // SECOND,
}
"""Operations on one cell that is there."""

CALENDAR: dict[str, Make] = {
    "ExtractYear": lambda days: date_of(days).year,
    "ExtractMonth": lambda days: date_of(days).month,
    "DayOfWeekIndex": lambda days: date_of(days).weekday(),
}
"""Operations on one date that is there."""

DOUBLE: dict[str, Make] = {
    name: _strict_two(make)
    for name, make in {
        "Equals": operator.eq,
        "NotEquals": operator.ne,
        "Less": operator.lt,
        "LessEqual": operator.le,
        "Greater": operator.gt,
        "GreaterEqual": operator.ge,
        "TimestampAdd": operator.add,
        "TimestampSub": operator.sub,
    }.items()
}
"""Operations on two cells, missing where one is."""

ARITHMETIC: dict[str, tuple[Make, Make]] = {
    "Add": (_strict_two(operator.add), _strict_two(EXACT.add)),
    "Subtract": (_strict_two(operator.sub), _strict_two(EXACT.subtract)),
    "Multiply": (_strict_two(operator.mul), _strict_two(EXACT.multiply)),
    "Modulus": (
        _strict_two(lambda left, right: math.fmod(left, right) if right else None),
        _strict_two(EXACT.remainder),
    ),
    "Divide": (_strict_two(divide), _strict_two(divide)),
}
"""Arithmetic on plain numbers, and on exact ones."""
