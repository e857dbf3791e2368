"""The taxonomy of what customers say: topics, emotions, and what is read from each text."""

from dataclasses import dataclass

TOPICS: dict[str, str] = {
    "delivery": "when and how the order arrived: couriers, delays, tracking, packaging on arrival",
    "product_quality": "what was bought: materials, defects, durability, whether it is as described",
    "price": "how much it costs and whether it is worth it: prices, discounts, value for money",
    "billing": "being charged: invoices, wrong or double charges, payment, refunds of money not paid out",
    "support": "customer service as a department: answers, waiting, tickets solved or not",
    "staff": "people met: friendly, rude, competent employees",
    "website_or_app": "the website or the app: search, checkout, crashes, log-in",
    "store": "the shop as a place: queues, opening hours, cleanliness, parking, stock on the shelf",
    "returns": "sending something back: labels, exchanges, how long a return takes",
    "contract": "the terms of the relationship: subscription, renewal, cancellation, conditions",
    "communication": "being told: e-mails, newsletters, promises, updates, information before and after",
    "competition": "another company compared with us: its offers, moving to it, coming from it",
}
"""Each topic and what belongs to it."""

EMOTIONS: tuple[str, ...] = ("joy", "trust", "fear", "anger", "sadness", "disgust", "surprise")
OTHER = "other"
"""What a class is called where no class is sure enough."""

UNDETERMINED = "und"
"""The language of a text that is too short, or mixed."""

UNNAMED = "unnamed"
"""A rival that is spoken of without its name."""

SURVEY_REQUESTS: tuple[str, ...] = ("invitation", "reminder")
"""Kinds of actions that ask for an answer: nobody was contacted to be kept."""

SURVEYS: tuple[str, ...] = ("nps_relational", "nps_transactional", "nps_competitive", "csat", "ces")
"""Kinds of feedback that somebody was asked for."""

HEADS: tuple[str, ...] = ("sentiment", "topic", "emotion", "effort", "leave_intent", "urgency", "rival")


@dataclass(frozen=True)
class Spoken:
    """A column of a reading: ``kind`` as in the contract of tables, ``values`` where there are few."""

    name: str
    kind: str
    meaning: str
    values: tuple[str, ...] = ()


READING: tuple[Spoken, ...] = (
    Spoken("language", "string", "ISO 639-1 code, und where the text is too short or mixed"),
    Spoken("sentiment", "number", "from -1 (bad) to 1 (good)"),
    Spoken("topic", "string", "what it is about", (*TOPICS, OTHER)),
    Spoken("emotion", "string", "what is felt", (*EMOTIONS, OTHER)),
    Spoken("effort", "string", "whether getting something done was hard", ("high", "low", OTHER)),
    Spoken("leave_intent", "string", "whether the customer speaks of leaving", ("yes", "no", OTHER)),
    Spoken("urgency", "string", "whether an answer cannot wait", ("high", "low", OTHER)),
    Spoken("rival", "string", "the rival named, unnamed for one without a name, missing without any"),
    *(Spoken(f"{head}_confidence", "number", f"how sure {head} is, 0 to 1") for head in HEADS),
)
"""What is read from a text, beside the text itself masked."""
