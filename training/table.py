"""Anyone's labelled table: a CSV or Parquet file as typed columns, labels and groups of equal rows.

The file's own column names are read here and nowhere else; errors name a column or a count, never a value.
"""

import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet

from contracts.errors import ContractError, NotEnoughData
from contracts.feature_frame import Feature, FeatureFrame, FeatureList
from features.slugs import slugs_of
from training.table_columns import group_rows, is_date, is_identifier, to_texts, type_column

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DELIMITERS = (",", ";", "\t", "|")
YES = frozenset({"yes", "y", "true", "t", "1", "1.0", "si", "sì"})
NO = frozenset({"no", "n", "false", "f", "0", "0.0"})
FAMILY, DATE = "column", "date"


@dataclass(frozen=True, eq=False)
class Table:
    """A labelled table.

    ``columns`` has the file's own names: float64 (NaN missing) or object (text, None missing). ``churned`` is
    (n,) 0 or 1. ``remarks`` say in words what was set aside, ``dates`` which numbers are days since 1970.
    """

    columns: pd.DataFrame
    churned: Floats
    remarks: tuple[str, ...] = ()
    dates: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.churned)

    @cached_property
    def groups(self) -> Ints:
        """One number per row (n,), equal for rows equal in every column, whatever their labels."""
        return group_rows(self.columns)

    @cached_property
    def frame(self) -> FeatureFrame:
        """The columns as a feature frame: names are slugs, each feature's label the file's own name."""
        slugs = slugs_of(self.columns.columns)
        features = FeatureList(
            tuple(
                Feature(
                    f"{FAMILY}.{slugs[name]}",
                    DATE if name in self.dates else "",
                    "blank in the file",
                    dtype="category" if self.columns[name].dtype == object else "float64",
                    label=name,
                )
                for name in self.columns.columns
            )
        )
        values = self.columns.set_axis(list(features.names), axis="columns")
        return FeatureFrame(pd.DataFrame({"row": np.arange(len(self))}), values, features)

    def without(self, *names: str) -> "Table":
        """Return the table without some columns."""
        return replace(self, columns=self.columns.drop(columns=list(names)))


def read_table(file: Path, label: str, customer_id: str | None = None, positive: str | None = None) -> Table:
    """Return a labelled table from a ``.parquet`` file, or from a CSV (compressed or not).

    Args:
        file: one row per customer, names in the first line; the delimiter is the one of ``, ; tab |`` that
            the first line has most of.
        label: column that says who left.
        customer_id: column that names the customer and predicts nothing.
        positive: the label's value for those who left; without it yes and no are understood in the usual
            spellings (yes, true, 1, sì).

    Raises:
        ContractError: a file or column is missing, or a column mixes numbers and text.
        NotEnoughData: no rows, no column beside the label, or one label only.
    """
    raw, decimal_comma = read_file(file)
    for name in (label, *([] if customer_id is None else [customer_id])):
        if name not in raw.columns:
            raise ContractError(f"Column {name!r} is not among the {raw.shape[1]} columns of {file.name}.")
    churned = read_label(raw[label], label, positive)
    columns, remarks, dates = {}, [], set()
    for name in raw.columns.drop([label] if customer_id is None else [label, customer_id]):
        typed, remark = type_column(raw[name], str(name), decimal_comma)
        remarks += [remark] if remark else []
        if is_identifier(typed, str(name)):
            remarks.append(f"Column {name!r} was set aside: every row has its own value, as an id would.")
            continue
        columns[str(name)] = typed
        if typed.dtype != object and is_date(raw[name]):
            dates.add(str(name))
    if not columns:
        raise NotEnoughData(f"{file.name}: no column is left beside the label {label!r} to predict from.")
    return Table(pd.DataFrame(columns), churned, tuple(remarks), frozenset(dates))


