"""Why a row is quarantined: a stable code, and a sentence that says what would mend it."""

from collections.abc import Mapping

REASONS: Mapping[str, str] = {
    "broken_line": "the line has another number of fields than the header, or a quote that never closes",
    "encoding": "the line is not readable in the file's encoding: name it, for example --encoding cp1252",
    "missing": "{column} is empty but required",
    "blank_id": "{column} is empty or a word for nothing (NULL, nan, None, n/a, -): such rows belong to "
    "nobody",
    "nul_byte": "{column} holds a NUL byte",
    "too_long": "{column} is longer than allowed",
    "not_allowed": "{column} is none of the allowed words: see --template for them",
    "flag_malformed": "{column} is neither yes nor no: write true or false",
    "not_a_number": "{column} is no number",
    "decimal_comma": (
        "{column} has a comma: --decimal , reads it as the decimal sign, --decimal . as a separator of "
        "thousands"
    ),
    "decimal_point": "{column} has a separator of thousands: --decimal . would read it",
    "decimal_declared": "{column} does not read with the declared --decimal",
    "currency_sign": (
        "{column} carries a currency: leave the bare number, and name the currency in a column or with "
        "--currency"
    ),
    "out_of_range": "{column} is too large to be stored",
    "out_of_bounds": "{column} is outside what it can be",
    "date_format": "{column} is not written like 2026-01-31: name its format, for example --dates %d/%m/%Y",
    "no_such_date": "{column} is no date or time that exists",
    "no_timezone": "{column} is a time without a zone: name it, for example --timezone Europe/Rome",
    "time_skipped": "{column} fell into the hour that the clocks skipped: write it with its offset from UTC",
    "time_twice": "{column} fell into the hour that the clocks showed twice: write it with its offset "
    "from UTC",
    "too_early": "{column} is before 1980, which is how an empty date is often written",
    "in_future": "{column} is later than now",
    "recorded_before_occurred": "recorded_at is earlier than occurred_at",
    "before_start": "{column} is earlier than occurred_at",
    "currency_malformed": "currency is no code of three letters like EUR",
    "currency_missing": "currency is empty: fill it, or name it with --currency",
    "currency_other": (
        "the currency is not the workspace's and [rates] in fedele.toml has no dated rate for it on that day"
    ),
    "conflict": "the same {column} is there with other content recorded at the same instant",
    "line_differs": "lines of one {column} differ in customer, currency, channel, refund or day",
    "line_of_bad_order": "another line of this order is quarantined",
    "refund_unmatched": "no earlier order of this customer with enough left fits this refund: load the "
    "orders first",
    "refund_exceeds": "the refund is larger than what is left of its order",
    "refund_positive": "a row with refund_of must be negative",
    "erased": "the customer was erased at their own request: leave them out of the export",
    "attribute_type": "{column} is of another type than in the rows already stored",
}


def explain_reason(code: str, column: str) -> str:
    """Return the sentence for a code; ``KeyError`` for an unknown one.

    Examples:
        >>> explain_reason("missing", "amount")
        'amount is empty but required'
    """
    return REASONS[code].format(column=column)
