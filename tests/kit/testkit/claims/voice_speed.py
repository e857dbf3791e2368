"""`fedele voice` on 100,000 short comments, all different: how long the first run takes, and the second.

Both runs read a CSV and write one, with a cache folder between them, in processes of their own. The small
form measures 400 comments, where only the equality of both answers has a bar.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from contracts.randomness import generator
from features.synthetic.comments import load_comments
from testkit.claims.figure import Figure, Scale, noted
from testkit.commands import call_fedele

MANY, FEW, SEED = 100_000, 400, 2160
FIRST_BAR, SECOND_BAR = 40 * 60, 20
LONGEST = 200


def measure(scale: Scale) -> list[Figure]:
    """Return the seconds of both runs, and whether they said the same."""
    count = MANY if scale.thorough else FEW
    with TemporaryDirectory() as place:
        folder = Path(place)
        comments = invent_comments(count)
        pd.DataFrame({"comment": comments}).to_csv(folder / "comments.csv", index=False)
        first, second = (_run(folder, name) for name in ("first.csv", "second.csv"))
        same = (folder / "first.csv").read_bytes() == (folder / "second.csv").read_bytes()
    times = (("first", first["seconds"], FIRST_BAR), ("second", second["seconds"], SECOND_BAR))
    return [
        Figure("different comments", len(set(comments)), count, "equals"),
        Figure("comments read", first["texts"], count, "equals"),
        *(
            Figure(f"seconds of the {name} run", seconds, bar, "at most")
            if scale.thorough
            else noted(f"seconds of the {name} run", seconds)
            for name, seconds, bar in times
        ),
        Figure("both runs wrote the same file (1: yes)", float(same), 1, "equals"),
    ]


def invent_comments(count: int) -> list[str]:
    """Return different short comments: two of the simulator's in one language, and a number of days."""
    banks = [
        [text for (_, _, code), texts in load_comments().items() for text in texts if code == language]
        for language in ("en", "it")
    ]
    units = ("days", "giorni")
    draws = generator(SEED, "comments").integers(0, len(banks[0]), (count, 2))
    return [
        f"{banks[place % 2][one]} {banks[place % 2][other]} ({place} {units[place % 2]})"[:LONGEST]
        for place, (one, other) in enumerate(draws.tolist())
    ]


def _run(folder: Path, name: str) -> dict[str, Any]:
    return call_fedele(folder, "voice", "comments.csv", "--text", "comment", "--out", name, "--cache", "kept")
