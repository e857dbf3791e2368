"""What is true of a simulated company: rates a week, probabilities per event, money in ``currency``."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from contracts.errors import ContractError


@dataclass(frozen=True)
class Buying:
    """Purchases at a rate ~ Gamma(r, rate alpha) a week until the customer drops out.

    ``geometric`` dropout (BG/NBD): after each repeat purchase with a probability ~ Beta(a, b).
    ``exponential`` (Pareto/NBD): at any time after the first order, at a rate ~ Gamma(s, rate beta) a week.
    """

    r: float = 0.8
    alpha: float = 6.0
    a: float = 0.8
    b: float = 2.5
    dropout: Literal["geometric", "exponential"] = "geometric"
    s: float = 0.6
    beta: float = 12.0

    def __post_init__(self) -> None:
        """Raise ``ContractError`` where ``dropout`` is neither way to leave."""
        if self.dropout not in ("geometric", "exponential"):
            raise ContractError(f"dropout {self.dropout!r} is no way to leave: geometric or exponential.")


@dataclass(frozen=True)
class Spending:
    """Gamma-Gamma: an order is worth Gamma(p, rate nu), nu ~ Gamma(q, rate v); ``margin`` is a mean share.

    ``tail``, above 1, is the shape of a Pareto factor of mean 1 on each order; None: no such factor.
    """

    p: float = 6.25
    q: float = 3.74
    v: float = 15.44
    margin: float | None = 0.4
    tail: float | None = None

    def __post_init__(self) -> None:
        """Raise ``ContractError`` where the factor of ``tail`` has no mean."""
        if self.tail is not None and not self.tail > 1:
            raise ContractError(f"tail {self.tail} gives order values no mean: give more than 1, or nothing.")


@dataclass(frozen=True)
class Season:
    """Yearly swing of the purchase rate: 1 + strength cos(2 pi (day of year - peak_day) / 365.25)."""

    strength: float = 0.3
    peak_day: float = 340.0


@dataclass(frozen=True)
class Channels:
    """Shares of the channels and what using several is worth.

    ``spread`` is the mean share of orders a customer places outside the favourite channel. ``effect`` is the
    true log-multiplier of the purchase rate for omnichannel customers; ``selection`` makes customers of high
    rate more likely to be omnichannel without any effect of it. ``by_orders`` is selection by a recorded
    fact: the logit of ordering outside the favourite channel moves by it per unit of ln(order number).
    """

    mix: tuple[tuple[str, float], ...] = (("web", 0.45), ("store", 0.3), ("app", 0.15), ("phone", 0.1))
    omnichannel: float = 0.35
    spread: float = 0.4
    effect: float = 0.15
    selection: float = 0.5
    by_orders: float = 0.0


@dataclass(frozen=True)
class Planted:
    """A moment beside those every company has: a share ``exposure`` of orders brings the opportunity.

    Of these a share ``rate`` meets the touchpoint ``moment``, which moves the mood by ``mood``, the others
    meet ``counterpart``, which moves nothing.
    """

    moment: str
    counterpart: str
    exposure: float
    rate: float
    mood: float

    def __post_init__(self) -> None:
        """Raise ``ContractError`` where a share is none."""
        for name, share in (("exposure", self.exposure), ("rate", self.rate)):
            if not 0 <= share <= 1:
                raise ContractError(f"{name} {share} of {self.moment!r} is no share: give 0 to 1.")


@dataclass(frozen=True)
class Moments:
    """How often something happens around an order, and by how much it moves the mood (standard units)."""

    late_rate: float = 0.12
    late_mood: float = -0.9
    ticket_rate: float = 0.08
    ticket_if_late: float = 0.25
    slow_rate: float = 0.3
    slow_mood: float = -0.8
    refund_rate: float = 0.03
    refund_mood: float = -0.6
    kindness_rate: float = 0.08
    kindness_mood: float = 0.6
    visits_per_order: float = 3.0
    planted: tuple[Planted, ...] = ()

    def __post_init__(self) -> None:
        """Make planted moments of the tables that a file holds."""
        given: tuple[Any, ...] = tuple(self.planted)
        rows = tuple(each if isinstance(each, Planted) else Planted(**each) for each in given)
        object.__setattr__(self, "planted", rows)


@dataclass(frozen=True)
class Mood:
    """A hidden mood with customer level ``spread`` and memory ``persistence`` from order to order.

    ``dropout`` is subtracted from the logit of a ``geometric`` dropout probability per unit of mood, ``rate``
    added to the log of the purchase rate.
    """

    spread: float = 0.6
    persistence: float = 0.6
    noise: float = 0.3
    dropout: float = 0.9
    rate: float = 0.25


@dataclass(frozen=True)
class Answers:
    """Who answers surveys, and how. ``silent`` customers never do.

    The logit of answering moves by ``by_mood`` per unit of mood and ``by_behaviour`` per standard unit of the
    log purchase rate. ``text`` is the share of answers with a comment, ``italian`` the share of Italian
    speakers.
    """

    response: float = 0.3
    silent: float = 0.25
    by_mood: float = 0.3
    by_behaviour: float = 0.3
    text: float = 0.5
    italian: float = 0.5
    noise: float = 1.1


@dataclass(frozen=True)
class Survey:
    """One relational survey of everybody, ``days_before`` the end of what models see; ``held`` or not.

    ``response`` is the share that answers of a passive without reminder whose record moves nothing. The logit
    of answering moves by ``by_orders`` per standard unit of the log of orders so far, ``by_gap`` per standard
    unit of days since the last one, ``by_late`` where a delivery was late, ``by_channel`` for those who
    prefer the first channel: all of it is on record. ``detractor_odds`` and ``promoter_odds`` multiply the
    odds of answering against a passive with the same record. A lot sends the share ``reminded`` a reminder
    that multiplies the odds by ``reminder_odds``; both arms are on record, none where ``reminded`` is 0.
    """

    held: bool = False
    days_before: float = 14.0
    response: float = 0.3
    by_orders: float = 0.0
    by_gap: float = 0.0
    by_late: float = 0.0
    by_channel: float = 0.0
    detractor_odds: float = 1.0
    promoter_odds: float = 1.0
    reminded: float = 0.5
    reminder_odds: float = 1.0

    def __post_init__(self) -> None:
        """Raise ``ContractError`` where an odds ratio is not above 0."""
        for name in ("detractor_odds", "promoter_odds", "reminder_odds"):
            if not getattr(self, name) > 0:
                raise ContractError(f"{name} {getattr(self, name)} is no odds ratio: give more than 0.")


@dataclass(frozen=True)
class Contract:
    """Subscriptions: who has one, its fees, and the monthly hazard of ending it at mood 0."""

    share: float = 0.15
    hazard: float = 0.03
    plans: tuple[tuple[str, float], ...] = (("basic", 9.9), ("plus", 19.9), ("family", 29.9))


@dataclass(frozen=True)
class Campaigns:
    """``count`` campaigns, each reaching ``reach`` of the known customers, ``holdout`` of those untouched.

    ``effect`` is the true added probability of an order within 45 days of the contact.
    """

    count: int = 3
    reach: float = 0.15
    holdout: float = 0.2
    effect: float = 0.05
    cost: float = 1.5


@dataclass(frozen=True)
class CompanyParameters:
    """Everything that is true of a simulated company.

    ``acquisition_share`` is the part of ``days`` over which first orders are spread; ``prospects`` the share
    of customers who never order. The last ``future_days`` of ``days`` lie beyond ``as_of``: they judge.
    ``delays`` adds a ``recorded_at`` column to every table. ``plain`` companies have customers and orders
    only, and none of the effects.
    """

    customers: int = 2_000
    start: date = date(2024, 1, 1)
    days: int = 730
    currency: str = "EUR"
    acquisition_share: float = 0.6
    prospects: float = 0.02
    delays: bool = False
    plain: bool = False
    future_days: int = 0
    buying: Buying = field(default_factory=Buying)
    spending: Spending = field(default_factory=Spending)
    season: Season = field(default_factory=Season)
    channels: Channels = field(default_factory=Channels)
    moments: Moments = field(default_factory=Moments)
    mood: Mood = field(default_factory=Mood)
    answers: Answers = field(default_factory=Answers)
    survey: Survey = field(default_factory=Survey)
    contract: Contract = field(default_factory=Contract)
    campaigns: Campaigns = field(default_factory=Campaigns)

    def __post_init__(self) -> None:
        """Raise ``ContractError`` naming the first number that makes no company."""
        for name, value, low in (("customers", self.customers, 1), ("days", self.days, 30)):
            if value < low:
                raise ContractError(f"A simulated company cannot have {name} {value}: give at least {low}.")
        if not 0 < self.acquisition_share <= 1:
            raise ContractError(f"acquisition_share {self.acquisition_share} is not in (0, 1]: give a share.")
        if not 0 <= self.future_days < self.days:
            raise ContractError(
                f"future_days {self.future_days} of {self.days} days leave no past: give fewer, 0 or more."
            )

    @classmethod
    def without_effects(
        cls,
        customers: int = 2_000,
        days: int = 730,
        buying: Buying | None = None,
        spending: Spending | None = None,
    ) -> "CompanyParameters":
        """Return a company of the pure BG/NBD and Gamma-Gamma models, to recover their parameters from.

        Examples:
            >>> CompanyParameters.without_effects(days=364).season.strength
            0.0
        """
        return cls(
            customers=customers,
            days=days,
            prospects=0.0,
            plain=True,
            buying=buying or Buying(),
            spending=replace(spending or Spending(), margin=None),
            season=Season(strength=0.0),
            channels=Channels(mix=(("web", 1.0),), omnichannel=0.0, effect=0.0, selection=0.0),
            moments=Moments(late_rate=0, ticket_rate=0, refund_rate=0, kindness_rate=0, visits_per_order=0),
            mood=Mood(spread=0, noise=0, dropout=0, rate=0),
            contract=Contract(share=0),
            campaigns=Campaigns(count=0),
        )

    @property
    def begins_at(self) -> datetime:
        """The first instant of the company."""
        return datetime.combine(self.start, time(), UTC)

    @property
    def ends_at(self) -> datetime:
        """The instant (exclusive) at which the simulation stops."""
        return self.begins_at + timedelta(days=self.days)

    @property
    def as_of(self) -> datetime:
        """The instant that divides what models may see from what judges them."""
        return self.ends_at - timedelta(days=self.future_days)
