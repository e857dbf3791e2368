"""Which actions are contacts: attempts to keep a customer, not questions about how things went."""

from contracts.events import ARMS
from contracts.voice import SURVEY_REQUESTS
from features.engine import Table, text

TREATED, HOLDOUT = ARMS


def keep_contacts(actions: Table) -> Table:
    """Return the actions that reached for a customer: without the holdout arm, and without survey requests.

    An action without arm was treated.
    """
    reached = actions.arm.fill_null(text(TREATED)) != HOLDOUT
    return actions.filter(reached & ~actions.kind.lower().isin(SURVEY_REQUESTS))


def keep_requests(actions: Table) -> Table:
    """Return the actions that asked for an answer: invitations and reminders, those held out left out."""
    reached = actions.arm.fill_null(text(TREATED)) != HOLDOUT
    return actions.filter(reached & actions.kind.lower().isin(SURVEY_REQUESTS))
