"""What one answer is worth on 0 to 10, and the net promoter score of a group; a person has none.

Promoters answer 9 or 10, passives 7 or 8, detractors 0 to 6 (Reichheld 2003). An answer on another scale is
placed by the two ends it was given on: 10 (score - scale_min) / (scale_max - scale_min), then rounded half up
to find its band: of five stars 5 is a promoter, 4 (7.5) a passive; of seven steps 7 is, 5 and 6 are passive.
``scale_max`` is the best possible answer, so where 7 means "very hard" an effort score is turned round before
it is loaded. Nothing is guessed: a score without both ends, outside them, or between ends that do not rise is
missing.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

TOP = 10.0
PASSIVE_FROM, PROMOTER_FROM = 6.5, 8.5
CODED: dict[tuple[float, float], tuple[float, ...]] = {
    (-103.0, 103.0): (-103.0, -102.0, -101.0, 100.0, 101.0, 102.0, 103.0)
}
"""Scales that are lists of codes, from worst to best, by their ends: Freshdesk calls 100 neutral."""

ANSWER_DAYS = 30
"""A survey request is answered by the first answer within so many days, and judged once they are over."""


@dataclass(frozen=True)
class Share:
    """A share of ``n`` with its interval, all in 0 to 1, None where ``n`` is 0."""

    n: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class GroupNps:
    """Answers of a group by band, and its score with its interval, -100 to 100, None without an answer."""

    promoters: int
    passives: int
    detractors: int
    value: float | None
    low: float | None
    high: float | None

    @property
    def n(self) -> int:
        """How many answers there are."""
        return self.promoters + self.passives + self.detractors


def to_ten(score: npt.ArrayLike, scale_min: npt.ArrayLike, scale_max: npt.ArrayLike) -> Floats:
    """Return answers (n,) on 0 to 10, NaN where the score or its scale cannot be used.

    Examples:
        >>> to_ten([4, 6, -101, 100, 9], [1, 1, -103, -103, np.nan], [5, 7, 103, 103, 10]).round(2)
        array([7.5 , 8.33, 3.33, 5.  ,  nan])
    """
    given, low, high = (np.asarray(each, dtype=np.float64) for each in (score, scale_min, scale_max))
    given, low, high = np.broadcast_arrays(given, low, high)
    usable = (low < high) & (given >= low) & (given <= high)
    ten = np.full(given.shape, np.nan)
    ten[usable] = (given[usable] - low[usable]) * TOP / (high[usable] - low[usable])
    for (first, last), codes in CODED.items():
        coded = usable & (low == first) & (high == last)
        ten[coded] = np.nan
        for place, code in enumerate(codes):
            ten[coded & (given == code)] = place * TOP / (len(codes) - 1)
    return ten


def bands_of(ten: npt.ArrayLike) -> Floats:
    """Return 1 for promoters, 0 for passives, -1 for detractors, NaN for a missing answer; (n,) as given.

    Examples:
        >>> bands_of([0, 6, 6.5, 8, 8.5, 10, np.nan])
        array([-1., -1.,  0.,  0.,  1.,  1., nan])
    """
    values = np.asarray(ten, dtype=np.float64)
    bands = np.where(values >= PROMOTER_FROM, 1.0, np.where(values >= PASSIVE_FROM, 0.0, -1.0))
    return np.asarray(np.where(np.isnan(values), np.nan, bands))


def nps(ten: npt.ArrayLike, confidence: float = 0.95) -> GroupNps:
    """Return the net promoter score of the answers (n,) on 0 to 10; missing ones are left out.

    The interval is the adjusted Wald interval of a difference of two shares of one sample (Bonett and Price
    2012, Journal of Educational and Behavioral Statistics 37): one promoter and one detractor are added, then
    p - d +- z sqrt((p + d - (p - d)^2) / (n + 2)), cut at -100 and 100. It holds the score itself.

    Examples:
        >>> group = nps([10, 9, 9, 7, 3])
        >>> group.value, round(group.low), round(group.high)
        (40.0, -37, 94)
        >>> nps([]).value is None
        True
    """
    bands = bands_of(ten)
    promoters, passives, detractors = (int((bands == band).sum()) for band in (1, 0, -1))
    n = promoters + passives + detractors
    if n == 0:
        return GroupNps(0, 0, 0, None, None, None)
    p, d = (promoters + 1) / (n + 2), (detractors + 1) / (n + 2)
    reach = _quantile(confidence) * float(np.sqrt((p + d - (p - d) ** 2) / (n + 2)))
    low, high = (100 * min(max(p - d + sign * reach, -1.0), 1.0) for sign in (-1, 1))
    return GroupNps(promoters, passives, detractors, 100 * (promoters - detractors) / n, low, high)


def find_answer_days(
    asked: npt.ArrayLike, asked_at: npt.ArrayLike, answered: npt.ArrayLike, answered_at: npt.ArrayLike
) -> Floats:
    """Return the days from each request (n,) to its customer's first answer at or after it.

    NaN where there is none within ``ANSWER_DAYS``. ``asked`` (n,) and ``answered`` (m,) are customers,
    ``asked_at`` and ``answered_at`` days on one clock. One answer may end several requests: a reminder and
    the invitation before it.

    Examples:
        >>> find_answer_days(["a", "a", "b"], [0, 5, 0], ["a", "b"], [6, 40])
        array([ 6.,  1., nan])
    """
    requests, moments = np.asarray(asked, dtype=str), np.asarray(asked_at, dtype=np.float64)
    who, when = np.asarray(answered, dtype=str), np.asarray(answered_at, dtype=np.float64)
    found = np.full(requests.shape, np.nan)
    for customer in np.unique(requests):
        own = np.sort(when[who == customer])
        mine = np.flatnonzero(requests == customer)
        place = np.searchsorted(own, moments[mine], side="left")
        inside = place < own.size
        found[mine[inside]] = own[place[inside]] - moments[mine[inside]]
    return np.asarray(np.where(found < ANSWER_DAYS, found, np.nan))


def response_rate(answer_days: npt.ArrayLike, age_days: npt.ArrayLike, confidence: float = 0.95) -> Share:
    """Return the share of requests that were answered, with Wilson's interval.

    ``answer_days`` (n,) as ``find_answer_days`` gives them, ``age_days`` (n,) how long ago each was sent; the
    younger than ``ANSWER_DAYS`` are left out, answered or not.

    Examples:
        >>> share = response_rate([2.0, np.nan, np.nan, 1.0], [100, 90, 80, 3])
        >>> share.n, round(share.value, 3), round(share.low, 3), round(share.high, 3)
        (3, 0.333, 0.061, 0.792)
    """
    days, age = np.asarray(answer_days, dtype=np.float64), np.asarray(age_days, dtype=np.float64)
    ripe = age >= ANSWER_DAYS
    n, k = int(ripe.sum()), int((ripe & ~np.isnan(days)).sum())
    if n == 0:
        return Share(0, None, None, None)
    z, p = _quantile(confidence), k / n
    middle, size = (p + z * z / (2 * n)), 1 + z * z / n
    reach = z * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
    return Share(n, p, max((middle - reach) / size, 0.0), min((middle + reach) / size, 1.0))


def _quantile(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
