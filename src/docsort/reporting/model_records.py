"""What is noted about every member that was trained, for the model card."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from docsort.member_kinds import task_name
from docsort.members.checkpoints import Checkpoint
from docsort.models.descriptions import DESCRIPTION_FILE, read_description

LEFT_OUT = "learnt_groups"
"""Of a record, too long for people."""


def list_models(
    members: Sequence[Mapping[str, Checkpoint]],
    late_members: Sequence[Mapping[str, Checkpoint]],
    verdicts: pd.DataFrame,
) -> dict[str, dict[str, Any]]:
    """The record of each training, by the name of its task, without the groups that it has learnt, and with the
    `backbone` where it has one. Of late members also
    `pages_asked` (test-like pages that the rule asks about), `gain`, `gain_low`, `gain_high` (nested, in macro-F1, with
    its interval), and whether they were `accepted`: only then they have a say.

    members, late_members: fold by fold, by name. verdicts: table VERDICTS, a row of each late member in it.
    """
    judged = {str(row["group_name"]): row for row in verdicts.to_dict("records")}
    general = {task_name(name, fold): _facts(own) for fold, folds in enumerate(members) for name, own in folds.items()}
    late = {
        task_name(name, fold): {**_facts(own), **_worth(judged[name])}
        for fold, folds in enumerate(late_members)
        for name, own in folds.items()
    }
    return general | late


def has_a_say(record: Mapping[str, Any]) -> bool:
    """Whether it is part of the ensemble."""
    return bool(record.get("accepted", True))


def _facts(checkpoint: Checkpoint) -> dict[str, Any]:
    record = {key: value for key, value in (checkpoint.record() or {}).items() if key != LEFT_OUT}
    if (checkpoint.folder / DESCRIPTION_FILE).exists():
        record["backbone"] = read_description(checkpoint.folder).backbone
    return record


def _worth(verdict: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "pages_asked": int(verdict["pages_touched"]),
        "gain": float(verdict["delta"]),
        "gain_low": float(verdict["low"]),
        "gain_high": float(verdict["high"]),
        "accepted": bool(verdict["accepted"]),
    }
