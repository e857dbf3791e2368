import math
import re
import tomllib
from importlib.resources import files

import pandas as pd
import pytest

from contracts.errors import ContractError
from contracts.feature_frame import Feature, FeatureList
from contracts.scores import FLAGS, LANGUAGES, SEGMENTS
from contracts.settings import Settings
from features.families import find_families
from features.snapshot import take_snapshot
from features.synthetic import CompanyParameters, simulate_company
from features.wording import load_catalogue
from features.wording.catalogue import CASES, find_key
from features.wording.template import parse_template
from testkit.companies import open_company
from testkit.readings import read_bank
from training.models.rules import RULE_FEATURES

BTYD = ("btyd.p_alive", "btyd.p_no_purchase", "btyd.expected_purchases", "btyd.expected_spend")
CATALOGUE = load_catalogue()


def raw(language):
    return tomllib.loads(files("features.wording").joinpath(f"{language}.toml").read_text(encoding="utf-8"))


def texts_of(entry):
    for case in ("label", *CASES):
        said = entry.get(case, [])
        yield case, [said] if isinstance(said, str) else said


def placeholders(text):
    slots = parse_template(text).slots  # a form that agrees in gender has no number and no counterpart
    return sorted((slot.name, slot.is_peer, slot.format) for slot in slots if slot.format != "plural")


def plainly(text):
    return text.replace("\u00a0", " ")


@pytest.fixture(scope="module")
def emitted():
    company = simulate_company(CompanyParameters(customers=400, days=500), seed=8)
    asked = company.tables["feedback"][["customer_id", "occurred_at"]].assign(
        kind="invitation", arm="treated"
    )
    company.tables["actions"] = pd.concat([company.tables["actions"], asked], ignore_index=True)
    heard = open_company(company).with_readings(read_bank())
    snapshot = take_snapshot(heard, company.parameters.ends_at, Settings())
    features = [feature for family in find_families() for feature in family.list_features(snapshot)]
    return FeatureList((*features, *(Feature(name, "probability", "no order yet") for name in BTYD)))


def test_every_feature_of_a_full_company_has_texts_in_both_languages(emitted):
    CATALOGUE.check(emitted)
    assert len(emitted) >= 100


def test_a_feature_without_texts_is_named_with_its_languages():
    features = FeatureList(
        (Feature("rfm.frequency", "count", "never"), Feature("rfm.shoe_size", "cm", "never"))
    )
    with pytest.raises(ContractError, match=r"rfm\.shoe_size \(en\), rfm\.shoe_size \(it\)"):
        CATALOGUE.check(features)


def test_both_languages_have_the_same_keys():
    english, italian = raw("en"), raw("it")
    assert english.keys() == italian.keys()
    for section in english:
        assert list(english[section]) == list(italian[section]), section


@pytest.mark.parametrize("key", list(raw("en")["features"]))
def test_both_languages_say_the_same_cases_with_the_same_placeholders(key):
    english, italian = (dict(texts_of(raw(language)["features"][key])) for language in ("en", "it"))
    for case, said in english.items():
        assert [placeholders(text) for text in said] == [placeholders(text) for text in italian[case]], case


def test_every_text_is_used_by_some_feature(emitted):
    units = {feature.name: feature.unit for feature in emitted}
    used = {found[0] for name, unit in units.items() if (found := find_key(CATALOGUE.keys, name, unit))}
    rules = {feature.name for feature in RULE_FEATURES.values()}
    rare = rules | {"rhythm", "channel.share_other", "engagement.stage_renew_*d", "column.*", "column.*:date"}
    assert set(CATALOGUE.keys) - used - rare == set()


def test_every_placeholder_names_a_feature_that_exists(emitted):
    known = {*emitted.names, "value", "label", "part", "about"}
    for entry in raw("en")["features"].values():
        for _, said in texts_of(entry):
            assert {name for text in said for name, _, _ in placeholders(text)} <= known


