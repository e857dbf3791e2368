"""Hypothesis strategies for buy-till-you-die models: frequency 0 and 1 often, and the textbook holes."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from training.models.beta_geo_parameters import BetaGeoParameters
from training.models.gamma_gamma import GammaGammaParameters
from training.models.history import History
from training.models.pareto_nbd_parameters import ParetoNBDParameters
from training.models.purchase_model import PurchaseModel

Row = tuple[float, float, float, float]


def beta_geo_parameters() -> SearchStrategy[BetaGeoParameters]:
    """Return a strategy of parameters inside the gates, a = 1 and a + b <= 1 among them, in weeks."""
    return st.builds(
        BetaGeoParameters,
        r=st.floats(0.05, 10),
        alpha=st.floats(0.1, 100),
        a=st.one_of(st.sampled_from([0.3, 0.793, 1.0, 1.5]), st.floats(0.05, 15)),
        b=st.one_of(st.sampled_from([0.2, 0.7, 2.426]), st.floats(0.05, 50)),
        time_unit=st.just("week"),
    )


def pareto_nbd_parameters() -> SearchStrategy[ParetoNBDParameters]:
    """Return a strategy of parameters inside the gates, s = 1 and alpha = beta among them, in weeks."""
    scales = st.one_of(st.just(10.0), st.floats(0.5, 100))
    return st.builds(
        ParetoNBDParameters,
        r=st.floats(0.05, 10),
        alpha=scales,
        s=st.one_of(st.sampled_from([0.3, 0.606, 1.0, 1.5]), st.floats(0.05, 15)),
        beta=scales,
        time_unit=st.just("week"),
    )


def purchase_models() -> SearchStrategy[PurchaseModel]:
    """Return a strategy of both models of purchases."""
    return st.one_of(beta_geo_parameters(), pareto_nbd_parameters())


def gamma_gamma_parameters() -> SearchStrategy[GammaGammaParameters]:
    """Return a strategy of parameters inside the gates."""
    return st.builds(GammaGammaParameters, p=st.floats(0.2, 20), q=st.floats(1.2, 20), v=st.floats(0.1, 500))


def frequencies() -> SearchStrategy[int]:
    """Return a strategy of repeat purchase counts: 0 and 1 in two draws of three, up to 3,000."""
    return st.one_of(st.just(0), st.just(1), st.integers(2, 3000))


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """Draw one history (x, t_x, T, m) in weeks, on whole days."""
    x = draw(frequencies())
    age = draw(st.integers(0 if x == 0 else 1, 1500))
    if x == 0:
        return 0.0, 0.0, age / 7, float("nan")
    recency = draw(st.one_of(st.just(age), st.integers(1, age)))
    return float(x), recency / 7, age / 7, draw(st.floats(0.01, 5000))


def histories(min_size: int = 1, max_size: int = 12) -> SearchStrategy[History]:
    """Return a strategy of histories of several customers, equal ones among them."""
    return st.lists(rows(), min_size=min_size, max_size=max_size).map(history_of)


def history_of(given: list[Row]) -> History:
    """Return the history with these rows, in this order."""
    x, recency, age, money = (list(column) for column in zip(*given, strict=True))
    return History(x, recency, age, money)  # type: ignore[arg-type]
