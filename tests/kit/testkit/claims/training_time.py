"""How long `fedele train` takes on all of CDNOW: race, referee, report and MLflow, in a process of its own.

The small form trains on the published tenth and has no bar for its time: a test may not depend on a clock.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from cli.cdnow import save_cdnow
from contracts.stopwatch import measure_seconds
from testkit.claims.figure import Figure, Scale, noted
from testkit.commands import call_fedele
from testkit.tenth import load_sample

MOST_SECONDS = 240
ASKED = ("--as-of", "1998-04-02", "--horizon-days", "90")


def measure(scale: Scale) -> list[Figure]:
    """Return the wall time of one training and what it left behind."""
    with TemporaryDirectory(prefix="fedele-time-") as folder:
        log = None
        if scale.thorough:
            log = Path(folder) / "cdnow.csv"
            save_cdnow(log)
        workspace = load_sample(Path(folder) / "shop", log)
        with measure_seconds() as seconds:
            found = call_fedele(workspace.root, "train", *ASKED)
        pages = len(list(workspace.reports.glob("1.*")))
    took = "seconds of `fedele train`, wall clock"
    return [
        Figure(took, seconds(), MOST_SECONDS, "at most") if scale.thorough else noted(took, seconds()),
        Figure("customers trained on", found["population"]["scored"], 2_000, "at least"),
        Figure("families judged, simple rules among them", len(found["families"]), 7, "at least"),
        Figure("report document and pages written", pages, 1, "at least"),
    ]
