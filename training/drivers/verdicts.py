"""Which pains matter and which do not, which pleasures do: what feels bad or good set beside its money."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from training.drivers.feelings import Feeling
from training.drivers.moments import LEVEL, Study
from training.drivers.regression import Estimate, correct
from training.drivers.topics import Topic
from training.drivers.touchpoints import Touch

Source = Literal["moment", "touchpoint", "topic"]
Matter = Literal["matters", "does_not_matter", "unclear"]

SMALL_SHARE = 0.2
"""An effect does not matter where its whole interval lies within a fifth of what customers usually spend."""
LEAST_SHARE = 0.5
"""A topic is a pain or a pleasure where more than half of its texts are of that kind."""


@dataclass(frozen=True)
class Verdict:
    """Something that feels bad (``pain``) or good (``pleasure``), and whether it shows in money."""

    source: Source
    name: str
    feels: Literal["pain", "pleasure"]
    matter: Matter
    money: Estimate

    def to_dict(self) -> dict[str, object]:
        """Return the verdict as JSON values."""
        return {
            "source": self.source,
            "name": self.name,
            "feels": self.feels,
            "matter": self.matter,
            "money": self.money.to_dict(),
        }


def weigh(money: Estimate, usual: float, p: float) -> Matter:
    """Return whether money matters beside the ``usual`` spend of a horizon; ``p`` is its p-value after Holm.

    Examples:
        >>> [weigh(each, 40.0, each.p) for each in (Estimate(-9.0, 2.0), Estimate(0.5, 1.0))]
        ['matters', 'does_not_matter']
        >>> weigh(Estimate(-9.0, 4.0), 40.0, 0.2)
        'unclear'
    """
    if p < LEVEL:
        return "matters"
    return "does_not_matter" if max(-money.low, money.high) <= SMALL_SHARE * usual else "unclear"


def judge(
    studies: Sequence[Study],
    feelings: dict[str, Feeling],
    touches: Sequence[Touch],
    topics: Sequence[Topic],
    usual: float,
) -> tuple[Verdict, ...]:
    """Return what feels bad or good and has a figure, each touchpoint once: by its study where it has one.

    ``feelings`` are of the moments, by name; ``usual`` is the mean spend of a horizon, money. A moment's
    counterpart is not judged by itself.
    """
    studied = {
        name for each in studies if each.effect is not None for name in (each.moment, each.counterpart)
    }
    found = [*_judge_studies(studies, feelings)]
    found += [*_judge_touches([each for each in touches if each.name not in studied], usual)]
    found += [*_judge_topics(topics, usual)]
    return tuple(found)


def _judge_studies(studies: Sequence[Study], feelings: dict[str, Feeling]) -> Iterator[Verdict]:
    """Yield moments; where no answers tell how one feels, it is what the table of counterparts says."""
    for each in studies:
        if each.effect is None:
            continue
        felt = feelings.get(each.moment)
        told = felt is not None and felt.gap is not None
        sign = felt.sign if felt is not None and told else (-1 if each.feels == "pain" else 1)
        if sign:
            matter = weigh(each.effect, each.usual, each.p_holm)
            yield Verdict("moment", each.moment, "pain" if sign < 0 else "pleasure", matter, each.effect)


def _judge_touches(touches: Sequence[Touch], usual: float) -> Iterator[Verdict]:
    priced = [(each, each.money) for each in touches if each.money is not None]
    for (each, money), p in zip(priced, correct([money.p for _, money in priced]), strict=True):
        if each.feeling.sign:
            feels: Literal["pain", "pleasure"] = "pain" if each.feeling.sign < 0 else "pleasure"
            yield Verdict("touchpoint", each.name, feels, weigh(money, usual, p), money)


def _judge_topics(topics: Sequence[Topic], usual: float) -> Iterator[Verdict]:
    """Yield topics that are mostly complaints or mostly praise, by the money of complaints less praise."""
    priced = [(each, each.money) for each in topics if each.money is not None]
    for (each, money), p in zip(priced, correct([money.p for _, money in priced]), strict=True):
        matter = weigh(money, usual, p)
        if each.complaints > LEAST_SHARE * each.texts:
            yield Verdict("topic", each.name, "pain", matter, money)
        elif each.praises > LEAST_SHARE * each.texts:
            yield Verdict("topic", each.name, "pleasure", matter, money.times(-1.0))
