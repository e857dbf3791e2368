"""Personal data out of a text before anything is stored or shown: e-mail, IBAN, payment card, phone."""

import re

EMAIL, IBAN, CARD, PHONE = "[email]", "[iban]", "[card]", "[phone]"

_COUNTRIES = {
    15: "NO",
    16: "BE",
    18: "DK FI FO GL NL",
    19: "MK SI",
    20: "AT BA EE KZ LT LU XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HU LB PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU",
    31: "MT SC",
    32: "LC",
}

IBAN_LENGTHS = {country: length for length, countries in _COUNTRIES.items() for country in countries.split()}
"""Characters of an IBAN by country (ISO 13616 registry)."""

_AT = r"(?:@|\s?[(\[]\s?(?:at|chiocciola|arroba)\s?[)\]]\s?)"
_WRITTEN_AT = re.compile(r"[(\[]\s?(?:at|chiocciola|arroba)\s?[)\]]", re.IGNORECASE)
_EMAIL = re.compile(rf"[\w.+%'’-]+{_AT}(?:[\w-]+\.)+[^\W\d_]{{2,}}", re.IGNORECASE)
_IBAN_START = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d{2}(?=[ .-]?[A-Za-z0-9])")
_DIGITS = re.compile(r"(?<![\w.,])(?:\d[ .-]?){12,}\d(?![\w]|[.,]\d)")
_CARD_GROUPS = re.compile(r"1[3-9]|4,4,4,[1-4]|4,4,4,4,[1-3]|4,6,[45]")
_PHONE = re.compile(
    r"(?<![\w.,@#/+-])(?P<plus>\+|00)?\(?\d{1,5}\)?(?:[ ./-]{0,2}\(?\d{1,5}\)?){1,9}(?![\w@%]|[.,]\d)"
)
_CALLED = re.compile(
    r"(?i)\b(?:tel|telefono|teléfono|téléphone|telefon|telefone|phone|mobile|mobil|cell|cellulare|móvil|movil|"
    r"portable|handy|handynummer|telemóvel|celular|numero|número|number|nummer|numéro|whatsapp|call|chiamatemi|"
    r"llámenme|appelez|fax)\b[^\d\n+(]{0,12}(?P<number>\+?\(?\d(?:[ ./()-]{0,2}\d){5,14})(?![\w%]|[.,]\d)"
)
_MONEY_BEFORE = re.compile(r"(?:[€$£¥]|\b(?:eur|euro|usd|gbp|chf|brl|r\$))\s*$", re.IGNORECASE)
_MONEY_AFTER = re.compile(
    r"\s*(?:[€$£¥%]|(?:eur|euro|euros|usd|gbp|chf|brl|dollars?|pounds|reais)\b)", re.IGNORECASE
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}([.,])\d{3}(?:\1\d{3})*")
_YEARS = re.compile(r"(?:1[89]|20)\d\d(?:\s?[-/–]\s?(?:1[89]|20)\d\d|(?:[ /](?:1[89]|20)\d\d)+)?")
_DATE = re.compile(r"(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ]\d{4})(?: \d{1,2})?")
_FEWEST, _SHORTEST, _LONGEST = 6, 9, 15


def mask(text: str) -> str:
    """Return the text with e-mail addresses, IBANs, card and phone numbers named instead of shown.

    IBANs count with right check digits and cards with right Luhn digits, in groups or in one; phones with 9
    to 15 digits, with fewer after a word like "phone". Prices, years, dates and counts stay. Masking twice
    is masking once.

    Examples:
        >>> mask("Write to anna@example.org or call +39 06 1234 5678, order 4711 of 2024 cost 1.234,50 €")
        'Write to [email] or call [phone], order 4711 of 2024 cost 1.234,50 €'
        >>> mask("IBAN GB82 WEST 1234 5698 7654 32, card 4111 1111 1111 1111")
        'IBAN [iban], card [card]'
    """
    if "@" in text or _WRITTEN_AT.search(text):
        text = _EMAIL.sub(EMAIL, text)
    digits = sum(map(str.isdigit, text))
    if digits:
        text = _mask_ibans(text)
    if digits < _FEWEST:
        return text
    text = _DIGITS.sub(lambda found: _name_cards(found[0]), text)
    text = _PHONE.sub(_name_phone, text)
    return _CALLED.sub(_name_called, text)


def has_iban_digits(compact: str) -> bool:
    """Return whether a text without blanks has the length and check digits of an IBAN of its country.

    Examples:
        >>> has_iban_digits("GB82WEST12345698765432"), has_iban_digits("GB83WEST12345698765432")
        (True, False)
    """
    if (
        not compact.isascii()
        or not compact.isalnum()
        or IBAN_LENGTHS.get(compact[:2].upper()) != len(compact)
    ):
        return False
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1


def has_card_digits(digits: str) -> bool:
    """Return whether 13 to 19 digits end with the check digit of Luhn, as payment cards do.

    Examples:
        >>> has_card_digits("4111111111111111"), has_card_digits("4111111111111112")
        (True, False)
    """
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def _mask_ibans(text: str) -> str:
    parts, start = [], 0
    for found in _IBAN_START.finditer(text):
        if found.start() >= start:
            end = _find_iban_end(text, found.start())
            if end:
                parts += [text[start : found.start()], IBAN]
                start = end
    return "".join([*parts, text[start:]])


def _find_iban_end(text: str, start: int) -> int:
    """Return where the IBAN that begins at ``start`` ends, 0 where none does."""
    length = IBAN_LENGTHS.get(text[start : start + 2].upper(), 0)
    compact, place = "", start
    while place < len(text) and len(compact) < length:
        sign = text[place]
        if sign.isascii() and sign.isalnum():
            compact += sign
        elif sign not in " .-":
            break
        place += 1
    ends = place == len(text) or not text[place].isalnum()
    return place if ends and length and has_iban_digits(compact) else 0


def _name_cards(said: str) -> str:
    """Return digits in groups with the cards among them named; a count before or behind one is none of it."""
    groups = list(re.finditer(r"\d+", said))
    for first in range(len(groups)):
        for last in range(min(first + 5, len(groups)), first, -1):
            sizes = ",".join(str(len(group[0])) for group in groups[first:last])
            digits = "".join(group[0] for group in groups[first:last])
            if _CARD_GROUPS.fullmatch(sizes) and has_card_digits(digits):
                end = groups[last - 1].end()
                return said[: groups[first].start()] + CARD + _name_cards(said[end:])
    return said


def _name_phone(found: re.Match[str]) -> str:
    said = found[0]
    digits = sum(map(str.isdigit, said))
    long_enough = _SHORTEST - 2 * bool(found["plus"]) <= digits <= _LONGEST
    number = said.strip()
    if not long_enough or _THOUSANDS.fullmatch(number) or _DATE.fullmatch(number) or _YEARS.fullmatch(number):
        return said
    if _MONEY_BEFORE.search(found.string, 0, found.start()) or _MONEY_AFTER.match(found.string, found.end()):
        return said
    return PHONE


def _name_called(found: re.Match[str]) -> str:
    number = found["number"]
    if _YEARS.fullmatch(number) or _DATE.fullmatch(number) or _MONEY_AFTER.match(found.string, found.end()):
        return found[0]
    return found[0][: found.start("number") - found.start()] + PHONE
