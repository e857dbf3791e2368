"""Is a LightGBM text model well formed? Asked in Python, before the library may read it.

LightGBM trusts its text format: one changed integer crashes the process, hangs it in a cycle or changes
scores silently. Whatever passes here is a list of finite binary trees over the named features; that it is
*the* list is for a hash to say.
"""

import math
import re
from collections.abc import Sequence
from itertools import pairwise

from contracts.errors import BundleRefused

MAX_BYTES = 32 * 2**20
MAX_TREES = 3000
MAX_LEAVES = 64
END = "end of trees\n"
EMPTY = "no trees\nfeature_names="
OBJECTIVES = ("binary sigmoid:1", "tweedie")

LARGEST = "1.7976931348623157e308"
_SLUG = re.compile("[a-z0-9_.]+")
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,10}")
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?(e[+-]?[0-9]{1,3})?")
_INFO = re.compile(rf"none|\[{_NUMBER.pattern}:{_NUMBER.pattern}\]|-?[0-9]{{1,10}}(:-?[0-9]{{1,10}})*")
_HEADER = {
    "version": "v4",
    "num_class": "1",
    "num_tree_per_iteration": "1",
    "label_index": "0",
}
_HEADER_FREE = {"max_feature_idx", "objective", "feature_names", "feature_infos", "tree_sizes"}
_PER_SPLIT = (
    "split_feature",
    "split_gain",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "internal_value",
    "internal_weight",
    "internal_count",
)
_PER_LEAF = ("leaf_value", "leaf_weight", "leaf_count")
_WHOLE = {"split_feature", "decision_type", "left_child", "right_child", "internal_count", "leaf_count"}
_SCALARS = {"num_leaves", "num_cat", "is_linear", "shrinkage"}
_CATEGORICAL = ("cat_boundaries", "cat_threshold")


def check_tree_text(text: str, names: Sequence[str] | None = None) -> None:
    r"""Return nothing when ``text`` is a sound model over ``names``, in order (left out: its own).

    Checked: sizes of the trees, exact set of fields, length of each list, children in range with each node
    reached once (so no cycle), features and thresholds in range, finite values, row counts that add up, caps
    on size.

    Raises:
        BundleRefused: naming the tree, the field and the fault.

    Examples:
        >>> check_tree_text("tree\\nversion=v3\\n", ("rfm.frequency",))
        Traceback (most recent call last):
        contracts.errors.BundleRefused: Tree model: header lacks Tree=0: restore a bundle that verifies.
    """
    if len(text) > MAX_BYTES or not text.isascii():
        raise _refused(f"{len(text)} characters, at most {MAX_BYTES} plain ASCII ones are read")
    if text.startswith(EMPTY):
        _check_names(text.removeprefix(EMPTY).removesuffix("\n"), names)
        return
    head, mark, _ = text.partition("\nTree=0\n")
    if not mark:
        raise _refused("header lacks Tree=0")
    sizes, features = _read_header(head, names)
    start = len(head) + 1
    for number, size in enumerate(sizes):
        _check_tree(number, text[start : start + size], features)
        start += size
    if text[start:] != END:
        raise _refused(f"tree_sizes sum to {sum(sizes)}, which is not where the trees end")


def _refused(fault: str) -> BundleRefused:
    return BundleRefused(f"Tree model: {fault}: restore a bundle that verifies.")


