import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.text.masking import IBAN_LENGTHS, has_card_digits, has_iban_digits, mask

WORDS = st.sampled_from(["write", "to", "il mio", "numéro", "bitte", "llámame,", "parcel", "(late)", "40 €,"])
TLD = st.sampled_from(["com", "it", "co.uk", "museum", "de"])
NAME = st.text("abcdefghijklmnopqrstuvwxyz0123456789._+-", min_size=1, max_size=12).filter(
    lambda name: name[0].isalnum() and name[-1].isalnum()
)


def surround(words, secret):
    return " ".join([*words, secret, *reversed(words)])


@st.composite
def cards(draw):
    digits = draw(st.text("0123456789", min_size=12, max_size=18).filter(lambda text: len(set(text)) > 2))
    for last in "0123456789":
        if has_card_digits(digits + last):
            return digits + last
    raise AssertionError("one of ten digits is the check digit")


@st.composite
def ibans(draw):
    country, length = draw(st.sampled_from(sorted(IBAN_LENGTHS.items())))
    account = draw(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=length - 4, max_size=length - 4))
    moved = "".join(str(int(sign, 36)) for sign in f"{account}{country}00")
    return f"{country}{98 - int(moved) % 97:02d}{account}"


def group(digits, size, sign):
    return sign.join(digits[place : place + size] for place in range(0, len(digits), size))


@given(st.lists(WORDS, max_size=3), NAME, NAME.filter(lambda name: "." not in name and "_" not in name), TLD)
def test_no_e_mail_address_survives_among_words(words, name, domain, tld):
    masked = mask(surround(words, f"{name}@{domain.replace('+', '')}.{tld}"))
    assert "@" not in masked
    assert "[email]" in masked


@given(st.lists(WORDS, max_size=3), cards(), st.sampled_from(["", " ", "-"]))
def test_no_card_number_survives_in_groups_or_in_one(words, digits, sign):
    masked = mask(surround(words, group(digits, 4, sign)))
    assert "[card]" in masked
    assert not re.search(r"\d{4}", masked)


@given(st.lists(WORDS, max_size=3), ibans(), st.sampled_from(["", " "]), st.booleans())
def test_no_iban_survives_whatever_its_country(words, iban, sign, small):
    assert has_iban_digits(iban)
    written = group(iban, 4, sign)
    masked = mask(surround(words, written.lower() if small else written))
    assert masked == surround(words, "[iban]")


@pytest.mark.parametrize(
    "phone",
    [
        "+39 333 123 4567", "+393331234567", "0039 06 12345678", "06 1234 5678", "333 1234567", "333-1234567",
        "02/12345678", "+44 20 7946 0958", "020 7946 0958", "(020) 7946 0958", "+44 (0)20 7946 0958",
        "(555) 010-9999", "555-010-9999", "+1-555-010-9999", "06 12 34 56 78", "+33 6 12 34 56 78",
        "06.12.34.56.78",
        "0176 12345678", "+49 (0) 176 1234 5678", "612 345 678", "+34 612 34 56 78", "+351 912 345 678",
        "(11) 91234-5678", "+55 11 91234-5678",
    ],
)  # fmt: skip
def test_phones_of_many_countries_are_masked(phone):
    assert mask(f"call me on {phone}, please") == "call me on [phone], please"
    assert mask(phone) == "[phone]"


@pytest.mark.parametrize(
    "text",
    [
        "it cost 1.234,50 € and 1,234.50 $ before",
        "in 2019, 2020 and 2021 I ordered 12 times",
        "from 2019-2021, on 2024-01-31 and 31.01.2024",
        "order 4711 of 12/05/2023 with 3 items at 19,99",
        "I paid EUR 1234567890 no less, 999.999.999 euros",
        "waited 45 minutes, 10 days, 24/7 for 100% nothing",
        "a 16 GB phone with 5000 mAh",
        "item 123456 size 42 43 44",
        "2018 2019 2020",
        "rated 9/10, 8/10 and 10/10",
        "1.000.000 customers",
    ],
)
def test_prices_years_dates_and_counts_stay(text):
    assert mask(text) == text


@pytest.mark.parametrize(
    "text", ["tel. 555 1234", "Phone: 5551234", "mein Handy 0176/1234", "chiamatemi al 06 12 34"]
)
def test_a_short_number_is_a_phone_after_a_word_that_says_so(text):
    assert mask(text).endswith("[phone]")


def test_a_number_with_wrong_check_digits_is_neither_card_nor_iban():
    assert mask("4111 1111 1111 1112") == "4111 1111 1111 1112"
    assert "[iban]" not in mask("GB83 WEST 1234 5698 7654 32")
    assert not has_card_digits("0" * 16)


def test_an_address_written_around_the_sign_is_one_too():
    assert mask("anna.rossi (at) example.org") == "[email]"
    assert mask("anna [chiocciola] example.it!") == "[email]!"


@given(st.text(max_size=80) | st.lists(WORDS | cards() | ibans(), max_size=5).map(" ".join))
def test_masking_twice_is_masking_once(text):
    assert mask(mask(text)) == mask(text)


@given(st.text(max_size=80).filter(lambda text: "@" not in text and not any(map(str.isdigit, text))))
def test_a_text_without_digits_or_at_signs_stays_as_it_is(text):
    assert mask(text) == text or "(" in text or "[" in text
