"""How each kind of column is read from text: an SQL expression for its value and one for its fault."""

from dataclasses import dataclass

from contracts.events import Column
from features.ingest.instants import InstantRule
from features.ingest.reader import quote

BLANKS = ("", r"\n", "null", "none", "nan", "n/a", "na", "#n/a", "nil", "undefined", "-", "--")
TRUE = ("true", "t", "yes", "y", "1", "si", "sì", "vero")
FALSE = ("false", "f", "no", "n", "0", "falso")
IDENTIFIERS = ("customer_id", "order_id", "refund_of")
EARLIEST = "TIMESTAMP '1980-01-01'"
FUTURE_STATES = ("ended_at",)
LENGTHS = {"text": 100_000}
_ID_LENGTH = 256
_LENGTH = 1_000
_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,6})?$"
_COMMA = r"^[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?$"
_THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
_WITH_COMMA = r"^[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+$"
_MARKED = r"[€$£¥₣₹]|^[A-Za-z]{3} ?[+-]?\d|\d ?[A-Za-z]{3}$"
_SQL_TYPES = {"money": "DECIMAL(18, 2)", "number": "DOUBLE", "integer": "BIGINT"}


@dataclass(frozen=True)
class Rules:
    """What a file declares of its fields: the decimal sign (None: a point, nothing else) and its instants."""

    decimal: str | None
    instants: InstantRule


@dataclass(frozen=True)
class Field:
    """A column of the contract (or an attribute) and the SQL of its trimmed text."""

    column: Column
    text: str
    typed: bool = False

    @property
    def is_id(self) -> bool:
        """Whether blank words are no value here and the length is that of an identifier."""
        return self.column.name in IDENTIFIERS or self.column.name.endswith("_id")


def value_of(field: Field, rules: Rules) -> str:
    """Return the SQL of the column's value, NULL where the text is missing or cannot be read."""
    kind, text = field.column.kind, field.text
    if kind == "instant":
        return rules.instants.value(text)
    if kind == "flag":
        yes, no = (f"WHEN lower({text}) IN {_listed(words)}" for words in (TRUE, FALSE))
        return f"CASE {yes} THEN true {no} THEN false END"
    if kind == "string":
        shown = f"lower({text})" if field.column.values else text
        blank = ("",) if field.column.name == "text" else BLANKS
        return f"CASE WHEN lower({text}) NOT IN {_listed(blank)} THEN {shown} END"
    number = f"TRY_CAST({_normalised(text, None if field.typed else rules.decimal)} AS {_SQL_TYPES[kind]})"
    return f"CASE WHEN isfinite({number}) THEN {number} + 0.0 END" if kind == "number" else number


def fault_of(field: Field, value: str, rules: Rules, now: str) -> str:
    """Return the SQL of the fault code, NULL for a sound field; ``value`` and ``now`` are SQL too."""
    column, text = field.column, field.text
    clauses: list[str] = []
    if column.required and not (column.kind == "string" and field.is_id):
        clauses.append(f"WHEN {text} IS NULL THEN 'missing'")
    if column.kind == "string":
        clauses += _string_faults(field, value)
    elif column.kind == "instant":
        clauses.append(
            f"WHEN ({rules.instants.fault(text, value)}) IS NOT NULL THEN {rules.instants.fault(text, value)}"
        )
        clauses.append(f"WHEN {value} < {EARLIEST} THEN 'too_early'")
        if column.name not in FUTURE_STATES:
            clauses.append(f"WHEN {value} > {now} + INTERVAL 5 MINUTE THEN 'in_future'")
    elif column.kind == "flag":
        clauses.append(f"WHEN {text} IS NOT NULL AND {value} IS NULL THEN 'flag_malformed'")
    else:
        clauses += _number_faults(field, value, None if field.typed else rules.decimal)
    return f"CASE {' '.join(clauses)} END" if clauses else "NULL"


def _string_faults(field: Field, value: str) -> list[str]:
    column, text = field.column, field.text
    longest = _ID_LENGTH if field.is_id else LENGTHS.get(column.name, _LENGTH)
    clauses = [
        f"WHEN contains({text}, chr(0)) THEN 'nul_byte'",
        f"WHEN length({text}) > {longest} THEN 'too_long'",
    ]
    if field.is_id and column.name not in ("refund_of", "campaign_id"):
        clauses.append(f"WHEN {value} IS NULL THEN 'blank_id'")
    elif column.required:
        clauses.append(f"WHEN {value} IS NULL THEN 'missing'")
    if column.values:
        clauses.append(f"WHEN {value} NOT IN {_listed(column.values)} THEN 'not_allowed'")
    return clauses


def _number_faults(field: Field, value: str, decimal: str | None) -> list[str]:
    text, column = field.text, field.column
    plain = _normalised(text, decimal)
    clauses = [
        f"WHEN {text} IS NULL THEN NULL",
        f"WHEN {plain} IS NOT NULL AND {value} IS NULL THEN 'out_of_range'",
        f"WHEN {plain} IS NULL AND regexp_matches({text}, '{_MARKED}') AND lower({text}) NOT IN "
        f"{_listed(BLANKS)}"
        " AND NOT lower(" + text + ") IN ('inf', '-inf', 'infinity') THEN 'currency_sign'",
    ]
    if decimal is None:
        clauses.append(
            f"WHEN {plain} IS NULL AND regexp_matches({text}, '{_WITH_COMMA}') THEN 'decimal_comma'"
        )
        clauses.append(
            f"WHEN {plain} IS NULL AND regexp_matches({text}, '{_THOUSANDS}') THEN 'decimal_point'"
        )
    else:
        either = f"regexp_matches({text}, '{_PLAIN}') OR regexp_matches({text}, '{_WITH_COMMA}')"
        clauses.append(f"WHEN {plain} IS NULL AND ({either}) THEN 'decimal_declared'")
    clauses.append(f"WHEN {plain} IS NULL THEN 'not_a_number'")
    if column.low is not None:
        clauses.append(f"WHEN {value} < {column.low:.0f} THEN 'out_of_bounds'")
    if column.high is not None:
        clauses.append(f"WHEN {value} > {column.high:.0f} THEN 'out_of_bounds'")
    return clauses


def _normalised(text: str, decimal: str | None) -> str:
    """Return the SQL of the number's text with a decimal point, NULL where it does not read so."""
    if decimal == ",":
        clean = f"replace(replace({text}, '.', ''), ',', '.')"
        return f"CASE WHEN regexp_matches({text}, '{_COMMA}') THEN {clean} END"
    thousands = (
        f" WHEN regexp_matches({text}, '{_THOUSANDS}') THEN replace({text}, ',', '')" if decimal else ""
    )
    return f"CASE WHEN regexp_matches({text}, '{_PLAIN}') THEN {text}{thousands} END"


def _listed(words: tuple[str, ...]) -> str:
    return f"({', '.join(quote(word) for word in words)})"
