"""One raw column of anyone's table to numbers or text: what a cell means, and what cannot be told."""

import re
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from contracts.errors import ContractError
from contracts.time import SECONDS_PER_DAY

BLANK = frozenset({"", "na", "n/a", "nan", "null", "<na>"})
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+", re.ASCII)
GROUPED_NUMBER = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)
ID_WORDS = frozenset({"id", "ids", "index", "key", "uuid", "row", "number", "nr", "codice"})
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-zÀ-ÿ]+")

FEW_VALUES = 50
FEW_WORDS = 5
MOSTLY = 0.95

Column = tuple["pd.Series[Any]", str]


def words_of(name: str) -> tuple[str, ...]:
    """Return the whole words of a column's name, in small letters.

    Examples:
        >>> words_of("customerID"), words_of("data_disdetta2"), words_of("ChurnReason")
        (('customer', 'id'), ('data', 'disdetta'), ('churn', 'reason'))
    """
    return tuple(word.lower() for word in CAMEL.split(name) if word)


def to_texts(values: "pd.Series[Any]") -> list[str | None]:
    """Return each cell as trimmed text, None where blank or missing; whole floats without a point.

    Examples:
        >>> to_texts(pd.Series([" a", "", None, 2.0], dtype=object))
        ['a', None, None, '2']
    """
    absent = values.isna().to_numpy()
    return [
        None if missing else _text_of(cell) for cell, missing in zip(values.tolist(), absent, strict=True)
    ]


def _text_of(cell: Any) -> str | None:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    text = str(cell).strip()
    return None if text.lower() in BLANK else text


def type_column(values: "pd.Series[Any]", name: str, decimal_comma: bool = False) -> Column:
    """Return a column as float64 or as text (object, None missing), and a remark, empty mostly.

    Numbers, dates (days since 1970) and yes/no types are numbers. Text is a number where every filled cell
    is one; up to five odd words among at least 95 % numbers count as missing, which the remark says; fewer
    than 50 different values are a category; other mixtures are refused.

    Raises:
        ContractError: numbers and text are mixed, a value is infinite, or a comma may mean two things.

    Examples:
        >>> type_column(pd.Series(["1", " ", "2.5"]), "fee")[0].tolist()
        [1.0, nan, 2.5]
        >>> type_column(pd.Series(["1,5", "2"]), "fee", decimal_comma=True)[0].tolist()
        [1.5, 2.0]
        >>> type_column(pd.Series(["1,500", "2"]), "fee")
        Traceback (most recent call last):
        ...
        contracts.errors.ContractError: Column 'fee' writes numbers with a comma ...
    """
    typed = _typed(values)
    if typed is not None:
        if np.isinf(typed).any():
            raise ContractError(f"Column {name!r} holds an infinite value: mend it or leave it out.")
        return typed, ""
    plain = _plain_numbers(values)
    if plain is not None:
        return plain, ""
    texts = to_texts(values)
    filled = sorted({text for text in texts if text is not None})
    if filled and all(map(DATE.fullmatch, filled)):
        return _dates(texts, name), ""
    if any(map(COMMA_NUMBER.fullmatch, filled)) and all(_is_number(each, any_comma=True) for each in filled):
        if not decimal_comma:
            raise ContractError(
                f"Column {name!r} writes numbers with a comma: write 12.5, or part the columns with ';'."
            )
        texts = [text and text.replace(",", ".") for text in texts]
        filled = sorted({text for text in texts if text is not None})
    return _numbers_or_text(texts, filled, name)


def _numbers_or_text(texts: list[str | None], filled: list[str], name: str) -> Column:
    odd = {text for text in filled if not _is_number(text)}
    if not odd:
        return _numbers(texts), ""
    count = sum(text is not None for text in texts)
    strange = sum(text in odd for text in texts)
    if len(odd) <= FEW_WORDS and len(filled) > FEW_VALUES and strange <= (1 - MOSTLY) * count:
        remark = f"Column {name!r}: {strange} of {count} filled cells are no numbers and count as missing."
        return _numbers([None if text in odd else text for text in texts]), remark
    if len(filled) > FEW_VALUES and 2 * strange < count:
        raise ContractError(
            f"Column {name!r} mixes {count - strange} numbers with {strange} cells of text: "
            "mend it or leave it out."
        )
    return pd.Series(texts, dtype=object), ""


