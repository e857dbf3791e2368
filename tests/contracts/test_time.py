"""Instants are UTC, dates are midnights of a zone, and the clock has one door."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import SettingsError
from contracts.time import (
    add_days,
    find_zone,
    last_observed_day,
    midnight,
    parse_as_of,
    read_clock,
    to_text,
)

EPOCH = datetime(1970, 1, 2, tzinfo=UTC)
instants = st.integers(0, 4 * 10**15).map(lambda microseconds: EPOCH + timedelta(microseconds=microseconds))


@given(instant=instants)
def test_text_of_an_instant_reads_back_as_the_same_instant(instant):
    assert parse_as_of(to_text(instant)) == instant
    assert to_text(instant).endswith("Z")


@given(instant=instants)
def test_the_last_observed_day_is_the_day_before_a_midnight_and_the_same_day_otherwise(instant):
    last = last_observed_day(instant)
    assert midnight(last) < instant <= midnight(last) + timedelta(days=1)


def test_cdnow_has_seen_the_last_of_september_as_of_october():
    assert last_observed_day(parse_as_of("1997-10-01")) == date(1997, 9, 30)


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-29", 23), ("2026-10-25", 25), ("2026-03-28", 24), ("2028-02-29", 24)],
)
def test_a_day_in_rome_is_as_long_as_the_clocks_make_it(day, hours):
    begin = date.fromisoformat(day)
    length = midnight(begin + timedelta(days=1), "Europe/Rome") - midnight(begin, "Europe/Rome")
    assert length == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("text", "zone", "meant"),
    [
        ("2026-03-29", "Europe/Rome", "2026-03-28T23:00:00Z"),
        ("2026-10-26", "Europe/Rome", "2026-10-25T23:00:00Z"),
        ("2028-02-29", "UTC", "2028-02-29T00:00:00Z"),
        ("2026-10-25T02:30:00+02:00", "Europe/Rome", "2026-10-25T00:30:00Z"),
        ("2026-10-25T02:30:00+01:00", "Europe/Rome", "2026-10-25T01:30:00Z"),
        ("2026-01-31T12:00:00.25Z", "Asia/Tokyo", "2026-01-31T12:00:00.250000Z"),
    ],
)
def test_a_date_is_a_midnight_of_the_zone_and_an_offset_wins_over_it(text, zone, meant):
    assert to_text(parse_as_of(text, zone)) == meant


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yesterday", "'yesterday' is no date"),
        ("2027-02-29", "'2027-02-29' is no date"),
        ("31/01/2026", "'31/01/2026' is no date"),
        ("", "'' is no date"),
        ("2026-01-31T12:00", "has no offset from UTC: add one"),
        ("0001-01-01", "'0001-01-01' is no date"),
        ("9999-12-31T23:59:59-05:00", "is no date"),
    ],
)
def test_what_is_no_instant_is_refused_with_a_good_example(text, said):
    with pytest.raises(SettingsError, match=said):
        parse_as_of(text, "Europe/Rome")


@pytest.mark.parametrize("name", ["Rome", "", "Europe", "../../etc/passwd", "x" * 300])
def test_what_is_no_zone_is_refused_with_a_good_example(name):
    with pytest.raises(SettingsError, match="is no time zone: write one like 'Europe/Rome'"):
        find_zone(name)


def test_days_are_of_86400_seconds_on_both_sides_of_a_clock_change():
    assert add_days(midnight(date(2026, 3, 29), "Europe/Rome"), 1.5) == datetime(2026, 3, 30, 11, tzinfo=UTC)
    assert add_days(datetime(2026, 3, 30, tzinfo=UTC), -1) == datetime(2026, 3, 29, tzinfo=UTC)


def test_a_stopped_clock_always_shows_its_instant(monkeypatch):
    monkeypatch.setenv("FEDELE_CLOCK", "1998-07-01T09:00:00+02:00")
    assert read_clock() == datetime(1998, 7, 1, 7, tzinfo=UTC)


def test_a_clock_stopped_at_no_instant_is_refused(monkeypatch):
    monkeypatch.setenv("FEDELE_CLOCK", "noon")
    with pytest.raises(SettingsError, match="'noon' is no date"):
        read_clock()


def test_the_running_clock_is_in_utc_and_goes_forward():
    first = read_clock()
    assert first.tzinfo is UTC
    assert read_clock() >= first
