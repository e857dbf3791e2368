"""How much one key may ask: a bucket of requests that fills again by itself, told in every answer."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import perf_counter

from serving.api.problems import Problem

WINDOW_SECONDS = 60
MOST_KEYS = 10_000


@dataclass
class _Bucket:
    """What is left of a key's requests, as of an instant of the monotonic clock."""

    left: float
    at: float


class RateLimits:
    """Buckets by key, of one process: with several workers a key may ask that many times as much."""

    def __init__(self, timer: Callable[[], float] = perf_counter) -> None:
        self._timer = timer
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key_id: str, quota: int) -> dict[str, str]:
        """Take one request of ``quota`` a minute and return the headers that tell what is left.

        Raises:
            Problem: nothing is left; it carries the headers, and when to come again.
        """
        now, rate = self._timer(), quota / WINDOW_SECONDS
        bucket = self._buckets.setdefault(key_id, _Bucket(quota, now))
        self._buckets.move_to_end(key_id)
        if len(self._buckets) > MOST_KEYS:
            self._buckets.popitem(last=False)
        bucket.left = min(quota, bucket.left + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.left < 1:
            wait = max(1, ceil((1 - bucket.left) / rate))
            headers = {"retry-after": str(wait), **_describe(0, quota, rate)}
            raise Problem("too-many", "The key has used up its requests for now.", headers=headers)
        bucket.left -= 1
        return _describe(bucket.left, quota, rate)


def _describe(left: float, quota: int, rate: float) -> dict[str, str]:
    full = ceil((quota - left) / rate)
    return {
        "ratelimit-policy": f'"requests";q={quota};w={WINDOW_SECONDS}',
        "ratelimit": f'"requests";r={int(left)};t={full}',
    }
