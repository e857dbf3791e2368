"""A list of steps that make columns out of columns, in an order in which each is there in time."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeAlias

Slot: TypeAlias = int
Make: TypeAlias = Callable[..., Any]


class Steps:
    """Steps are added once; ``run`` goes through them with other inputs each time."""

    def __init__(self) -> None:
        self._steps: list[tuple[Slot, Make, tuple[Slot, ...]]] = []
        self._inputs: dict[Hashable, Slot] = {}
        self._slots = 0

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def inputs(self) -> tuple[Hashable, ...]:
        """The names of the inputs that the steps read."""
        return tuple(self._inputs)

    def read(self, name: Hashable) -> Slot:
        """Return where the input of that name will be."""
        if name not in self._inputs:
            self._inputs[name] = self._take()
        return self._inputs[name]

    def add(self, make: Make, *needed: Slot) -> Slot:
        """Return where the result of ``make`` over other results will be."""
        slot = self._take()
        self._steps.append((slot, make, needed))
        return slot

    def run(self, inputs: Mapping[Hashable, Any]) -> list[Any]:
        """Return every result by its slot; ``inputs`` may hold more than is read."""
        held: list[Any] = [None] * self._slots
        for name, slot in self._inputs.items():
            held[slot] = inputs[name]
        for slot, make, needed in self._steps:
            held[slot] = make(*[held[each] for each in needed])
        return held

    def _take(self) -> Slot:
        self._slots += 1
        return self._slots - 1
