"""Everything that is said of what moves people, as one document."""

from datetime import datetime
from typing import Any

import numpy as np

from contracts.settings import Settings
from contracts.workspace import Workspace
from features.engine import Engine, Events
from features.hearing import open_company
from training.drivers.channels import find_omnichannel
from training.drivers.facts import Facts, read_facts
from training.drivers.feelings import Answered, Feeling
from training.drivers.kinds import find_kinds
from training.drivers.moments import Moments, find_moments
from training.drivers.opportunities import Opportunities, find_opportunities
from training.drivers.quotes import find_quotes
from training.drivers.topics import find_cells, find_topics
from training.drivers.touchpoints import build_panel, find_touches
from training.drivers.verdicts import judge
from training.own_answers import listen

SCHEMA_VERSION = 1


def open_studied(workspace: Workspace) -> Events:
    """Return the events of a workspace with their texts read, as its own scored answers taught."""
    return listen(open_company(workspace, Engine(threads=workspace.settings.training.engine_threads)))


def find_drivers(events: Events, settings: Settings, as_of: datetime) -> dict[str, Any]:
    """Return the document of what moves people, as known before ``as_of``: plain JSON with finite numbers.

    Money is net, in the workspace's currency, within ``horizons.horizon_days`` after the fact; windows that
    are not over, or not on record yet, are left out. Figures are null where there are too few rows.
    """
    facts, seed = read_facts(events, settings, as_of), settings.training.seed
    moments = find_moments(facts)
    touches, topics = find_touches(facts, seed), find_topics(facts, seed)
    omnichannel = find_omnichannel(facts)
    usual, feelings = _find_usual(facts), _find_feelings(facts)
    verdicts = judge(moments.studies, feelings, touches["touchpoint"], topics, usual)
    return {
        "schema_version": SCHEMA_VERSION,
        "as_of": facts.to_text(),
        "currency": facts.currency,
        "horizon_days": facts.horizon_days,
        "lag_days": facts.lag_days,
        "usual_money": round(usual, 6),
        "counts": _count(facts),
        "topics": [each.to_dict() for each in topics],
        "map": [each.to_dict() for each in find_cells(facts, seed)],
        "quotes": [each.to_dict() for each in find_quotes(facts)],
        **{f"{name}s": [each.to_dict() for each in found] for name, found in touches.items()},
        "kinds": [each.to_dict() for each in find_kinds(facts, seed)],
        **_tell_moments(moments, feelings),
        "omnichannel": None if omnichannel is None else omnichannel.to_dict(),
        "verdicts": [each.to_dict() for each in verdicts],
    }


def _tell_moments(moments: Moments, feelings: dict[str, Feeling]) -> dict[str, Any]:
    told = moments.to_dict()
    for each in told["moments"]:
        each["feeling"] = feelings[each["moment"]].to_dict()
    return told


def _find_feelings(facts: Facts) -> dict[str, Feeling]:
    """Return how each moment feels, among those who had its opportunity."""
    answered = Answered(facts)
    return {each.pair.moment: _feel(answered, each) for each in find_opportunities(facts)}


def _feel(answered: Answered, occasions: Opportunities) -> Feeling:
    start, met = occasions.start, occasions.met
    return answered.compare((occasions.who[met], start[met]), (occasions.who[~met], start[~met]))


def _find_usual(facts: Facts) -> float:
    """Return the mean spend of a horizon over everyone's months: what money is small or large beside."""
    panel = build_panel(facts)
    return float(panel.outcomes[:, 0].mean()) if len(panel.who) else 0.0


def _count(facts: Facts) -> dict[str, int]:
    who = [facts.payments.customer, *(each["who"].to_numpy() for each in (facts.touches, facts.answers))]
    return {
        "customers": int(np.unique(np.concatenate(who)).size),
        "orders": len(facts.orders),
        "touches": len(facts.touches),
        "tickets": len(facts.tickets),
        "answers": len(facts.answers),
        "texts": int(facts.answers["topic"].notna().sum()),
    }
