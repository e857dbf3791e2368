"""Strict reading of JSON bodies: what is doubtful is refused, and no message repeats what was sent."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from contracts.scores import FIELDS, LANGUAGES, Language
from serving.api.problems import Fault, Problem

MOST_IDS = 1_000
LONGEST_ID = 256
_LONGEST_NUMBER = 25
_KNOWN = ("customer_ids", "include", "lang")


@dataclass(frozen=True)
class Asked:
    """A request for scores. ``customer_ids`` holds what was sent, an item that is no id included."""

    customer_ids: Sequence[Any]
    include: tuple[str, ...] | None = None
    language: Language | None = None


def read_json(body: bytes) -> Any:
    """Return the value of a JSON body.

    Raises:
        Problem: no UTF-8, no JSON, nested too deeply, a key twice, a number that is not finite or absurd.

    Examples:
        >>> read_json(b'{"a": 1}')
        {'a': 1}
        >>> read_json(b'{"a": 1, "a": 2}')
        Traceback (most recent call last):
        serving.api.problems.Problem: ...
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_read_object,
            parse_constant=_refuse_constant,
            parse_float=_read_float,
            parse_int=_read_integer,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate fails here
    except RecursionError:
        raise Problem("too-deep", "Send a flat object.") from None
    except (UnicodeError, json.JSONDecodeError):
        raise Problem("unreadable", "Send one JSON object in UTF-8, without a byte order mark.") from None
    return value


def read_asked(body: bytes) -> Asked:
    """Return the request for scores in a body; ``Problem`` when it is not one."""
    return check_asked(read_json(body))


def check_asked(value: Any) -> Asked:
    """Return the request for scores in a parsed value.

    Raises:
        Problem: it is no object, has an unknown field or a field of another type, or asks for too many.
    """
    if not isinstance(value, dict):
        raise Problem("unreadable", 'Send a JSON object such as {"customer_ids": ["C-1"]}.')
    faults = [
        Fault("", "unknown_field", f"Only {', '.join(_KNOWN)} are known.")
        for name in value
        if name not in _KNOWN
    ]
    ids, include, language = value.get("customer_ids"), value.get("include"), value.get("lang")
    if not isinstance(ids, list):
        faults.append(Fault("/customer_ids", "not_a_list", "A list of customer ids is needed."))
    elif len(ids) > MOST_IDS:
        raise Problem("too-large", f"Ask for at most {MOST_IDS} customers at once.")
    if include is not None and not _is_fields(include):
        faults.append(Fault("/include", "unknown_value", "A list of fields of the score record is needed."))
    if language is not None and language not in LANGUAGES:
        faults.append(Fault("/lang", "unknown_value", f"Choose from {', '.join(LANGUAGES)}."))
    if faults:
        raise Problem("invalid", "Mend what errors lists.", tuple(faults))
    chosen = None if include is None else tuple(include)
    return Asked(cast(list[Any], ids), chosen, cast(Language | None, language))


def is_customer_id(value: Any) -> bool:
    """Return whether ``value`` can name a customer: 1 to 256 characters, not blank, no control characters.

    Examples:
        >>> [is_customer_id(each) for each in ("C-1", " ", "a" + chr(0), 7, "x" * 257)]
        [True, False, False, False, False]
    """
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_ID:
        return False
    return all(character >= " " and not "\ud800" <= character <= "\udfff" for character in value)


def _is_fields(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) and name in FIELDS for name in value)


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise Problem(
            "invalid",
            "A key comes twice in one object.",
            (Fault("", "duplicate_key", "Send each key once."),),
        )
    return value


def _refuse_constant(name: str) -> NoReturn:
    del name
    raise Problem(
        "invalid", "A number is not finite.", (Fault("", "not_finite", "NaN and Infinity are no JSON."),)
    )


def _read_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _refuse_constant(text)
    return value


def _read_integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise Problem(
            "invalid", "A number is too long.", (Fault("", "number_too_long", "Send fewer digits."),)
        )
    return int(text)