def read_label(values: "pd.Series[Any]", label: str, positive: str | None = None) -> Floats:
    """Return 1 for those who left and 0 for the others (n,).

    Raises:
        ContractError: a label is blank, or not told apart without ``positive``, or never ``positive``.
        NotEnoughData: all rows have one label.

    Examples:
        >>> read_label(pd.Series(["Yes", "no", "1"]), "left")
        array([1., 0., 1.])
        >>> read_label(pd.Series(["gone", "here"]), "left", positive="gone")
        array([1., 0.])
        >>> read_label(pd.Series(["gone", "here"]), "left")
        Traceback (most recent call last):
        ...
        contracts.errors.ContractError: Label 'left': 2 of its 2 values are neither yes nor no ...
    """
    texts = to_texts(values)
    blank = sum(text is None for text in texts)
    if blank:
        raise ContractError(f"Label {label!r} is blank in {blank} rows: fill them in or leave them out.")
    said = [str(text).strip() for text in texts]
    if positive is not None:
        wanted = positive.strip()
        churned = np.array([text == wanted for text in said], dtype=np.float64)
        if not churned.any() and len(said):
            raise ContractError(f"Label {label!r} never says {wanted!r}: --positive names one of its values.")
    else:
        lower = [text.lower() for text in said]
        distinct = set(lower)
        strange = len(distinct - YES - NO)
        if strange:
            raise ContractError(
                f"Label {label!r}: {strange} of its {len(distinct)} values are neither yes nor no in a usual "
                "spelling: name the one of those who left with --positive."
            )
        churned = np.array([text in YES for text in lower], dtype=np.float64)
    if not len(churned) or churned.min() == churned.max():
        raise NotEnoughData(f"Label {label!r} is the same in all {len(churned)} rows: nothing to learn.")
    return churned


def read_file(file: Path) -> tuple[pd.DataFrame, bool]:
    """Return a file's columns and whether a comma may be the decimal sign (where ``;`` parts the columns).

    Raises:
        ContractError: there is no such file, or it is neither, or a name stands twice in it.
    """
    if not file.is_file():
        raise ContractError(f"There is no file {file.name}: check the path given to --frame.")
    try:
        if file.suffix == ".parquet":
            return _frame_of(parquet.read_table(file), file), False
        delimiter = _find_delimiter(file)
        return _frame_of(_read_csv(file, delimiter), file), delimiter == ";"
    except (pa.ArrowInvalid, UnicodeDecodeError, EOFError) as error:
        raise ContractError(
            f"{file.name} cannot be read as {'Parquet' if file.suffix == '.parquet' else 'UTF-8 CSV'}: "
            "save it again in that form."
        ) from error


def write_file(file: Path, table: pa.Table) -> None:
    """Write a table as .parquet or else as CSV; it appears under its name only when complete."""
    draft = file.with_name(f".{file.name}.partial")
    with draft.open("wb") as sink:
        if file.suffix == ".csv":
            csv.write_csv(table, sink)
        else:
            parquet.write_table(table, sink, compression="zstd")
        sink.flush()
        os.fsync(sink.fileno())
    draft.replace(file)


def _read_csv(file: Path, delimiter: str) -> pa.Table:
    with pa.input_stream(file, compression="detect") as stream:
        names = csv.open_csv(stream, parse_options=csv.ParseOptions(delimiter=delimiter)).schema.names
    types = {name: pa.string() for name in names}
    return csv.read_csv(
        file,
        parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=False),
    )


def _find_delimiter(file: Path) -> str:
    with pa.input_stream(file, compression="detect") as stream:
        head = stream.read(65536).decode("utf-8", errors="ignore").partition("\n")[0]
    return max(DELIMITERS, key=lambda each: (head.count(each), -DELIMITERS.index(each)))


def _frame_of(table: pa.Table, file: Path) -> pd.DataFrame:
    """Return pandas columns; ``ContractError`` for a name that stands twice or a nested type."""
    names = [str(name).strip() for name in table.column_names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ContractError(f"{file.name} has the column {twice[0]!r} twice: rename or drop one.")
    for name, kind in zip(names, table.schema.types, strict=True):
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            raise ContractError(f"Column {name!r} holds {kind}: only numbers, dates and text can be read.")
    return table.rename_columns(names).to_pandas(ignore_metadata=True, strings_to_categorical=False)
