"""The slow twin of Pareto/NBD: customers who live for a while and buy one event at a time."""

from dataclasses import dataclass

import numpy as np

from training.models.gamma_gamma import GammaGammaParameters
from training.models.history import History
from training.models.pareto_nbd_parameters import ParetoNBDParameters


@dataclass(frozen=True)
class Customer:
    """What nobody sees: rate of purchases, length of life from now on and spend level."""

    rate: float
    life: float
    level: float


def simulate_purchases(customer: Customer, end: float, rng: np.random.Generator) -> list[float]:
    """Return the times in (0, end] at which a customer alive at 0 buys, in order."""
    times: list[float] = []
    now = rng.exponential(1.0 / customer.rate)
    while now <= min(end, customer.life):
        times.append(now)
        now += rng.exponential(1.0 / customer.rate)
    return times


def simulate_customer(
    pareto_nbd: ParetoNBDParameters,
    gamma_gamma: GammaGammaParameters,
    row: tuple[float, float, float],
    rng: np.random.Generator,
) -> Customer:
    """Return a customer drawn from the posterior of ``row`` = (x, T, m), known to be alive at T."""
    x, age, money = row
    known = x * money if x > 0 else 0.0
    rate = rng.gamma(pareto_nbd.r + x, 1.0 / (pareto_nbd.alpha + age))
    death = rng.gamma(pareto_nbd.s, 1.0 / (pareto_nbd.beta + age))
    level = rng.gamma(gamma_gamma.q + gamma_gamma.p * x, 1.0 / (gamma_gamma.v + known))
    return Customer(rate, rng.exponential(1.0 / max(death, 1e-12)), level)


def simulate_future(
    pareto_nbd: ParetoNBDParameters,
    gamma_gamma: GammaGammaParameters,
    row: tuple[float, float, float, float],
    ends: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[int, int, float]:
    """Return purchases in (0, ends[0]], purchases in (0, ends[1]] and spend in (0, ends[1]] after ``row``.

    ``row`` is (x, t_x, T, m); the customer may have dropped out since t_x.
    """
    x, recency, age, money = row
    if rng.random() >= float(pareto_nbd.p_alive(x, recency, age)):
        return 0, 0, 0.0
    customer = simulate_customer(pareto_nbd, gamma_gamma, (x, age, money), rng)
    times = simulate_purchases(customer, ends[1], rng)
    spend = sum(rng.gamma(gamma_gamma.p, 1.0 / customer.level) for _ in times)
    return sum(time <= ends[0] for time in times), len(times), float(spend)


def simulate_histories(
    pareto_nbd: ParetoNBDParameters,
    gamma_gamma: GammaGammaParameters,
    ages: np.ndarray,
    rng: np.random.Generator,
) -> History:
    """Return what is seen of new customers of these ages: frequency, recency, age and mean repeat spend."""
    seen = []
    for age in ages:
        customer = simulate_customer(pareto_nbd, gamma_gamma, (0.0, 0.0, 0.0), rng)
        times = simulate_purchases(customer, float(age), rng)
        spent = [rng.gamma(gamma_gamma.p, 1.0 / customer.level) for _ in times]
        mean = sum(spent) / len(spent) if spent else float("nan")
        seen.append((float(len(times)), times[-1] if times else 0.0, float(age), mean))
    return History(*np.array(seen).T.copy())


def weighted_by_history(
    pareto_nbd: ParetoNBDParameters, row: tuple[float, float, float], end: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Return P(alive at T) and P(no purchase in (T, T + end]) of ``row`` = (x, t_x, T).

    Customers drawn from the prior, each weighted by the likelihood of the row given his two rates, which
    needs no integral: lambda^x (mu e^-(lambda + mu) t_x + lambda e^-(lambda + mu) T) / (lambda + mu).
    """
    x, recency, age = row
    rate = rng.gamma(pareto_nbd.r, 1.0 / pareto_nbd.alpha, 400_000)
    death = rng.gamma(pareto_nbd.s, 1.0 / pareto_nbd.beta, rate.size)
    both = rate + death

    def weight(until: float) -> np.ndarray:
        return rate**x / both * (death * np.exp(-both * recency) + rate * np.exp(-both * until))

    seen = weight(age).mean()
    alive = (rate**x * np.exp(-both * age)).mean()
    return float(alive / seen), float(weight(age + end).mean() / seen)
