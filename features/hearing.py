"""The events of a workspace with what their texts say: read once, kept by the text."""

from typing import TYPE_CHECKING

from contracts.settings import Settings
from contracts.workspace import Workspace
from features.engine import Engine, Events, read_frame
from features.spoken import Heard

if TYPE_CHECKING:
    from features.text.reader import Reader


def open_company(workspace: Workspace, engine: Engine) -> Events:
    """Return the workspace's events, the texts of its feedback read."""
    return hear_company(engine.open_events(workspace.events), workspace, workspace.settings)


def hear_company(events: Events, workspace: Workspace, settings: Settings) -> Events:
    """Return events of a workspace with the readings of their texts.

    Embeddings are kept in the workspace by text, so that only new texts cost time. Where nobody wrote
    anything, nothing is loaded. Names of rivals are those of the settings: brands that answers rate later
    must not change what an earlier text was read as.
    """
    texts = find_texts(events)
    if not texts:
        return events
    from features.text.reader import open_reader

    threads = settings.training.engine_threads
    return hear(
        events, open_reader(workspace.voice, settings.voice.embedder, threads, settings.voice.rivals), texts
    )


def hear(events: Events, reader: "Reader", texts: tuple[str, ...]) -> Events:
    """Return the events with the readings of ``texts``, and what it takes to read them by a taught head."""
    readings = reader.read(texts)
    places = {text: place for place, text in enumerate(texts)}
    base = readings["sentiment"].to_numpy(dtype=float)
    return events.with_readings(readings, Heard(places, reader.vectors(texts), base, reader.embedder.name))


def find_texts(events: Events) -> tuple[str, ...]:
    """Return the distinct texts of feedback in every version of its rows, sorted."""
    feedback = events.tables["feedback"]
    rows = read_frame(feedback.filter(feedback.text.notnull()).select("text").distinct()).to_pylist()
    return tuple(sorted(str(row["text"]) for row in rows))
