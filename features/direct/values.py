"""Expressions of columns as steps: cell by cell, over groups of rows, and over windows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import repeat
from typing import Any, TypeAlias

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops

from contracts.errors import ContractError
from features.direct import cells, groups
from features.direct.cells import ARITHMETIC, CALENDAR, DAY, DOUBLE, PLAIN, SECOND, SINGLE, Make
from features.direct.groups import FOLDS, Column, Members
from features.direct.rows import fill
from features.direct.steps import Slot, Steps


@dataclass(frozen=True)
class Constant:
    """A value that is the same in every row."""

    value: Any


Found: TypeAlias = Slot | Constant
_UNITS = {"D": DAY, "h": 3_600 * SECOND, "m": 60 * SECOND, "s": SECOND, "ms": 1_000, "us": 1}


@dataclass(frozen=True, eq=False)
class Scope:
    """What an expression is about: ``like`` has as many entries as there are rows.

    ``column`` finds a column of the rows. Of groups, ``like`` holds the places of each one's rows and
    ``inside`` is the scope of those rows.
    """

    like: Slot
    column: Callable[[ops.Field], Slot]
    inside: "Scope | None" = None


class Values:
    """Makes steps of expressions; the same expression in the same scope becomes one step."""

    def __init__(self, steps: Steps, rows_of: Callable[[ops.Relation], Sequence[Slot]]) -> None:
        self._steps, self._rows_of = steps, rows_of
        self._known: dict[tuple[Any, Scope], Found] = {}

    def column(self, op: ops.Value, scope: Scope) -> Slot:
        """Return where the column of an expression will be."""
        found = self.find(op, scope)
        if isinstance(found, Constant):
            return self._steps.add(fill(found.value), scope.like)
        return found

    def find(self, op: ops.Value, scope: Scope) -> Found:
        """Return where the column will be, or its value where it is the same in every row."""
        key = (op, scope)
        if key not in self._known:
            self._known[key] = self._make(op, scope)
        return self._known[key]

    def order(self, keys: Sequence[Any], scope: Scope) -> tuple[tuple[Slot, ...], tuple[bool, ...]]:
        """Return the columns to sort by, and which of them upwards."""
        for key in keys:
            if key.nulls_first:
                raise _unknown(key)
        return tuple(self.column(key.arg, scope) for key in keys), tuple(key.ascending for key in keys)

    def _make(self, op: ops.Value, scope: Scope) -> Found:
        if isinstance(op, ops.Field):
            return scope.column(op)
        if isinstance(op, ops.Literal):
            return Constant(_read_literal(op))
        if isinstance(op, ops.WindowFunction):
            return self._make_window(op, scope)
        if isinstance(op, ops.Reduction):
            return self._make_fold(op, scope)
        if isinstance(op, ops.InSubquery):
            (known,) = self._rows_of(op.rel)
            return self._steps.add(_find_in, self.column(op.needle, scope), known)
        make, needed = _find_make(op)
        return self._lift(make, [self.find(each, scope) for each in needed])

    def _lift(self, make: Make, needed: Sequence[Found]) -> Found:
        slots = [each for each in needed if not isinstance(each, Constant)]
        if not slots:
            return Constant(make(*(each.value for each in needed if isinstance(each, Constant))))
        return self._steps.add(_over(make, needed), *slots)

    def _make_fold(self, op: ops.Reduction, scope: Scope) -> Slot:
        if scope.inside is None:
            raise _unknown(op)
        inside, add = scope.inside, self._steps.add
        where = () if op.where is None else (self.column(op.where, inside),)
        if isinstance(op, ops.CountStar):
            return add(_count, scope.like, *where)
        values = self.column(op.arg, inside)
        if isinstance(op, ops.First | ops.Last):
            if op.include_null:
                raise _unknown(op)
            order, upwards = self.order(op.order_by, inside)
            pick = _picker(upwards, last=isinstance(op, ops.Last), filtered=bool(where))
            return add(pick, scope.like, values, *order, *where)
        return add(_folder(_find_fold(op)), scope.like, values, *where)

    def _make_window(self, op: ops.WindowFunction, scope: Scope) -> Slot:
        add, func = self._steps.add, op.func
        order, upwards = self.order(op.order_by, scope)
        keys = [self.column(each, scope) for each in op.group_by]
        members = add(_group, scope.like, *keys)
        ranked = add(_ranker(upwards), members, *order)
        if isinstance(func, ops.RowNumber):
            return add(groups.number, ranked)
        if isinstance(func, ops.Lag) and func.offset is None and func.default is None:
            return add(groups.shift, ranked, self.column(func.arg, scope))
        if isinstance(func, ops.CountStar) and func.where is None:
            return add(_slider(_read_frame(op), FOLDS["Count"]), ranked, scope.like)
        if isinstance(func, ops.Reduction) and func.where is None and type(func).__name__ in FOLDS:
            values = self.column(func.arg, scope)
            return add(_slider(_read_frame(op), _find_fold(func)), ranked, values)
        raise _unknown(func)


def _over(make: Make, needed: Sequence[Found]) -> Make:
    """Return what makes a column, cell by cell; the quick ways for one and two."""
    if len(needed) == 1:
        return lambda column: [make(each) for each in column]
    fixed = [isinstance(each, Constant) for each in needed]
    if fixed == [False, False]:
        return lambda left, right: [make(one, other) for one, other in zip(left, right, strict=True)]
    if fixed == [False, True]:
        value = needed[1].value  # type: ignore[union-attr]
        return lambda column: [make(each, value) for each in column]
    constants = [repeat(each.value) if isinstance(each, Constant) else None for each in needed]

    def make_column(*columns: Column) -> Column:
        given = iter(columns)
        beside = [next(given) if each is None else each for each in constants]
        return [make(*row) for row in zip(*beside, strict=False)]

    return make_column


def _find_make(op: Any) -> tuple[Make, Sequence[Any]]:
    """Return what makes a cell, and of which expressions."""
    name = type(op).__name__
    if name == "Cast":
        return _cast(op.arg.dtype, op.to, op), (op.arg,)
    if name in ("Coalesce", "Greatest", "Least"):
        return PLAIN[name], op.arg
    if name in PLAIN:
        return PLAIN[name], op.args
    if name in SINGLE:
        return cells.strict(
            _exactly(SINGLE[name], op) if name in ("Ln", "Exp", "Sqrt") else SINGLE[name]
        ), op.args
    if name in DOUBLE:
        return _compare(DOUBLE[name], op), op.args
    if name in ARITHMETIC:
        return _calculate(name, op), op.args
    return _find_special(name, op)


def _find_special(name: str, op: Any) -> tuple[Make, Sequence[Any]]:
    if name in CALENDAR:
        return cells.strict(_of_day(CALENDAR[name], op.arg.dtype)), (op.arg,)
    if name == "Date":
        return cells.strict(_of_day(lambda days: days, op.arg.dtype)), (op.arg,)
    if name == "DateDelta" and _read_literal(op.part) == "day":
        return ARITHMETIC["Subtract"][0], (op.left, op.right)
    if name == "TimestampTruncate" and op.unit.short == "s":
        return cells.strict(lambda micros: micros - micros % SECOND), (op.arg,)
    if name == "Round" and op.arg.dtype.is_floating():
        digits = _read_literal(op.digits) or 0
        return cells.strict(lambda value: cells.round_to(value, digits)), (op.arg,)
    if name == "InValues":
        return cells.is_one_of([_read_literal(each) for each in op.options]), (op.value,)
    raise _unknown(op)


def _of_day(make: Make, kind: dt.DataType) -> Make:
    return make if kind.is_date() else lambda micros: make(micros // DAY)


def _exactly(make: Make, op: Any) -> Make:
    return (lambda value: make(float(value))) if op.arg.dtype.is_decimal() else make


def _calculate(name: str, op: Any) -> Make:
    plain, exact = ARITHMETIC[name]
    kinds = [each.dtype for each in op.args]
    if not any(kind.is_decimal() for kind in kinds):
        return plain
    if name == "Divide" or any(kind.is_floating() for kind in kinds):
        return lambda left, right: plain(_as_float(left), _as_float(right))
    return lambda left, right: exact(_as_exact(left), _as_exact(right))


def _compare(make: Make, op: Any) -> Make:
    kinds = [each.dtype for each in op.args]
    if any(kind.is_decimal() for kind in kinds) and any(kind.is_floating() for kind in kinds):
        return lambda left, right: make(_as_float(left), _as_float(right))
    return make


def _as_float(value: Any) -> Any:
    return None if value is None else float(value)


def _as_exact(value: Any) -> Any:
    return cells.to_money(value, 0) if isinstance(value, int) else value


def _cast(known: dt.DataType, wanted: dt.DataType, op: Any) -> Make:
    """Return what makes a cell of another type; only the casts that features use."""
    same = (
        (known.is_string() and wanted.is_string())
        or (known.is_timestamp() and wanted.is_timestamp())
        or (known.is_boolean() and wanted.is_boolean())
        or (known.is_integer() and wanted.is_integer())
        or known.is_null()
    )
    if same:
        return lambda value: value
    if (wanted.is_floating() and known.is_numeric()) or (known.is_boolean() and wanted.is_floating()):
        return _as_float
    if wanted.is_decimal() and known.is_numeric():
        digits = wanted.scale or 0
        return cells.strict(lambda value: cells.to_money(value, digits))
    if wanted.is_integer() and (known.is_numeric() or known.is_boolean()):
        return cells.strict(cells.to_whole)
    if wanted.is_string() and known.is_integer():
        return cells.strict(str)
    raise _unknown(op)


def _read_literal(op: ops.Literal) -> Any:
    value = op.value
    if isinstance(value, datetime):
        return cells.to_micros(value)
    if isinstance(value, date):
        return cells.to_days(value)
    if op.dtype.is_interval():
        return int(value) * _UNITS[op.dtype.unit.short]
    return value


def _find_fold(op: Any) -> groups.Fold:
    if isinstance(op, ops.Sum) and op.arg.dtype.is_decimal():
        return groups.add_exactly
    if type(op).__name__ not in FOLDS:
        raise _unknown(op)
    return FOLDS[type(op).__name__]


def _read_frame(op: ops.WindowFunction) -> groups.Frame:
    def read(boundary: Any) -> int | None:
        if boundary is None:
            return None
        size = int(_read_literal(boundary.value))
        return -size if boundary.preceding else size

    return read(op.start), read(op.end)


def _group(rows: Sequence[Any], *keys: Column) -> Members:
    return groups.find_groups(len(rows), keys)


def _ranker(upwards: Sequence[bool]) -> Make:
    def rank(members: Members, *order: Column) -> Members:
        return list(groups.order_groups(members, list(zip(order, upwards, strict=True))))

    return rank


def _slider(frame: groups.Frame, fold: groups.Fold) -> Make:
    return lambda ranked, values: groups.slide(ranked, values, frame, fold)


def _count(members: Members, where: Column | None = None) -> Column:
    return groups.count_rows(members, where)


def _folder(fold: groups.Fold) -> Make:
    def fold_all(members: Members, values: Column, where: Column | None = None) -> Column:
        return groups.fold_groups(members, values, where, fold)

    return fold_all


def _picker(upwards: Sequence[bool], *, last: bool, filtered: bool) -> Make:
    def pick(members: Members, values: Column, *rest: Column) -> Column:
        order, where = (rest[:-1], rest[-1]) if filtered else (rest, None)
        return groups.pick(members, values, list(zip(order, upwards, strict=True)), where, last=last)

    return pick


def _find_in(needles: Column, known: Column) -> Column:
    there = set(known)
    otherwise = None if None in there else False
    return [(None if each is None and there else each in there or otherwise) for each in needles]


def _unknown(op: Any) -> ContractError:
    return ContractError(
        f"{type(op).__name__} is no operation computed over rows in memory: teach features.direct."
    )
