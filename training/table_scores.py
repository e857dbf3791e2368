"""A new table scored by a model of tables: one row each, a probability and up to three reasons in words."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from contracts.errors import ContractError, NotEnoughData, StoreError
from contracts.feature_frame import Feature, FeatureFrame, FeatureList
from contracts.scores import Language
from features.wording.catalogue import load_catalogue
from training.models.table_model import TableModel
from training.table import read_file, write_file
from training.table_columns import to_texts, type_column

Floats = npt.NDArray[np.float64]

ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, eq=False)
class NewTable:
    """A table as the model reads it: ``ids`` (n,) as text, how many columns it did not need, and remarks."""

    frame: FeatureFrame
    ids: list[str | None]
    ignored: int
    remarks: tuple[str, ...]


def read_new_table(
    file: Path, features: FeatureList, customer_id: str | None = None, usual_id: str | None = None
) -> NewTable:
    """Return the columns of a model from a file read as ``read_table`` reads it.

    Args:
        file: ``.parquet``, or CSV (compressed or not).
        features: the model's list; each is found by the name it had in the training table.
        customer_id: column that names the customer; by default ``usual_id`` where the file has it, else rows
            are numbered from 1.
        usual_id: what that column was called in training.

    Raises:
        ContractError: a column of the model is missing or holds text where numbers were learned from.
        NotEnoughData: the file has no rows.
    """
    raw, decimal_comma = read_file(file)
    wanted = [feature.label for feature in features]
    if customer_id is None and usual_id in raw.columns:
        customer_id = usual_id
    for name in [*wanted, *([] if customer_id is None else [customer_id])]:
        if name not in raw.columns:
            raise ContractError(
                f"Column {name!r} is not among the {raw.shape[1]} columns of {file.name}: add it, empty "
                "where nothing is known."
            )
    if not len(raw):
        raise NotEnoughData(f"{file.name} has no rows: nobody to score.")
    columns, remarks = {}, []
    for feature in features:
        columns[feature.name], remark = _conform(raw[feature.label], feature, decimal_comma)
        remarks += [remark] if remark else []
    ids = [str(row) for row in range(1, len(raw) + 1)] if customer_id is None else to_texts(raw[customer_id])
    blank = sum(each is None for each in ids)
    if blank:
        remarks.append(f"Column {customer_id!r} is blank in {blank} rows: they are scored without a name.")
    frame = FeatureFrame(pd.DataFrame({"row": np.arange(len(raw))}), pd.DataFrame(columns), features)
    needed = {*wanted, *([] if customer_id is None else [customer_id])}
    return NewTable(frame, list(ids), raw.shape[1] - len(needed), tuple(remarks))


def count_unseen(model: TableModel, frame: FeatureFrame) -> dict[str, int]:
    """Return how many cells of each text column hold a level that is "other" to the model, where any do.

    Names are the table's own.
    """
    vocabularies = model.model.encoder_.vocabularies
    counts = {
        feature.label: int(
            (frame.values[feature.name].notna() & ~frame.values[feature.name].isin(levels)).sum()
        )
        for feature in frame.features
        if (levels := vocabularies.get(feature.name)) is not None
    }
    return {name: count for name, count in counts.items() if count}


def score_table(
    model: TableModel, table: NewTable, language: Language, progress: Callable[[int, int], None] | None = None
) -> pa.Table:
    """Return customer_id, churn_probability and reasons (JSON text), a row each, in the table's order.

    A reason is column, direction (raises, lowers), contribution in probability and text.
    """
    parts = []
    for start in range(0, len(table.frame), ROWS_AT_ONCE):
        chosen = np.zeros(len(table.frame), dtype=bool)
        chosen[start : start + ROWS_AT_ONCE] = True
        parts.append(_score_part(model, table.frame.rows(chosen), language))
        if progress is not None:
            progress(min(start + ROWS_AT_ONCE, len(table.frame)), len(table.frame))
    probability = np.concatenate([part[0] for part in parts])
    reasons = [text for part in parts for text in part[1]]
    return pa.table(
        {
            "customer_id": pa.array(table.ids, pa.string()),
            "churn_probability": pa.array(probability.round(6)),
            "reasons": pa.array(reasons, pa.string()),
        }
    )


def save_scores(file: Path, scores: pa.Table) -> None:
    """Write scores as Parquet or CSV by the file's name; it appears there only when complete.

    Raises:
        StoreError: the name ends in neither .parquet nor .csv.
    """
    if file.suffix not in (".parquet", ".csv"):
        raise StoreError(f"{file.name} ends neither in .parquet nor in .csv: choose one of them.")
    write_file(file, scores)


def _score_part(model: TableModel, frame: FeatureFrame, language: Language) -> tuple[Floats, list[str]]:
    catalogue = load_catalogue().for_company(frame.features)
    labels = {feature.name: feature.label for feature in frame.features}
    rows = frame.values.astype(object).where(frame.values.notna(), None).to_dict("records")
    texts = []
    for values, parts in zip(rows, model.strongest(frame), strict=True):
        said = [
            {
                "column": labels[part.column],
                "direction": "raises" if part.points > 0 else "lowers",
                "contribution": round(part.points, 6),
                "text": catalogue.sentence(part.column, language, values, model.peers),
            }
            for part in parts
        ]
        texts.append(json.dumps(said, ensure_ascii=False))
    return model.predict(frame), texts


def _conform(values: "pd.Series[Any]", feature: Feature, decimal_comma: bool) -> "tuple[pd.Series[Any], str]":
    if feature.dtype == "category":
        return pd.Series(to_texts(values), dtype=object), ""
    typed, remark = type_column(values, feature.label, decimal_comma)
    if typed.dtype != object:
        return typed, remark
    filled = int(typed.notna().sum())
    if filled:
        raise ContractError(
            f"Column {feature.label!r} holds numbers in the model and text in {filled} cells here: mend it."
        )
    return pd.Series(np.full(len(typed), np.nan)), ""
