import pytest
from babel.numbers import format_currency, format_decimal
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ContractError
from features.wording.numbers import FORMATS, format_value
from features.wording.template import parse_template

MONEY = st.floats(-1e7, 1e7, allow_nan=False)


def italian(value, kind, forms=()):
    return format_value(value, kind, "it", "EUR", forms).replace("\u00a0", " ")


@given(MONEY)
def test_money_reads_as_babel_writes_it_for_britain_and_italy(value):
    assert format_value(value, "money", "en", "EUR") == format_currency(value, "EUR", locale="en_GB")
    assert format_value(value, "money", "it", "EUR") == format_currency(value, "EUR", locale="it_IT")


@given(st.integers(0, 10**9))
def test_a_count_reads_as_babel_writes_it_and_takes_the_right_form(value):
    number = format_decimal(value, locale="it_IT")
    assert (
        italian(float(value), "count", ("ordine", "ordini"))
        == f"{number} {'ordine' if value == 1 else 'ordini'}"
    )


@given(st.floats(0, 4000, allow_nan=False))
def test_days_stay_days_up_to_ninety_and_never_become_longer_words_for_less(value):
    said = format_value(value, "days", "en")
    assert said.endswith(("day", "days")) == (value < 90.5)
    assert said.startswith("1 ") == (said in ("1 day", "1 month", "1 year"))


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (1234.5, "money", "1.234,50 €"),
        (-3.0, "money", "-3,00 €"),
        (0.0873, "percent", "8,7 %"),
        (0.873, "percent", "87 %"),
        (1234567.891, "number", "1.234.567,89"),
        (1.94, "ratio", "1,9"),
        (0.3, "days", "meno di un giorno"),
        (1, "every", "giorno"),
        (400, "days", "13 mesi"),
        (900, "days", "2,5 anni"),
        (10, "month", "ottobre"),
        (1.0, "flag", "sì"),
        ("Milano", "text", "Milano"),
        (2.0, "text", "2"),
    ],
)
def test_a_number_reads_as_italians_write_it(value, kind, expected):
    assert italian(value, kind) == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.08, "l'8 %"),
        (0.11, "l'11 %"),
        (0.8, "l'80 %"),
        (0.18, "il 18 %"),
        (0.1, "il 10 %"),
        (8.0, "l'800 %"),
    ],
)
def test_an_italian_article_fits_the_sound_of_the_number(share, expected):
    assert italian(share, "percent", ("il ", "l'")) == expected


def test_a_template_with_an_unknown_format_is_refused_by_name():
    with pytest.raises(ContractError, match=r"'rfm\.orders:dozens' has no known format"):
        parse_template("{rfm.orders:dozens}")
    assert {"days", "count", "money", "percent", "ratio", "number", "text", "month"} <= set(FORMATS)
