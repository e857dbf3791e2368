"""Panels as files of a bundle: who answers for whom and by which rule, and the trees of each member."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.models.churn import ChurnTrees
from training.models.members import ChurnMember, Panel, ValueMember
from training.models.rules import Rule
from training.models.value import ValueTrees

PANELS = "panels.json"
CHURN_FILES = {"lgbm_btyd": "churn.lgb.txt", "lgbm": "churn_alone.lgb.txt"}
VALUE_FILES = {"lgbm_btyd": "value.lgb.txt", "lgbm": "value_alone.lgb.txt"}


def write_panels(
    churn: Panel[ChurnMember], value: Panel[ValueMember], names: Sequence[str]
) -> dict[str, Any]:
    """Return the files of both panels; ``churn.lgb.txt`` and ``value.lgb.txt`` are always there.

    A member without trees has no file of its own: it stands in ``panels.json``. ``names`` are the columns
    that trees are grown over.
    """
    plain = {
        "churn": {
            "served": dict(churn.served),
            "members": {
                name: {"rule": member.rule.to_dict(), "shift": member.shift}
                for name, member in churn.members.items()
            },
        },
        "value": {
            "served": dict(value.served),
            "members": {
                name: {"level": member.level, "shift": member.shift} for name, member in value.members.items()
            },
        },
    }
    files: dict[str, Any] = {PANELS: plain, "churn.lgb.txt": ChurnTrees.none(names).to_text()}
    files["value.lgb.txt"] = ValueTrees.none(names).to_text()
    files |= {
        file: churn.members[name].trees.to_text()
        for name, file in CHURN_FILES.items()
        if name in churn.members
    }
    return files | {
        file: value.members[name].trees.to_text()
        for name, file in VALUE_FILES.items()
        if name in value.members
    }


def read_panels(
    files: Mapping[str, Any], names: Sequence[str]
) -> tuple[Panel[ChurnMember], Panel[ValueMember]]:
    """Return the panels that ``write_panels`` gave the files of, JSON already parsed.

    Raises:
        BundleRefused: a tree file is not sound, or a segment has no member.
        KeyError: a part is missing.
    """
    churn, value = files[PANELS]["churn"], files[PANELS]["value"]
    churners = {
        name: ChurnMember(
            name,
            Rule.from_dict(plain["rule"]),
            ChurnTrees.from_text(files[CHURN_FILES[name]], names)
            if name in CHURN_FILES
            else ChurnTrees.none(names),
            float(plain["shift"]),
        )
        for name, plain in churn["members"].items()
    }
    spenders = {
        name: ValueMember(
            name,
            ValueTrees.from_text(files[VALUE_FILES[name]], names)
            if name in VALUE_FILES
            else ValueTrees.none(names),
            float(plain["level"]),
            float(plain["shift"]),
        )
        for name, plain in value["members"].items()
    }
    return Panel(churners, dict(churn["served"])), Panel(spenders, dict(value["served"]))