def is_date(values: "pd.Series[Any]") -> bool:
    """Return whether ``type_column`` reads a column as days since 1970: instants, or text that is all dates.

    Examples:
        >>> is_date(pd.Series(["2026-01-31", " "])), is_date(pd.Series(["31", "2026-01-31"]))
        (True, False)
    """
    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind == "M":
        return True
    if pd.api.types.is_numeric_dtype(values.dtype):
        return False
    filled = [text for text in to_texts(values.drop_duplicates()) if text is not None]
    return bool(filled) and all(map(DATE.fullmatch, filled))


def is_identifier(values: "pd.Series[Any]", name: str) -> bool:
    """Return whether a column of ``type_column`` names its rows: all filled and different, text or an "id".

    Examples:
        >>> is_identifier(pd.Series([float(n) for n in range(60)]), "customerID")
        True
        >>> is_identifier(pd.Series([float(n) for n in range(60)]), "revenue")
        False
    """
    if len(values) <= FEW_VALUES or values.isna().any() or not values.is_unique:
        return False
    return values.dtype == object or bool(ID_WORDS & set(words_of(name)))


def group_rows(columns: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return one number per row (n,), equal for rows equal in every column; missing equals missing.

    Examples:
        >>> group_rows(pd.DataFrame({"fee": [1.0, float("nan"), 1.0], "plan": ["a", None, "a"]}))
        array([0, 1, 0])
    """
    if columns.empty:
        return np.arange(len(columns), dtype=np.int64)
    digest = pd.util.hash_pandas_object(columns, index=False)
    return np.asarray(pd.factorize(digest)[0], dtype=np.int64)


def _typed(values: "pd.Series[Any]") -> "pd.Series[Any] | None":
    """Return a column whose type is known already as float64; None for text."""
    kind = values.dtype
    if isinstance(kind, pd.DatetimeTZDtype) or kind.kind == "M":
        return (values - pd.Timestamp(0, tz=getattr(kind, "tz", None))) / pd.Timedelta(days=1)
    if kind.kind == "m":
        return values.dt.total_seconds() / SECONDS_PER_DAY
    if pd.api.types.is_bool_dtype(kind) or pd.api.types.is_numeric_dtype(kind):
        return values.astype("float64")
    if kind.kind == "O" and not values.isna().all():
        filled = values.dropna()
        if filled.map(lambda cell: isinstance(cell, bool | int | float | Decimal)).all():
            return values.map(lambda cell: float("nan") if pd.isna(cell) else float(cell)).astype("float64")
    return None


def _plain_numbers(values: "pd.Series[Any]") -> "pd.Series[Any] | None":
    """Return a text column as numbers where every filled cell is a finite one; None elsewhere.

    It changes no answer of the cell by cell reading, which takes seconds on a large table.
    """
    try:
        trimmed = compute.utf8_trim_whitespace(pa.array(values, type=pa.string(), from_pandas=True))
        filled = compute.if_else(compute.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
        numbers = compute.cast(filled, pa.float64()).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None
    typed = pd.Series(numbers, dtype="float64")
    return None if np.isinf(typed).any() or typed.isna().all() else typed


def _is_number(text: str, any_comma: bool = False) -> bool:
    if NUMBER.fullmatch(text):
        return bool(np.isfinite(float(text)))
    return any_comma and bool(COMMA_NUMBER.fullmatch(text) or GROUPED_NUMBER.fullmatch(text))


def _numbers(texts: list[str | None]) -> "pd.Series[Any]":
    return pd.Series([float("nan") if text is None else float(text) for text in texts], dtype="float64")


def _dates(texts: list[str | None], name: str) -> "pd.Series[Any]":
    try:
        instants = pd.to_datetime(pd.Series(texts, dtype=object), format="ISO8601", utc=True)
    except ValueError as error:
        raise ContractError(f"Column {name!r} holds a date that is none: mend it or leave it out.") from error
    return (instants - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
