"""Four small figures of a trained model as PNG bytes, drawn without any global state of matplotlib."""

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = npt.ArrayLike
BLUE = "#1f5fa8"
GREY = "#8a8f98"


def render_plots(
    churned: Numbers, churn_probability: Numbers, raw: Numbers, reasons: Mapping[str, float]
) -> dict[str, bytes]:
    """Return the four figures by file name; arrays of one length: labels 0 or 1, probabilities, raw scores.

    ``reasons`` is the mean absolute contribution (log-odds) of each family of reasons.
    """
    return {
        "calibration.png": render_calibration(churned, churn_probability),
        "lift.png": render_lift(churned, raw),
        "gain.png": render_gain(churned, raw),
        "reasons.png": render_reasons(reasons),
    }


def render_calibration(churned: Numbers, churn_probability: Numbers, bins: int = 10) -> bytes:
    """Return a PNG: share that churned against mean churn probability, in ``bins`` groups of equal size."""
    predicted, observed = calibration_points(churned, churn_probability, bins)
    figure, axes = _figure("Calibration", "churn probability", "share that churned")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    axes.plot(predicted, observed, color=BLUE, marker="o", markersize=4)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    return _png(figure)


def render_lift(churned: Numbers, raw: Numbers) -> bytes:
    """Return a PNG: churners among the first share k of the list, by raw score, against a random share k."""
    contacted, found = gain_points(churned, raw)
    figure, axes = _figure("Lift", "share of the list", "times better than chance")
    axes.axhline(1, color=GREY, linewidth=1, linestyle="--")
    # Below one in a hundred the ratio is noise.
    shown = contacted >= 0.01
    axes.plot(contacted[shown], found[shown] / contacted[shown], color=BLUE)
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    return _png(figure)


def render_gain(churned: Numbers, raw: Numbers) -> bytes:
    """Return a PNG: share of all churners found in the first share k of the list, by raw score."""
    contacted, found = gain_points(churned, raw)
    figure, axes = _figure("Gain", "share of the list", "share of churners found")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    axes.plot(contacted, found, color=BLUE)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    return _png(figure)


def render_reasons(reasons: Mapping[str, float], most: int = 12) -> bytes:
    """Return a PNG: the ``most`` heaviest families of reasons by mean absolute contribution."""
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:most]
    figure, axes = _figure("Reasons", "mean absolute contribution (log-odds)", "")
    names: Sequence[str] = [name for name, _ in ranked]
    axes.barh(range(len(ranked)), [weight for _, weight in ranked], color=BLUE)
    axes.set_yticks(range(len(ranked)), names)
    axes.invert_yaxis()
    return _png(figure)


def calibration_points(
    churned: Numbers, churn_probability: Numbers, bins: int = 10
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return mean probability and share churned of each group, by rising probability; no rows, no groups.

    Examples:
        >>> calibration_points([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.8], bins=2)
        (array([0.2, 0.7]), array([0., 1.]))
    """
    label, p = np.asarray(churned, dtype=np.float64), np.asarray(churn_probability, dtype=np.float64)
    groups = [group for group in np.array_split(np.argsort(p, kind="stable"), bins) if group.size]
    return np.array([p[group].mean() for group in groups]), np.array(
        [label[group].mean() for group in groups]
    )


def gain_points(churned: Numbers, raw: Numbers) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return share of the list and share of churners found, both from 0 to 1; equal scores share one point.

    Examples:
        >>> gain_points([1, 0, 1, 0], [3.0, 2.0, 1.0, 1.0])
        (array([0.  , 0.25, 0.5 , 1.  ]), array([0. , 0.5, 0.5, 1. ]))
    """
    label, score = np.asarray(churned, dtype=np.float64), np.asarray(raw, dtype=np.float64)
    if label.size == 0:
        return np.zeros(1), np.zeros(1)
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), label.size - 1)
    found = np.cumsum(label[order])[last] / max(label.sum(), 1.0)
    return np.append(0.0, (last + 1) / label.size), np.append(0.0, found)


def _figure(title: str, x: str, y: str) -> "tuple[Figure, Axes]":
    # Here, because importing matplotlib makes folders.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8, 3.6), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _png(figure: "Figure") -> bytes:
    stream = io.BytesIO()
    # Without the version of matplotlib: the same figures give the same bytes.
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()
