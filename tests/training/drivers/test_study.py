"""The whole document: finite, told from the past alone, honest where there is too little."""

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from contracts.settings import Settings
from features.engine import Events
from features.synthetic import CompanyParameters, simulate_company
from testkit.companies import naive, open_company
from testkit.readings import read_bank
from training.drivers import find_drivers
from training.drivers.facts import read_facts
from training.drivers.feelings import Feeling
from training.drivers.moments import Study
from training.drivers.quotes import find_quotes
from training.drivers.regression import Estimate
from training.drivers.topics import classify
from training.drivers.verdicts import judge


def test_facts_from_as_of_on_change_nothing(company, document):
    as_of = company.parameters.as_of
    past = {name: naive(table[table["occurred_at"] < as_of]) for name, table in company.tables.items()}
    for column in ("first_response_at", "resolved_at"):
        tickets = past["tickets"]
        past["tickets"] = tickets.assign(
            **{column: tickets[column].where(tickets[column] < naive_instant(as_of))}
        )
    events = Events.from_frames(past).with_readings(read_bank())
    assert find_drivers(events, Settings(), as_of) == document


def naive_instant(instant):
    return instant.replace(tzinfo=None)


def test_the_document_is_json_with_finite_numbers_and_every_part(document):
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert len(document["topics"]) >= 8
    assert {each["name"] for each in document["owners"]} == {"brand", "partner", "customer", "social"}
    assert [each["kind"] for each in document["kinds"]][:3] == [
        "nps_relational",
        "nps_transactional",
        "nps_competitive",
    ]
    assert sum(each["texts"] for each in document["map"]) == sum(each["texts"] for each in document["topics"])


def test_promoters_go_with_more_money_than_detractors_after_an_order(document):
    (after_orders,) = (each for each in document["kinds"] if each["kind"] == "nps_transactional")
    (gap,) = (each for each in after_orders["differences"] if each["band"] == "promoter"
              and each["against"] == "detractor")  # fmt: skip
    assert gap["money"]["value"] > 0
    assert gap["money"]["low"] < gap["money"]["value"] < gap["money"]["high"]


def test_quotes_are_of_their_topic_and_mood_and_in_their_own_language(document):
    bank = read_bank().set_index("text")
    assert document["quotes"]
    for quote in document["quotes"]:
        row = bank.loc[quote["text"]]
        assert (row["topic"], row["language"], row["sentiment"] > 0) == (
            quote["topic"],
            quote["language"],
            quote["good"],
        )


def test_personal_data_in_a_quote_is_masked():
    said = "Write to me at anna.rossi@example.org about the parcel"
    row = {"feedback_id": "f1", "customer_id": "c1", "occurred_at": pd.Timestamp(2025, 1, 1)}
    feedback = pd.DataFrame([row | {"kind": "verbatim", "text": said}])
    events = Events.from_frames({"feedback": feedback})
    read = events.with_readings(read_bank().head(1).assign(text=said))
    (quote,) = find_quotes(read_facts(read, Settings(), datetime(2025, 2, 1, tzinfo=UTC)))
    assert quote.text == "Write to me at [email] about the parcel"


@pytest.mark.parametrize("kept", [(), ("customers",), ("customers", "orders")])
def test_a_company_with_little_on_record_gets_an_empty_document_and_no_error(kept):
    parameters = CompanyParameters(customers=40, days=200)
    company = simulate_company(parameters, 2020)
    events = Events.from_frames({name: naive(company.tables[name]) for name in kept})
    document = find_drivers(events, Settings(), parameters.ends_at)
    assert document["topics"] == document["map"] == document["quotes"] == document["moments"] == []
    json.dumps(document, allow_nan=False)


def test_customers_who_refuse_profiling_are_in_no_figure(company):
    refused = company.tables["customers"].assign(profiling_consent=False)
    kept = {"customers": refused, "orders": company.tables["orders"]}
    events = Events.from_frames({name: naive(table) for name, table in kept.items()})
    facts = read_facts(events, Settings(), company.parameters.as_of)
    assert len(facts.orders) == len(facts.payments) == 0


def test_a_company_of_today_has_no_ripe_window_and_no_figure():
    parameters = CompanyParameters(customers=60, days=60)
    document = find_drivers(open_company(simulate_company(parameters, 2021)), Settings(), parameters.ends_at)
    assert all(each["money"] is None for each in document["moments"])
    assert document["omnichannel"] is None


def study(money, **facts):
    given = {"usual": 40.0, "p_holm": 0.001 if abs(money.z) > 3 else 1.0} | facts
    return Study("queue.long", "queue.short", "pain", 900, 900, 900, 900, money, **given)


def test_a_queue_that_people_forgive_is_named_as_a_pain_that_does_not_matter():
    felt = Feeling(200, 5.0, Estimate(-1.2, 0.1))
    (verdict,) = judge([study(Estimate(0.4, 1.5))], {"queue.long": felt}, (), (), 30.0)
    assert (verdict.feels, verdict.matter) == ("pain", "does_not_matter")


def test_a_pain_that_costs_money_matters_and_one_that_may_is_unclear():
    felt = {"queue.long": Feeling(200, 5.0, Estimate(-1.2, 0.1))}
    (sure,) = judge([study(Estimate(-12.0, 2.0))], felt, (), (), 30.0)
    (unsure,) = judge([study(Estimate(-6.0, 4.0))], felt, (), (), 30.0)
    assert (sure.matter, unsure.matter) == ("matters", "unclear")


def test_a_sentiment_near_nought_is_neither_complaint_nor_praise(document):
    assert classify(np.array([-0.8, -0.1, 0.0, 0.3])).tolist() == [
        "complaint", "neither", "neither", "praise",
    ]  # fmt: skip
