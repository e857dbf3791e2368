"""``python -m testkit.bench_service``: three routes of a real service at constant rates, beside an empty one.

Prints the latencies of a stored score, of a live score of a hundred customers and of a live re-score with a
new order, then those of an empty route mounted the same way, and the throughput of our stored-score route
(key check, access log, limits on) beside the empty one's, five alternating runs each. It stands on a small
simulated shop; ``make prove CLAIM=open_loop`` on five million events.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from testkit.claims.open_loop import ROUTES, build, compare, fire, serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; ``--seconds`` of each constant rate."""
    parser = argparse.ArgumentParser(prog="python -m testkit.bench_service", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        workspace, events, scored = build(Path(folder) / "shop", 1)
        print(f"a shop of {events} events and {scored} scored customers", flush=True)
        with serve(workspace, asked.seconds) as service:
            for name, route in ROUTES.items():
                print(f"{route.name}, {fire(service, name)}", flush=True)
            for figure in compare(service, Path(folder)):
                print(f"{figure.name}: {figure.value:.4g}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
