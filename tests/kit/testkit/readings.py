"""What a reader would say of the simulator's own sentences: their topic and mood are known from the bank."""

import pandas as pd

from contracts.voice import HEADS, READING, TOPICS
from features.synthetic.comments import load_comments

RENAMED = {"website_app": "website_or_app"}
LEAVING = ("moving to", "passare ad", "Cancelling", "Disdire")


def read_bank() -> pd.DataFrame:
    """Return one reading per sentence of the bank: ``text`` and the columns of ``READING``.

    Every class of every head occurs.
    """
    return pd.DataFrame(
        [
            _read(RENAMED.get(topic, topic), mood == "good", language, sentence, place)
            for (topic, mood, language), sentences in load_comments().items()
            for place, sentence in enumerate(sentences)
        ]
    )


def _read(topic: str, good: bool, language: str, sentence: str, place: int) -> dict[str, object]:
    pleasant, painful = ("joy", "trust", "surprise"), ("fear", "anger", "sadness", "disgust")
    step = place + list(TOPICS).index(topic)
    found: dict[str, object] = {
        "text": sentence,
        "language": language,
        "sentiment": (0.6 + 0.1 * place) * (1 if good else -1),
        "topic": topic,
        "emotion": pleasant[step % 3] if good else painful[step % 4],
        "effort": "low" if good else "high",
        "leave_intent": "yes" if any(word in sentence for word in LEAVING) else "no",
        "urgency": "high" if not good and place == 0 else "low",
        "rival": "Altrove" if "Altrove" in sentence else None,
    }
    found |= {f"{head}_confidence": 0.9 for head in HEADS}
    return {"text": sentence} | {spoken.name: found[spoken.name] for spoken in READING}
