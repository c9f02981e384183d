"""What each part of the answer is worth: members, views, weights, specialists, label fixes."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from docsort.ensembling.candidates import all_but
from docsort.reporting.parts import Part, Quiet, Tables, Worth, Worths, signed
from docsort.reporting.run_summary import weights_in_use
from docsort.specialists.verdict import NO_RULE

TITLE = "What each part is worth"
NEEDS = (
    "candidates",
    "ensemble_selection",
    "label_gains",
    "specialist_verdicts",
    "validation_metrics",
    "view_curve",
)

BASELINES = {"stacked": "equal weights"}
"""What the gain of each way to weigh is over; of all others it is over stacked weights."""


def section(tables: Tables) -> Sequence[Part]:
    """A row a part."""
    rows = [
        *_members(tables["ensemble_selection"], tables["validation_metrics"], tables["candidates"]),
        *_weights(tables["ensemble_selection"]),
        *_views(tables["view_curve"]),
        *_specialists(tables["specialist_verdicts"]),
        *_label_fixes(tables["label_gains"]),
    ]
    return [
        Worths(rows),
        Quiet(
            "In macro-F1, all classes, out of fold on held-out pages that are damaged like test pages, each "
            "with its interval. A member is worth what the rest would score less, weighed as before, without it. "
            "Where an interval holds zero, it may be luck."
        ),
    ]


def _members(selection: Mapping[str, Any], metrics: Mapping[str, Any], candidates: pd.DataFrame) -> list[Worth]:
    weights, scores = weights_in_use(selection), metrics.get("models", {})
    without = {str(row["candidate"]): row for row in candidates.to_dict("records")}
    rows = []
    for name in selection["models"]:
        share = "by page" if weights is None else f"{weights.get(name, 0.0):.2f}"
        words = [f"counts {share}"]
        if name in scores:
            words.append(f"alone {scores[name]['test_like']['macro_f1']:.3f}")
        row = without.get(all_but(name))
        low, delta, high = (None,) * 3 if row is None else (-row[end] for end in ("delta_high", "delta", "delta_low"))
        rows.append(Worth(f"member {name}", delta, low, high, ", ".join(words)))
    return sorted(rows, key=lambda row: -(row.delta or 0.0))


def _weights(selection: Mapping[str, Any]) -> list[Worth]:
    used = selection["used"]
    if len(selection["models"]) == 1 or used not in selection or used == "equal":
        return []
    own = selection[used]
    over = BASELINES.get(used, "stacked weights")
    return [Worth("weights", own["nested_gain"], own["low"], own["high"], f"{used}, over {over}")]


def _views(curve: pd.DataFrame) -> list[Worth]:
    """All views against one, whose row says what it has less than all."""
    one, used = curve[curve["name"] == "first 1"], curve[curve["chosen"].astype(bool)]
    if one.empty or used.empty:
        return []
    row, chosen = one.iloc[0], used.iloc[0]
    words = (
        f"all of them over one; used is {chosen['name']}, {chosen['forwards']:.2f} passes a page, "
        f"{signed(float(chosen['delta']))} against all"
    )
    return [Worth("views", -float(row["delta"]), -float(row["delta_high"]), -float(row["delta_low"]), words)]


def _specialists(verdicts: pd.DataFrame) -> list[Worth]:
    return [
        Worth(
            str(row["group_name"]),
            float(row["delta"]),
            float(row["low"]),
            float(row["high"]),
            f"specialist or late member, {_outcome(row)}",
        )
        for row in verdicts.to_dict("records")
    ]


def _outcome(row: Mapping[Any, Any]) -> str:
    if row["routing"] == NO_RULE:
        return str(row["reason"])
    word = "accepted" if row["accepted"] else "rejected, so it has no say"
    return f"{word}; {row['pages_changed']} held-out answers changed"


def _label_fixes(gains: pd.DataFrame) -> list[Worth]:
    return [
        Worth(
            f"label fixes, batch {row['batch']}",
            float(row["gain"]),
            float(row["low"]),
            float(row["high"]),
            f"{row['images']} images by {row['decided_by'] or 'nobody named'}: {row['verdict']}",
        )
        for row in gains.to_dict("records")
    ]
