"""Hypothesis strategies of stores with feedback, its readings, survey requests, tickets and orders."""

from typing import Any

import pandas as pd
from hypothesis import strategies as st

from contracts.events import FEEDBACK_KINDS
from contracts.voice import READING
from features.engine import Events
from testkit.event_strategies import Row, Store, open_store, orders, rows
from testkit.touch_strategies import tickets

SCALES = ((0, 10), (0, 10), (0, 10), (1, 5), (1, 7), (-103, 103), (None, 10), (5, 5), (10, 0))
SCORES = (None, 0, 2, 4, 5, 6, 7, 8, 9, 10, 11, -101, 100, 3.5)
SAID: dict[str, dict[str, Any]] = {
    "late": {"sentiment": -0.8, "topic": "delivery", "emotion": "anger", "effort": "high", "urgency": "high"},
    "dear": {"sentiment": -0.3, "topic": "price", "leave_intent": "yes", "rival": "Altrove"},
    "odd": {"sentiment": -0.5, "topic": "other", "emotion": "other"},
    "edge": {"sentiment": -0.25, "topic": "delivery", "rival": "unnamed", "leave_intent": "no"},
    "fine": {"sentiment": 0.9, "topic": "staff", "emotion": "joy", "effort": "low"},
    "unread": {},
}


@st.composite
def feedback(draw: st.DrawFn) -> list[Row]:
    """Return feedback of all kinds and scales, about us and two rivals, with and without words."""
    found = []
    for place in range(draw(st.integers(0, 20))):
        row = {**draw(rows("feedback")), "feedback_id": f"f{place}", "row_key": f"f{place}"}
        low, high = draw(st.sampled_from(SCALES))
        row |= {"kind": draw(st.sampled_from(FEEDBACK_KINDS)), "scale_min": low, "scale_max": high}
        row |= {"score": draw(st.sampled_from(SCORES)), "text": draw(st.sampled_from([None, *SAID]))}
        row |= {"brand": draw(st.sampled_from([None, None, None, "Altrove", "Laggiù"]))}
        found.append({**row, "touchpoint": draw(st.sampled_from([None, "order.placed", "support.ticket"]))})
    return found


@st.composite
def requests(draw: st.DrawFn) -> list[Row]:
    """Return actions, most of them survey requests, some held out."""
    found = []
    for place in range(draw(st.integers(0, 10))):
        row = {**draw(rows("actions")), "action_id": f"a{place}", "row_key": f"a{place}"}
        row["kind"] = draw(st.sampled_from(["invitation", "invitation", "Reminder", "call"]))
        found.append({**row, "arm": draw(st.sampled_from([None, "treated", "holdout"]))})
    return found


def voice_stores() -> st.SearchStrategy[Store]:
    """Return stores of feedback, survey requests, tickets and orders; any may be empty."""
    return st.fixed_dictionaries(
        {"orders": orders(), "tickets": tickets(), "feedback": feedback(), "actions": requests()}
    )


def build_readings() -> pd.DataFrame:
    """Return a reading of each text of ``SAID`` but ``unread``."""
    blank = {spoken.name: None for spoken in READING}
    return pd.DataFrame([blank | {"text": text} | said for text, said in SAID.items() if said])


def open_heard(store: Store) -> Events:
    """Return the store with its texts read."""
    return open_store(store).with_readings(build_readings())
