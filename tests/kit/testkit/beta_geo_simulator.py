"""The slow twin of BG/NBD and Gamma-Gamma: customers who buy, spend and drop out one event at a time."""

from dataclasses import dataclass

import numpy as np

from training.models.beta_geo_parameters import BetaGeoParameters
from training.models.gamma_gamma import GammaGammaParameters
from training.models.history import History


@dataclass(frozen=True)
class Customer:
    """What nobody sees: rate, dropout probability and spend level."""

    rate: float
    dropout: float
    level: float


def simulate_purchases(customer: Customer, end: float, rng: np.random.Generator) -> list[float]:
    """Return the times in (0, end] at which a customer alive at 0 buys, in order."""
    times: list[float] = []
    now = rng.exponential(1.0 / customer.rate)
    while now <= end:
        times.append(now)
        if rng.random() < customer.dropout:
            break
        now += rng.exponential(1.0 / customer.rate)
    return times


def simulate_customer(
    beta_geo: BetaGeoParameters,
    gamma_gamma: GammaGammaParameters,
    row: tuple[float, float, float],
    rng: np.random.Generator,
) -> Customer:
    """Return a customer drawn from the posterior of ``row`` = (x, T, m), known to be alive at T."""
    x, age, money = row
    known = x * money if x > 0 else 0.0
    rate = rng.gamma(beta_geo.r + x, 1.0 / (beta_geo.alpha + age))
    dropout = rng.beta(beta_geo.a, beta_geo.b + x)
    level = rng.gamma(gamma_gamma.q + gamma_gamma.p * x, 1.0 / (gamma_gamma.v + known))
    return Customer(rate, dropout, level)


def simulate_future(
    beta_geo: BetaGeoParameters,
    gamma_gamma: GammaGammaParameters,
    row: tuple[float, float, float, float],
    ends: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[int, int, float]:
    """Return purchases in (0, ends[0]], purchases in (0, ends[1]] and spend in (0, ends[1]] after ``row``.

    ``row`` is (x, t_x, T, m); the customer may have dropped out at t_x.
    """
    x, recency, age, money = row
    if rng.random() >= float(beta_geo.p_alive(x, recency, age)):
        return 0, 0, 0.0
    customer = simulate_customer(beta_geo, gamma_gamma, (x, age, money), rng)
    times = simulate_purchases(customer, ends[1], rng)
    spend = sum(rng.gamma(gamma_gamma.p, 1.0 / customer.level) for _ in times)
    return sum(time <= ends[0] for time in times), len(times), float(spend)


def simulate_histories(
    beta_geo: BetaGeoParameters,
    gamma_gamma: GammaGammaParameters,
    ages: np.ndarray,
    rng: np.random.Generator,
) -> History:
    """Return what is seen of new customers of these ages: frequency, recency, age and mean repeat spend."""
    seen = []
    for age in ages:
        customer = simulate_customer(beta_geo, gamma_gamma, (0.0, 0.0, 0.0), rng)
        times = simulate_purchases(customer, float(age), rng)
        spent = [rng.gamma(gamma_gamma.p, 1.0 / customer.level) for _ in times]
        mean = sum(spent) / len(spent) if spent else float("nan")
        seen.append((float(len(times)), times[-1] if times else 0.0, float(age), mean))
    return History(*np.array(seen).T.copy())