def _fields(lines: Sequence[str], where: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        key, mark, value = line.partition("=")
        if not mark or key in found or "=" in value:
            raise _refused(f"{where} has a malformed or repeated line {key[:40]!r}")
        found[key] = value
    return found


def _check_keys(found: dict[str, str], wanted: set[str], where: str) -> None:
    if odd := sorted(found.keys() ^ wanted):
        raise _refused(f"{where} should not lack or add {odd[0][:40]!r}")


def _check_names(listed: str, names: Sequence[str] | None) -> int:
    """Return how many features the text lists; they must be slugs, each once, and ``names`` where given."""
    found = listed.split(" ")
    if not all(map(_SLUG.fullmatch, found)) or len(set(found)) != len(found):
        raise _refused("feature_names are not distinct slugs")
    if names is not None and found != list(names):
        odd = sorted(set(found) ^ set(names)) or ["their order"]
        raise _refused(f"feature_names are not those of the manifest, first {odd[0]!r}")
    return len(found)


def _read_header(head: str, names: Sequence[str] | None) -> tuple[list[int], int]:
    """Return the length of each tree's text and the number of features, from a header that fits ``names``."""
    first, *lines = head.strip("\n").split("\n")
    if first != "tree":
        raise _refused(f"header starts with {first[:40]!r}")
    found = _fields(lines, "header")
    _check_keys(found, set(_HEADER) | _HEADER_FREE, "header")
    features = _check_names(found["feature_names"], names)
    expected = _HEADER | {"max_feature_idx": str(features - 1)}
    for key, value in expected.items():
        if found[key] != value:
            raise _refused(f"{key} is {found[key][:80]!r}, expected {value[:80]!r}")
    if found["objective"] not in OBJECTIVES:
        raise _refused(f"objective is {found['objective'][:40]!r}, known are {OBJECTIVES}")
    infos = found["feature_infos"].split(" ")
    if len(infos) != features or not all(map(_INFO.fullmatch, infos)):
        raise _refused(f"feature_infos are not {features} ranges or sets of codes")
    sizes = [int(size) for size in _numbers(found["tree_sizes"], "header", "tree_sizes", whole=True)]
    if not 1 <= len(sizes) <= MAX_TREES or min(sizes) < 1:
        raise _refused(f"{len(sizes)} trees, between 1 and {MAX_TREES} non-empty ones are read")
    return sizes, features


def _numbers(text: str, where: str, key: str, *, whole: bool = False) -> list[float]:
    """Return the numbers of a space-separated list: finite, and 32-bit integers where ``whole``."""
    # LightGBM itself writes a threshold of inf where a split only parts missing values from all others.
    parts = [LARGEST if key == "threshold" and part == "inf" else part for part in text.split(" ")]
    # Python reads 4_39 and Infinity as numbers; LightGBM aborts on the first.
    if not all(map((_WHOLE_NUMBER if whole else _NUMBER).fullmatch, parts)):
        raise _refused(f"{where}: {key} holds something that is no number")
    values = [float(part) for part in parts]
    if not all(math.isfinite(value) for value in values) or (whole and max(map(abs, values)) >= 2**32):
        raise _refused(f"{where}: {key} holds a number out of range")
    return values


def _check_tree(number: int, block: str, features: int) -> None:
    where = f"tree {number}"
    first, *lines = block.split("\n")
    if first != f"Tree={number}" or lines[-3:] != ["", "", ""]:
        raise _refused(f"{where} does not start or end where tree_sizes says")
    found = _fields(lines[:-3], where)
    leaves = int(_numbers(found.get("num_leaves", ""), where, "num_leaves", whole=True)[0])
    categories = int(_numbers(found.get("num_cat", ""), where, "num_cat", whole=True)[0])
    if not 2 <= leaves <= MAX_LEAVES or not 0 <= categories < leaves:
        raise _refused(
            f"{where}: {leaves} leaves and {categories} category splits, at most {MAX_LEAVES} leaves are read"
        )
    lists = (*_PER_SPLIT, *_PER_LEAF, *(_CATEGORICAL if categories else ()))
    _check_keys(found, _SCALARS | set(lists), where)
    _numbers(found["shrinkage"], where, "shrinkage")
    if found["is_linear"] != "0":
        raise _refused(f"{where}: is_linear is not 0")
    tree = {
        key: _numbers(found[key], where, key, whole=key in _WHOLE or key in _CATEGORICAL) for key in lists
    }
    for key in lists[: len(_PER_SPLIT) + len(_PER_LEAF)]:
        if len(tree[key]) != leaves - (key in _PER_SPLIT):
            raise _refused(f"{where}: {key} has {len(tree[key])} entries for {leaves} leaves")
    _check_splits(where, tree, features, categories)
    _check_shape(where, tree, leaves)


def _check_splits(where: str, tree: dict[str, list[float]], features: int, categories: int) -> None:
    if not all(0 <= feature < features for feature in tree["split_feature"]):
        raise _refused(f"{where}: split_feature outside 0 to {features - 1}")
    for kind, threshold in zip(tree["decision_type"], tree["threshold"], strict=True):
        # Bit 0: a category split; bit 1: default left; bits 2 and 3: how missing values are known.
        if not 0 <= kind < 12:
            raise _refused(f"{where}: decision_type {kind:.0f} is unknown")
        if int(kind) & 1 and (threshold != int(threshold) or not 0 <= threshold < categories):
            raise _refused(f"{where}: a category split points to set {threshold} of {categories}")
    if categories:
        bounds = tree["cat_boundaries"]
        rising = all(low < high for low, high in pairwise(bounds))
        if len(bounds) != categories + 1 or bounds[0] != 0 or not rising:
            raise _refused(f"{where}: cat_boundaries do not rise from 0 over {categories} sets")
        if bounds[-1] != len(tree["cat_threshold"]) or min(tree["cat_threshold"]) < 0:
            raise _refused(f"{where}: cat_threshold does not have {bounds[-1]:.0f} sets of bits")


def _check_shape(where: str, tree: dict[str, list[float]], leaves: int) -> None:
    """Walk from the root: each split and each leaf is reached exactly once, and row counts add up."""
    waiting, reached = [0], 0
    while waiting:
        node = waiting.pop()
        reached += 1
        if reached > 2 * leaves - 1:
            raise _refused(f"{where}: a node is reached twice")
        if node < 0:
            continue
        sides = [int(tree["left_child"][node]), int(tree["right_child"][node])]
        if not all(-leaves <= side < leaves - 1 for side in sides) or 0 in sides:
            raise _refused(f"{where}: a child of split {node} is out of range")
        if (
            sum(_rows(tree, side) for side in sides) != _rows(tree, node)
            or min(_rows(tree, side) for side in sides) < 1
        ):
            raise _refused(f"{where}: row counts below split {node} do not add up")
        waiting.extend(sides)
    _check_each_once(where, tree, leaves)


def _rows(tree: dict[str, list[float]], node: int) -> float:
    return tree["internal_count"][node] if node >= 0 else tree["leaf_count"][~node]


def _check_each_once(where: str, tree: dict[str, list[float]], leaves: int) -> None:
    pointed = sorted(int(side) for side in (*tree["left_child"], *tree["right_child"]))
    if pointed != [*range(-leaves, 0), *range(1, leaves - 1)]:
        raise _refused(f"{where}: a node is reached twice or never")