def test_every_feature_gives_a_sentence_for_every_kind_of_value(emitted):
    catalogue = CATALOGUE.for_company(emitted)
    numbers = (None, math.nan, -40.0, -0.2, 0.0, 0.35, 1.0, 2.0, 1234.5)
    for feature in emitted:
        values = ("web", None) if feature.dtype == "category" else numbers
        for value in values:
            if feature.unit == "month of the year" and value not in (None, 1.0, 2.0):
                continue
            for language in LANGUAGES:
                said = catalogue.sentence(
                    feature.name, language, {feature.name: value}, {feature.name: value}
                )
                assert said.endswith("."), said
                assert not set("{}") & set(said), said
                assert "nan" not in said.lower().split(), said
                assert catalogue.label(feature.name, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_speaks_of_a_cause(language):
    causal = re.compile(
        r"\b(because|due to|caused?|thanks to|perch[eé]|a causa|dovut[oaie]|grazie)\b", re.IGNORECASE
    )
    sections = raw(language)
    texts = [text for entry in sections["features"].values() for _, said in texts_of(entry) for text in said]
    assert [text for text in texts if causal.search(text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_flags_bands_segments_and_reasons_for_no_score_have_texts(language):
    assert all(CATALOGUE.text("flags", flag, language) for flag in FLAGS)
    assert all(CATALOGUE.text("segments", segment, language) for segment in SEGMENTS)
    assert all(CATALOGUE.text("bands", band, language) for band in ("low", "medium", "high"))
    reasons = ("no_first_order", "already_ended", "suppressed", "unknown")
    assert all(CATALOGUE.text("not_scored", reason, language) for reason in reasons)
    assert all(CATALOGUE.family(family.name, language) for family in find_families())


def test_a_text_that_is_not_there_is_named():
    with pytest.raises(ContractError, match=r"No it text flags\.lost"):
        CATALOGUE.text("flags", "lost", "it")
    with pytest.raises(ContractError, match=r"No texts for 'rfm\.shoe_size'"):
        CATALOGUE.sentence("rfm.shoe_size", "en", {}, {})


RHYTHM = {
    "rfm.frequency": 2.0,
    "rfm.orders": 3.0,
    "rfm.days_since_last_order": 40.0,
    "rhythm.usual_gap_days": 31.0,
}
ONCE = {"rfm.frequency": 0.0, "rfm.orders": 1.0, "rfm.days_since_last_order": 78.0}
COMPLAINTS = {
    "voice.complaints_30d": 2.0,
    "voice.complaint_topic_30d": "delivery",
    "voice.complaints_on_topic_30d": 2.0,
    "voice.complaints_on_topic_open": 1.0,
}
ONE_COMPLAINT = COMPLAINTS | {"voice.complaints_30d": 1.0, "voice.complaints_on_topic_30d": 1.0}
TICKETS = {"support.open_tickets": 1.0, "support.open_longest_days": 12.3}


@pytest.mark.parametrize(
    ("feature", "values", "peers", "english", "italian"),
    [
        (
            "rhythm",
            RHYTHM,
            {},
            "3 orders so far; last one 40 days ago; usually every 31 days.",
            "3 ordini finora; l'ultimo 40 giorni fa; di solito ogni 31 giorni.",
        ),
        (
            "btyd.p_no_purchase",
            RHYTHM | {"btyd.p_no_purchase": 0.8},
            {},
            "3 orders so far; last one 40 days ago; usually every 31 days.",
            "3 ordini finora; l'ultimo 40 giorni fa; di solito ogni 31 giorni.",
        ),
        ("rhythm", ONCE, {}, "One order so far, 78 days ago.", "Un ordine finora, 78 giorni fa."),
        ("rhythm", {}, {}, "No orders on record.", "Nessun ordine registrato."),
        (
            "rfm.days_since_last_order",
            {"rfm.days_since_last_order": 1.0},
            {"rfm.days_since_last_order": 300.0},
            "Last order 1 day ago (typical customer: 10 months).",
            "Ultimo ordine 1 giorno fa (cliente tipico: 10 mesi).",
        ),
        (
            "trend.value_ratio_90d",
            {"trend.value_ratio_90d": 0.54},
            {},
            "Spent 46% less in the last 90 days than before.",
            "Negli ultimi 90 giorni ha speso il 46 % in meno rispetto a prima.",
        ),
        (
            "trend.value_ratio_90d",
            {"trend.value_ratio_90d": 1.08},
            {},
            "Spent 8% more in the last 90 days than before.",
            "Negli ultimi 90 giorni ha speso l'8 % in più rispetto a prima.",
        ),
        (
            "rhythm.days_until_due",
            {"rhythm.days_until_due": -27.0},
            {},
            "The usual time of the next order passed 27 days ago.",
            "Il momento abituale del prossimo ordine è passato da 27 giorni.",
        ),
        (
            "rfm.monetary_value",
            {"rfm.monetary_value": 1234.5},
            {"rfm.monetary_value": 60.0},
            "A repeat purchase is worth €1,234.50 on average (typical customer: €60.00).",
            "Un riacquisto vale in media 1.234,50 € (cliente tipico: 60,00 €).",
        ),
        (
            "support.open_tickets",
            TICKETS,
            {},
            "1 support request still open, the oldest for 12 days.",
            "1 richiesta di assistenza ancora aperta, la più vecchia da 12 giorni.",
        ),
        (
            "support.tickets_30d",
            {"support.tickets_30d": 2.0},
            {"support.tickets_30d": 0.0},
            "2 support requests in the last 30 days (typical customer: 0).",
            "2 richieste di assistenza negli ultimi 30 giorni (cliente tipico: 0).",
        ),
        (
            "support.tickets_30d",
            {"support.tickets_30d": 0.0},
            {"support.tickets_30d": 0.0},
            "No support requests in the last 30 days.",
            "Nessuna richiesta di assistenza negli ultimi 30 giorni.",
        ),
        (
            "voice.complaints_30d",
            COMPLAINTS,
            {},
            "Two complaints about delivery in the last 30 days, one still open.",
            "Due reclami sulla consegna negli ultimi 30 giorni, uno ancora aperto.",
        ),
        (
            "voice.complaints_30d",
            ONE_COMPLAINT,
            {},
            "One complaint about delivery in the last 30 days, still open.",
            "Un reclamo sulla consegna negli ultimi 30 giorni, ancora aperto.",
        ),
        (
            "voice.complaints_30d",
            {"voice.complaints_30d": 3.0},
            {},
            "Three complaints in the last 30 days.",
            "Tre reclami negli ultimi 30 giorni.",
        ),
        (
            "voice.nps_competitive_gap",
            {"voice.nps_competitive_gap": -1.0},
            {},
            "Rates us 1 point below the best rival.",
            "Ci dà 1 punto in meno del miglior concorrente.",
        ),
        (
            "voice.emotion_anger_365d",
            {"voice.emotion_anger_365d": 2.0},
            {},
            "Anger in 2 comments of the last year.",
            "Rabbia in 2 commenti dell'ultimo anno.",
        ),
        (
            "channel.share_web",
            {"channel.share_web": 0.8},
            {},
            "80% of orders through ‘web’.",
            "L'80 % degli ordini tramite «sito web».",
        ),
        (
            "engagement.touchpoint_delivery_late_90d",
            {"engagement.touchpoint_delivery_late_90d": 1.0},
            {},
            "‘late delivery’: 1 time in the last 90 days.",
            "«consegna in ritardo»: 1 volta negli ultimi 90 giorni.",
        ),
        (
            "engagement.owner_customer_90d",
            {"engagement.owner_customer_90d": 3.0},
            {},
            "3 contacts started by the customer in the last 90 days.",
            "3 contatti avviati dal cliente negli ultimi 90 giorni.",
        ),
        (
            "cohort.first_order_month",
            {"cohort.first_order_month": 11.0},
            {},
            "First order in November.",
            "Primo ordine a novembre.",
        ),
        (
            "rfm.age_days",
            {"rfm.age_days": 2192.0},
            {},
            "Customer for 6 years.",
            "Cliente da 6 anni.",
        ),
        (
            "attribute.loyalty_tier",
            {"attribute.loyalty_tier": "gold"},
            {"attribute.loyalty_tier": "silver"},
            "Loyalty tier: gold (typical customer: silver).",
            "Loyalty tier: gold (cliente tipico: silver).",
        ),
    ],
)
def test_a_sentence_reads_well_in_both_languages(feature, values, peers, english, italian):
    assert CATALOGUE.sentence(feature, "en", values, peers) == english
    assert plainly(CATALOGUE.sentence(feature, "it", values, peers)) == italian


def test_a_company_gives_its_own_names_yes_and_no_and_its_currency():
    features = (
        Feature(
            "attribute.piano_tariffario", "category", "unknown", dtype="category", label="Piano tariffario"
        ),
        Feature("attribute.newsletter", "flag", "unknown", label="newsletter"),
    )
    catalogue = CATALOGUE.for_company(features, currency="GBP")
    said = catalogue.sentence(
        "attribute.piano_tariffario", "it", {"attribute.piano_tariffario": "Famiglia"}, {}
    )
    assert said == "Piano tariffario: Famiglia."
    assert (
        catalogue.sentence("attribute.newsletter", "it", {"attribute.newsletter": 1.0}, {})
        == "Newsletter: sì."
    )
    assert catalogue.sentence("rfm.historic_value", "en", {"rfm.historic_value": 12.0}, {}) == (
        "Has spent £12.00 so far."
    )
