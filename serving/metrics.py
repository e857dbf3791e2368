"""Counts and times of requests by route template, as Prometheus reads them; never a path, an id or a name.

Each worker counts for itself and leaves its counts in a folder that the workers of one service share, so that
whichever worker is asked answers for all of them.
"""

import json
import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

BOUNDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0)
"""Upper bounds of the histogram, in seconds."""
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_Key = tuple[str, str, str, int]


class Metrics:
    """Counts of one process, by workspace, route template, method and status."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._times: dict[_Key, list[float]] = {}
        self._folder: Path | None = None

    def note(self, line: Mapping[str, Any], seconds: float) -> None:
        """Count one answered request, as its log line describes it."""
        key = (line.get("workspace", "-"), line["route"], line["method"], int(line["status"]))
        with self._lock:
            times = self._times.setdefault(key, [0.0] * (len(BOUNDS) + 2))
            times[bisect_left(BOUNDS, seconds)] += 1
            times[-1] += seconds

    def share(self, folder: Path) -> None:
        """Count together with the workers that have the same parent and share ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        mine = f"{os.getppid()}-"
        for file in folder.glob("*.json"):
            if not file.name.startswith(mine):
                file.unlink(missing_ok=True)
        self._folder = folder

    def save(self) -> None:
        """Leave the counts for the other workers; a full disk costs only that."""
        if self._folder is None:
            return
        file = self._folder / f"{os.getppid()}-{os.getpid()}.json"
        aside = file.with_suffix(".new")
        try:
            aside.write_text(json.dumps(self._list()), encoding="utf-8")
            aside.replace(file)
        except OSError:
            return

    def render(self, workspace: str, gauges: Mapping[str, float]) -> bytes:
        """Return what a key of ``workspace`` may know: its own requests, and those of callers without a key.

        ``gauges`` are values of this instant by name.
        """
        together: dict[_Key, list[float]] = {}
        for key, times in self._read():
            if key[0] in (workspace, "-"):
                known = together.setdefault(key, [0.0] * len(times))
                together[key] = [one + other for one, other in zip(known, times, strict=True)]
        return "\n".join([*_render_requests(together), *_render_gauges(gauges), ""]).encode()

    def _read(self) -> Iterator[tuple[_Key, list[float]]]:
        lists = [self._list()]
        if self._folder is not None:
            mine = f"{os.getppid()}-{os.getpid()}.json"
            others = (file for file in self._folder.glob(f"{os.getppid()}-*.json") if file.name != mine)
            lists.extend(json.loads(file.read_text(encoding="utf-8")) for file in others)
        for each in lists:
            for workspace, route, method, status, times in each:
                yield (workspace, route, method, status), times

    def _list(self) -> list[tuple[str, str, str, int, list[float]]]:
        with self._lock:
            return [(*key, list(times)) for key, times in self._times.items()]


def _render_requests(together: Mapping[_Key, list[float]]) -> Iterator[str]:
    totals: Counter[tuple[str, str, int]] = Counter()
    routes: dict[tuple[str, str], list[float]] = {}
    for (_, route, method, status), times in sorted(together.items()):
        totals[(route, method, status)] += int(sum(times[:-1]))
        known = routes.setdefault((route, method), [0.0] * len(times))
        routes[(route, method)] = [one + other for one, other in zip(known, times, strict=True)]
    yield "# HELP fedele_requests_total Requests answered, by route template."
    yield "# TYPE fedele_requests_total counter"
    for (route, method, status), count in totals.items():
        yield f'fedele_requests_total{{route="{route}",method="{method}",status="{status}"}} {count}'
    yield "# HELP fedele_request_seconds Seconds until the answer was complete."
    yield "# TYPE fedele_request_seconds histogram"
    for (route, method), times in routes.items():
        labels, sum_so_far = f'route="{route}",method="{method}"', 0.0
        for bound, within in zip((*map(str, BOUNDS), "+Inf"), times, strict=False):
            sum_so_far += within
            yield f'fedele_request_seconds_bucket{{{labels},le="{bound}"}} {sum_so_far:.0f}'
        yield f"fedele_request_seconds_count{{{labels}}} {sum_so_far:.0f}"
        yield f"fedele_request_seconds_sum{{{labels}}} {times[-1]:.6f}"


def _render_gauges(gauges: Mapping[str, float]) -> Iterator[str]:
    for name, value in sorted(gauges.items()):
        yield f"# TYPE fedele_{name} gauge"
        yield f"fedele_{name} {value:g}"
