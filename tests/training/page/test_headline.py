"""What a retention lead reads first: true to the figures, and honest where they are bad or absent."""

import pytest

from testkit.documents import build_document
from training.page.headline import write_headline

FOUND = {"cutoff": "1998-04-01T00:00:00Z", "contacts": 50, "left": 33, "random": 18.2}
RULE = {"rule_days": 74, "rule_left": 21.0}


def headline(variant="full", language="en", zone="UTC", **changes):
    return write_headline(build_document(variant, **changes), language, zone)


def test_the_first_sentence_counts_who_left_against_rule_and_chance():
    assert headline(headline=FOUND | RULE)[0] == (
        "Of the 50 customers with the highest risk on the list of 1 Apr 1998, 33 left. The rule ‘no order "
        "for 74 days’ would have found 21; 50 at random, 18."
    )
    assert headline(headline=FOUND | RULE, language="it")[0] == (
        "Dei 50 clienti a rischio più alto nell’elenco del 1 apr 1998, 33 se ne sono andati. La regola "
        "«nessun ordine da 74 giorni» ne avrebbe trovati 21; 50 presi a caso, 18."
    )


def test_without_a_rule_the_list_stands_against_chance_alone():
    assert headline(headline=FOUND)[0].endswith("33 left. 50 at random would have held 18.")


@pytest.mark.parametrize(
    ("rule_left", "said"),
    [
        (33.2, "On this list the simple rule did as well as the model."),
        (34.0, "On this list the simple rule did better than the model."),
    ],
)
def test_a_rule_that_did_as_well_or_better_is_said_to(rule_left, said):
    assert headline(headline=FOUND | RULE | {"rule_left": rule_left})[1] == said


def test_the_day_of_the_list_is_that_of_the_workspaces_zone():
    late = FOUND | {"cutoff": "1998-03-31T22:00:00Z"}
    assert "on the list of 1 Apr 1998" in headline(headline=late, zone="Europe/Rome")[0]
    assert "on the list of 31 Mar 1998" in headline(headline=late)[0]


def test_a_passed_gate_says_what_was_beaten():
    said = headline()
    assert "Yes: the model passed its gate." in said
    assert (
        "In telling who leaves it was better than each of 4 simple rules, by more than chance explains."
        in said
    )


def test_a_failed_gate_names_the_rule_that_was_better():
    said = headline("failed")
    assert "No: the model did not pass its gate." in said
    assert "Worse than: the rule ‘silent for N days’." in said
    assert any("better than 3 of 4 simple rules" in sentence for sentence in said)


def test_a_rule_that_is_level_is_named_and_none_beaten_is_said():
    tied = {"metric": "log_loss", "family": "naive_rate", "difference": 0.0, "se": 0.1, "verdict": "tie"}
    said = headline(differences=[tied])
    assert any("better than none of 1 simple rules" in sentence for sentence in said)
    assert "Level with: each customer’s usual orders, carried on." in said


def test_a_leak_is_said_in_words():
    said = headline(gate={"passed": False, "reasons": [], "leak": True})
    assert any(sentence.startswith("It may have seen the future") for sentence in said)


def test_few_data_give_a_headline_that_claims_nothing():
    assert headline("few") == (
        "No: the model did not pass its gate.",
        (
            "Nothing proves it yet: no past period has ended that it could be judged by. A first model is "
            "served all the same, and every score says that it is unproved."
        ),
        "Everyone’s risk and value come from buying rhythm alone.",
    )


def test_what_is_served_is_told_per_group_only_where_groups_differ():
    assert "Regular: the full model." in headline()
    assert "New or one order: risk from the full model; value from buying rhythm alone." in headline()
    assert any(
        sentence.startswith("Everyone’s risk comes from the rule ‘silent for N days’")
        for sentence in headline("failed")
    )


def test_the_total_is_rounded_to_three_figures_and_its_range_explained():
    said = headline(annual_discount_rate=0.0)
    assert (
        "Over the next 12 months all 23,502 customers together are expected to spend about US$422,000; in 8 "
        "cases of 10 between US$350,000 and US$497,000."
    ) in said
    (why,) = (sentence for sentence in said if sentence.startswith("The range is wider"))
    assert why.endswith("That common part is taken to be about 15% up or down.")


def test_a_discount_is_stated_with_its_rate():
    assert any("at 10% a year, that is about US$401,000" in sentence for sentence in headline())
    assert any("at 7.5% a year" in sentence for sentence in headline(annual_discount_rate=0.075))


@pytest.mark.parametrize(
    ("looks", "said"),
    [
        (1, "has been looked at once: by this model."),
        (2, "has now been looked at twice."),
        (3, "has now been looked at 3 times. The best of several"),
        (10, "has now been looked at 10 times. So many tries"),
        (None, "is not known: MLflow did not answer"),
    ],
)
def test_looks_at_the_last_period_are_counted_in_words(looks, said):
    assert any(said in sentence for sentence in headline(looks=looks))


@pytest.mark.parametrize(
    ("later", "said"),
    [(0.75, "it still gained"), (0.702, "little changed"), (0.65, "it lost")],
)
def test_more_history_is_judged_by_what_it_gave(later, said):
    rows = [{"months": 6, "auc": 0.7}, {"months": 12, "auc": later}]
    told = headline(history=rows)
    assert any("in 70 with 6 months of history, in" in sentence for sentence in told)
    assert any(sentence.startswith("From 6 months to 12 months") and said in sentence for sentence in told)


def test_subscriptions_have_their_own_sentences():
    said = headline("both")
    assert "Of 1,840 subscribers 8.9% ended in the last past period." in said
    assert "After 5 months the model expected 86.2% still to be there; 85.1% were." in said
