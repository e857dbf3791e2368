"""Tables of expressions as steps. Only columns that are asked for in the end are computed, each once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir

from contracts.errors import ContractError
from features.direct import rows
from features.direct.groups import Column, find_groups, sort_places
from features.direct.steps import Make, Slot, Steps
from features.direct.values import Scope, Values


@dataclass(frozen=True)
class Answer:
    """``count`` rows, held by columns."""

    columns: Mapping[str, Column]
    count: int

    def list(self) -> list[dict[str, Any]]:
        """Return each row as {column: cell}."""
        cells = zip(*self.columns.values(), strict=True)
        return [dict(zip(self.columns, row, strict=True)) for row in cells]


@dataclass(eq=False)
class _Relation:
    """A table to be: ``like`` has an entry per row, ``make`` finds where a column will be."""

    names: tuple[str, ...]
    like: Slot
    make: Callable[[str], Slot]
    known: dict[str, Slot] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scope = Scope(self.like, lambda each: self.column(each.name))

    def column(self, name: str) -> Slot:
        if name not in self.known:
            self.known[name] = self.make(name)
        return self.known[name]


@dataclass(eq=False)
class _Side:
    """A table within a join: ``places`` are those of its rows beside the others (None: as they come)."""

    relation: _Relation
    places: Slot | None = None
    whole: bool = True
    known: dict[str, Slot] = field(default_factory=dict)


class Plan:
    """Expressions compiled once, to be computed over other rows each time.

    Args:
        asked: what is asked for, by name; the tables they read are those that ``compute`` is given.

    Raises:
        ContractError: an expression holds an operation that nobody has taught this.
    """

    def __init__(self, asked: Mapping[str, ir.Table]) -> None:
        self._steps = Steps()
        self._values = Values(self._steps, self._find_rows)
        self._relations: dict[ops.Relation, _Relation] = {}
        self._asked = {name: self._find_answer(table.op()) for name, table in asked.items()}

    @property
    def needs(self) -> dict[str, tuple[str, ...]]:
        """The columns that are read, by table."""
        found: dict[str, list[str]] = {}
        for table, name in (each for each in self._steps.inputs if isinstance(each, tuple)):
            found.setdefault(table, [])
            if name is not None:
                found[table].append(name)
        return {table: tuple(names) for table, names in found.items()}

    def compute(self, tables: Mapping[str, Mapping[str, Column]]) -> dict[str, Answer]:
        """Return the rows of each answer; ``tables`` holds the columns that ``needs`` names, and may more."""
        inputs: dict[Any, Any] = {}
        for table, names in self.needs.items():
            given = tables[table]
            inputs[table, None] = range(len(next(iter(given.values()), ())))
            inputs |= {(table, name): given[name] for name in names}
        held = self._steps.run(inputs)
        return {
            name: Answer({each: held[slot] for each, slot in columns.items()}, len(held[like]))
            for name, (like, columns) in self._asked.items()
        }

    def _find_answer(self, op: ops.Relation) -> tuple[Slot, dict[str, Slot]]:
        relation = self._find(op)
        return relation.like, {name: relation.column(name) for name in relation.names}

    def _find_rows(self, op: ops.Relation) -> list[Slot]:
        relation = self._find(op)
        return [relation.column(name) for name in relation.names]

    def _find(self, op: ops.Relation) -> _Relation:
        if op not in self._relations:
            make: Callable[[Any], _Relation] | None = getattr(
                self, f"_make_{type(op).__name__.lower()}", None
            )
            if make is None:
                raise ContractError(
                    f"{type(op).__name__} is no table computed over rows in memory: teach features.direct."
                )
            self._relations[op] = make(op)
        return self._relations[op]

    def _make_databasetable(self, op: ops.DatabaseTable) -> _Relation:
        like = self._steps.read((op.name, None))
        return _Relation(tuple(op.schema.names), like, lambda name: self._steps.read((op.name, name)))

    def _make_joinreference(self, op: ops.JoinReference) -> _Relation:
        return self._find(op.parent)

    def _make_project(self, op: ops.Project) -> _Relation:
        parent = self._find(op.parent)
        make = lambda name: self._values.column(op.values[name], parent.scope)  # noqa: E731
        return _Relation(tuple(op.values), parent.like, make)

    def _make_dropcolumns(self, op: ops.DropColumns) -> _Relation:
        parent = self._find(op.parent)
        names = tuple(name for name in parent.names if name not in op.columns_to_drop)
        return _Relation(names, parent.like, parent.column)

    def _make_filter(self, op: ops.Filter) -> _Relation:
        parent = self._find(op.parent)
        conditions = [self._values.column(each, parent.scope) for each in op.predicates]
        return self._choose(parent, self._steps.add(rows.find_kept, parent.like, *conditions))

    def _make_sort(self, op: ops.Sort) -> _Relation:
        parent = self._find(op.parent)
        columns, upwards = self._values.order(op.keys, parent.scope)

        def sort(like: Sequence[Any], *order: Column) -> list[int]:
            return sort_places(range(len(like)), list(zip(order, upwards, strict=True)))

        return self._choose(parent, self._steps.add(sort, parent.like, *columns))

    def _make_distinct(self, op: ops.Distinct) -> _Relation:
        parent = self._find(op.parent)
        columns = [parent.column(name) for name in parent.names]
        return self._choose(parent, self._steps.add(rows.find_distinct, parent.like, *columns))

    def _make_union(self, op: ops.Union) -> _Relation:
        left, right, add = self._find(op.left), self._find(op.right), self._steps.add
        like = add(rows.stack, left.like, right.like)
        both = _Relation(
            left.names, like, lambda name: add(rows.stack, left.column(name), right.column(name))
        )
        if not op.distinct:
            return both
        columns = [both.column(name) for name in both.names]
        return self._choose(both, add(rows.find_distinct, like, *columns))

    def _make_aggregate(self, op: ops.Aggregate) -> _Relation:
        parent, add = self._find(op.parent), self._steps.add
        keys = {name: self._values.column(each, parent.scope) for name, each in op.groups.items()}
        members = add(_group, parent.like, *keys.values())
        scope = Scope(members, parent.scope.column, parent.scope)

        def make(name: str) -> Slot:
            if name in keys:
                return add(_find_keys, members, keys[name])
            return self._values.column(op.metrics[name], scope)

        return _Relation((*op.groups, *op.metrics), members, make)

    def _make_joinchain(self, op: ops.JoinChain) -> _Relation:
        first = self._find(op.first)
        sides, like = {op.first: _Side(first)}, first.like
        for link in op.rest:
            sides, like = self._join(sides, like, link)
        scope = self._see(sides, like)
        return _Relation(tuple(op.values), like, lambda name: self._values.column(op.values[name], scope))

    def _join(self, sides: dict[Any, _Side], like: Slot, link: ops.JoinLink) -> tuple[dict[Any, _Side], Slot]:
        if link.how not in ("inner", "left", "semi", "cross"):
            raise ContractError(
                f"A {link.how} join is not computed over rows in memory: teach features.direct."
            )
        add, right = self._steps.add, self._find(link.table)
        keys, others = _split(link)
        here, there = self._see(sides, like), self._see({link.table: _Side(right)}, right.like)
        asked = [self._values.column(own, here) for own, _ in keys]
        known = [self._values.column(other, there) for _, other in keys]
        pairs = add(rows.match, like, right.like, *asked, *known)
        came, beside = add(_first, pairs), add(_second, pairs)
        if others:
            seen = self._see(self._move(sides, link.table, right, (came, beside, True)), came)
            kept = add(rows.find_kept, came, *(self._values.column(each, seen) for each in others))
            came, beside = add(rows.gather, came, kept), add(rows.gather, beside, kept)
        if link.how == "left":
            settled = add(rows.keep_all, like, came, beside)
            came, beside = add(_first, settled), add(_second, settled)
        elif link.how == "semi":
            settled = add(rows.keep_matched, came)
            came, beside = add(_first, settled), add(_second, settled)
        return self._move(sides, link.table, right, (came, beside, link.how not in ("left", "semi"))), came

    def _move(
        self, sides: dict[Any, _Side], table: Any, right: _Relation, to: tuple[Slot, Slot, bool]
    ) -> dict[Any, _Side]:
        came, beside, whole = to
        moved = {
            reference: _Side(
                side.relation,
                came if side.places is None else self._steps.add(rows.gather, side.places, came),
                side.whole,
            )
            for reference, side in sides.items()
        }
        return moved | {table: _Side(right, beside, whole)}

    def _see(self, sides: dict[Any, _Side], like: Slot) -> Scope:
        def find(each: ops.Field) -> Slot:
            side = sides[each.rel]
            if each.name not in side.known:
                column = side.relation.column(each.name)
                make: Make = rows.gather if side.whole else rows.gather_present
                found = column if side.places is None else self._steps.add(make, column, side.places)
                side.known[each.name] = found
            return side.known[each.name]

        return Scope(like, find)

    def _choose(self, parent: _Relation, places: Slot) -> _Relation:
        make = partial(self._gather, parent, places)
        return _Relation(parent.names, places, make)

    def _gather(self, parent: _Relation, places: Slot, name: str) -> Slot:
        return self._steps.add(rows.gather, parent.column(name), places)


def _split(link: ops.JoinLink) -> tuple[list[tuple[Any, Any]], list[Any]]:
    """Return the pairs of expressions that must be equal, left and right, and the other conditions."""
    keys, others = [], []
    for each in link.predicates:
        sides = [each.left, each.right] if isinstance(each, ops.Equals) else []
        tables = [{found.rel for found in side.find(ops.Field, filter=ops.Value)} for side in sides]
        if tables and tables[1] == {link.table} and tables[0] and link.table not in tables[0]:
            keys.append((sides[0], sides[1]))
        elif tables and tables[0] == {link.table} and tables[1] and link.table not in tables[1]:
            keys.append((sides[1], sides[0]))
        else:
            others.append(each)
    return keys, others


def _group(like: Sequence[Any], *keys: Column) -> list[list[int]]:
    return find_groups(len(like), keys)


def _find_keys(members: Sequence[Sequence[int]], key: Column) -> Column:
    return [key[places[0]] for places in members]


def _first(pairs: rows.Pairs) -> list[int]:
    return pairs[0]


def _second(pairs: rows.Pairs) -> rows.Places:
    return pairs[1]
