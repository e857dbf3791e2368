"""``python -m testkit.prove [CLAIM]``: measure what the documentation claims, in full, and write it down."""

import argparse
import importlib
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import psutil

from contracts.errors import FedeleError
from testkit.claims.figure import FULL, SMALL, Figure, Scale
from testkit.tree import ROOT

CLAIMS = (
    "fresh_clone",
    "cdnow_parity",
    "served_churn",
    "laws",
    "one_record",
    "kill_nine",
    "same_bytes",
    "bad_rows",
    "cdnow_holdout",
    "race_of_families",
    "training_time",
    "simulator_recovery",
    "small_shops",
    "group_totals",
    "retention_curve",
    "telco",
    "tv_subscriptions",
    "planted_leaks",
    "silent_customers",
    "voice_laws",
    "voice_gain",
    "what_moves_people",
    "parallel_sentences",
    "verbatims",
    "tweets",
    "voice_speed",
    "replay",
    "erasure",
    "bundle_mutants",
    "hot_swap",
    "closed_doors",
    "killed_writes",
    "overload",
    "open_loop",
    "schema_fuzz",
)
FOLDER = ROOT / "docs" / "proof"
LIBRARIES = (
    "bentoml",
    "deltalake",
    "duckdb",
    "ibis-framework",
    "lifetimes",
    "lightgbm",
    "mlflow",
    "numpy",
    "pandas",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one claim or all, print and keep the figures; 1 when a figure misses its bar."""
    parser = argparse.ArgumentParser(prog="make prove", description=__doc__)
    parser.add_argument("claim", nargs="?", choices=CLAIMS, help="one claim; all where left out")
    parser.add_argument(
        "--small", action="store_true", help="the small form that the tests run; writes nothing"
    )
    asked = parser.parse_args(arguments)
    scale = SMALL if asked.small else FULL
    chosen = CLAIMS if asked.claim is None else (asked.claim,)
    missed = sum(not _prove(claim, scale) for claim in chosen)
    return 1 if missed else 0


def measure(claim: str, scale: Scale) -> list[Figure]:
    """Return the figures of a claim, which is the name of its module."""
    figures: list[Figure] = importlib.import_module(f"testkit.claims.{claim}").measure(scale)
    return figures


def _prove(claim: str, scale: Scale) -> bool:
    try:
        figures = measure(claim, scale)
    except FedeleError as error:
        print(f"\n{claim}\n  NOT MEASURED  {error}", flush=True)
        return False
    print(
        "\n".join(
            (
                f"\n{claim}",
                *(f"  {_mark(each)}  {each.name}: {each.value:.10g} ({each.demand})" for each in figures),
            )
        ),
        flush=True,
    )
    if scale is FULL:
        write_proof(claim, figures, FOLDER, illustrate(claim))
    return all(figure.holds for figure in figures)


def illustrate(claim: str) -> list[str]:
    """Return the lines of Markdown that a claim shows beside its figures, from its own ``illustrate``."""
    show: Callable[[], list[str]] = getattr(
        importlib.import_module(f"testkit.claims.{claim}"), "illustrate", list
    )
    return show()


def write_proof(claim: str, figures: Sequence[Figure], folder: Path, more: Sequence[str] = ()) -> Path:
    """Write the figures of a claim, and ``more`` lines, as Markdown; equal figures give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{claim}.md"
    file.write_text("\n".join([*_render(claim, figures), *more, ""]), encoding="utf-8")
    return file


def _render(claim: str, figures: Sequence[Figure]) -> Iterator[str]:
    title = (importlib.import_module(f"testkit.claims.{claim}").__doc__ or claim).strip()
    yield f"# {claim}"
    yield f"\n{title}\n"
    yield "| figure | measured | bar | |\n|---|---:|---|---|"
    for each in figures:
        name = each.name.replace("|", "\\|")
        yield f"| {name} | {each.value:.10g} | {each.demand} | {_mark(each)} |"
    yield f"\nMeasured by `make prove CLAIM={claim}`; seeds stand in `tests/kit/testkit/claims/{claim}.py`."
    yield (
        f"\nPython {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
        + "."
    )
    yield f"\nMachine: {describe_machine()}."


def describe_machine() -> str:
    """Return the processor, its cores, memory and system that figures come from."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} cores of {names[0] if names else platform.machine()}, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release().partition('-')[0]}"
    )


def _mark(figure: Figure) -> str:
    if figure.direction == "noted":
        return "noted"
    return "holds" if figure.holds else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
