"""Mutants of a model bundle: what a broken disk, a bad copy or a person with bad intent makes of it."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from testkit.tiny_model import tiny_content
from training.manifest import encode
from training.signature import sign

Files = dict[str, bytes]
Seal = Literal["as found", "hashes anew", "signed anew"]
PAGE = 4096


@dataclass(frozen=True)
class Mutant:
    """The files of one mutant. ``seal``: whether hashes, and even the signature, were made to fit it."""

    name: str
    files: Files
    seal: Seal


def build_genuine(key: bytes, seed: int = 0) -> Files:
    """Return the files of a sound bundle that the workspace signed."""
    content = tiny_content(seed)
    manifest = {**content.manifest, "trained_until": "2026-01-01T00:00:00Z"}
    files = type(content)(manifest, content.files).to_bytes()
    return {**files, "manifest.sig": sign(files["manifest.json"], key)}


def find_trees(files: Mapping[str, bytes]) -> list[str]:
    """Return the files that hold trees."""
    return sorted(name for name, data in files.items() if b"\nTree=0\n" in data)


def find_found(genuine: Files, rng: np.random.Generator) -> Iterator[Mutant]:
    """Yield mutants as a disk or a copy makes them: first every cut at 4 KiB, then flipped bits for ever."""
    for name, data in genuine.items():
        for end in range(0, len(data), PAGE):
            yield Mutant(f"{name} cut at {end}", {**genuine, name: data[:end]}, "as found")
        yield Mutant(f"{name} replaced by a page of a proxy", {**genuine, name: b"<html>"}, "as found")
        yield Mutant(
            f"{name} missing", {each: kept for each, kept in genuine.items() if each != name}, "as found"
        )
    while True:
        name = str(rng.choice(sorted(genuine)))
        changed = bytearray(genuine[name])
        place = int(rng.integers(0, len(changed)))
        changed[place] ^= 1 << int(rng.integers(0, 8))
        yield Mutant(f"{name}: bit flipped at {place}", {**genuine, name: bytes(changed)}, "as found")


def find_resealed(genuine: Files, rng: np.random.Generator) -> Iterator[Mutant]:
    """Yield mutants of one number each, for ever, their hashes made to fit by somebody without the key."""
    while True:
        name = str(rng.choice(find_trees(genuine)))
        text = genuine[name].decode()
        found = list(re.finditer(r"(?<=[= ])-?[0-9]+(\.[0-9]+)?(?=[ \n])", text))
        number = found[int(rng.integers(0, len(found)))]
        other = str(rng.choice(["0", "-1", "1", "7", "1e300", "nan", "99999"]))
        if other == number.group():
            continue
        changed = text[: number.start()] + other + text[number.end() :]
        sealed = reseal({**genuine, name: fit_sizes(changed).encode()})
        yield Mutant(f"{name}: {number.group()} at {number.start()} became {other}", sealed, "hashes anew")


def find_signed(genuine: Files, key: bytes, rng: np.random.Generator) -> Iterator[Mutant]:
    """Yield mutants that even carry the right signature: only structure and golden rows are left."""
    for name in find_trees(genuine):
        blocks = re.split(r"(?=^Tree=|^end of trees)", genuine[name].decode(), flags=re.MULTILINE)
        for fault, change in _TREE_FAULTS.items():
            chosen = int(rng.integers(1, len(blocks) - 1))
            parts = [*blocks[:chosen], change(blocks[chosen]), *blocks[chosen + 1 :]]
            text = fit_sizes("".join(parts))
            if text != genuine[name].decode():
                yield _signed(f"{name}: {fault}", {**genuine, name: text.encode()}, key)
    for name, field, value in _PARAMETER_FAULTS:
        values = json.loads(genuine[name])
        if value is None:
            del values[field]
        else:
            values[field] = value
        data = json.dumps(values, indent=1, sort_keys=True).encode() + b"\n"
        yield _signed(f"{name}: {field} became {value}", {**genuine, name: data}, key)


def _signed(name: str, files: Files, key: bytes) -> Mutant:
    sealed = reseal(files)
    return Mutant(name, {**sealed, "manifest.sig": sign(sealed["manifest.json"], key)}, "signed anew")


def reseal(files: Mapping[str, bytes]) -> Files:
    """Return the files with a manifest whose hashes and sizes fit them."""
    manifest = json.loads(files["manifest.json"])
    for name in manifest["files"]:
        data = files[name]
        manifest["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    return {**files, "manifest.json": encode(manifest)}


def fit_sizes(text: str) -> str:
    """Return a LightGBM text whose ``tree_sizes`` fit its trees, so that the fault inside is what is met."""
    blocks = re.findall(r"^Tree=.*?(?=^Tree=|^end of trees)", text, flags=re.MULTILINE | re.DOTALL)
    sizes = " ".join(str(len(block)) for block in blocks)
    return re.sub(r"^tree_sizes=.*$", f"tree_sizes={sizes}", text, count=1, flags=re.MULTILINE)


def _set(field: str, place: int, value: str) -> Callable[[str], str]:
    def change(block: str) -> str:
        def put(found: re.Match[str]) -> str:
            cells = found.group(1).split(" ")
            cells[place] = value
            return f"{field}={' '.join(cells)}\n"

        return re.sub(rf"^{field}=(.*)\n", put, block, count=1, flags=re.MULTILINE)

    return change


def _drop(field: str) -> Callable[[str], str]:
    return lambda block: re.sub(rf"^{field}=.*\n", "", block, count=1, flags=re.MULTILINE)


def _repeat(field: str) -> Callable[[str], str]:
    return lambda block: re.sub(rf"^({field}=.*\n)", r"\1\1", block, count=1, flags=re.MULTILINE)


_TREE_FAULTS: dict[str, Callable[[str], str]] = {
    "a cycle to the root on the left": _set("left_child", 0, "0"),
    "a cycle to the root on the right": _set("right_child", -1, "0"),
    "a child out of range": _set("left_child", 0, "4000"),
    "a leaf out of range": _set("right_child", 0, "-4000"),
    "one leaf reached twice": _set("right_child", -1, "-1"),
    "a leaf that is no number": _set("leaf_value", 0, "nan"),
    "an infinite leaf": _set("leaf_value", -1, "inf"),
    "a threshold that is no number": _set("threshold", 0, "nan"),
    "a feature that is not there": _set("split_feature", 0, "999"),
    "a negative feature": _set("split_feature", 0, "-1"),
    "an unknown kind of split": _set("decision_type", 0, "64"),
    "a billion leaves": _set("num_leaves", 0, "1000000000"),
    "no leaves": _set("num_leaves", 0, "0"),
    "a linear tree": _set("is_linear", 0, "1"),
    "an empty leaf": _set("leaf_count", 0, "0"),
    "rows that do not add up": _set("internal_count", 0, "3"),
    "a gain that is a word": _set("split_gain", 0, "much"),
    "a weight with an underscore": _set("leaf_weight", 0, "1_0"),
    "a shrinkage without a number": _set("shrinkage", 0, ""),
    "no leaf values": _drop("leaf_value"),
    "no thresholds": _drop("threshold"),
    "no left children": _drop("left_child"),
    "left children twice": _repeat("left_child"),
    "leaf values twice": _repeat("leaf_value"),
    "another number of the tree": lambda block: block.replace("Tree=", "Tree=7", 1),
    "a field nobody knows": lambda block: block.replace("\n", "\nload_module=os\n", 1),
    "nothing but its name": lambda block: block.split("\n")[0] + "\n\n\n",
}
_PARAMETER_FAULTS: tuple[tuple[str, str, float | str | None], ...] = (
    *(("beta_geo.json", name, value) for name in ("r", "alpha", "a", "b") for value in (None, -1.0, 0.0)),
    *(("beta_geo.json", name, value) for name in ("r", "alpha", "a", "b") for value in (math.nan, 1e308)),
    *(("gamma_gamma.json", name, value) for name in ("p", "q", "v") for value in (None, -1.0, math.nan)),
    ("gamma_gamma.json", "q", 1.0),
    ("beta_geo.json", "r", "0.243"),
    ("beta_geo.json", "time_unit", "second"),
)
