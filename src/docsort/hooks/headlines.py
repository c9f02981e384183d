"""The few numbers of a run that MLflow's table compares, and its description. All others are in files of the run."""

from collections.abc import Mapping, Sequence
from typing import Any

from docsort.experiment_page import FORECAST, GAP, HIGH, INTERVAL, LOW, TRUE_TEST

CLEAN, TEST_LIKE, ANSWERED = "clean", "test_like", "answered_alone"
"""Metrics: macro-F1 out of fold, by members of one fold each, on pages as they are and on damaged ones; share of the
test pages that need no person."""

LOOK_AT = {
    "needs_review": "answers that a person should see (`results/needs_review.csv`)",
    "label_suspects": "labels that look wrong (`kedro run --pipeline label_review`, then `kedro label-review`)",
}
FILES = {
    "results/report.html": "the whole report",
    "figures/charts.html": "its charts",
    "results/submission.csv": "the answers",
    "results/node_seconds.csv": "where the seconds went",
}
"""Artifacts that a description points to."""


DIGITS = 4
"""Decimals of a metric; more of them would only widen the table."""


def metrics_of(scores: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a run by `scores`."""
    validation = scores["validation"]
    low, high = validation["test_like"]["interval"]
    told = {FORECAST: validation["macro_f1"], LOW: low, HIGH: high, **conditions_of(validation["one_model"])}
    if "test" in scores:
        told |= {TRUE_TEST: scores["test"]["macro_f1"], GAP: scores["gap"]}
    if "test" in scores.get("review", {}):
        told[ANSWERED] = scores["review"]["test"]["answered"]
    return {name: round(float(value), DIGITS) for name, value in told.items()}


def conditions_of(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of what is trained and has answered no test page."""
    return {name: round(float(metrics[name]["macro_f1"]), DIGITS) for name in (CLEAN, TEST_LIKE)}


def interval_of(scores: Mapping[str, Any]) -> dict[str, str]:
    """The interval of the forecast as a tag, for a column of its own."""
    low, high = scores["validation"]["test_like"]["interval"]
    return {INTERVAL: f"{low:.3f} – {high:.3f}"}


def describe(
    scores: Mapping[str, Any] | None, rows: Mapping[str, int], changes: str, artifacts: Sequence[str], command: str
) -> str:
    """The description of a run, Markdown. rows: of the tables that a person should look at; artifacts: paths."""
    parts = []
    if scores is not None:
        parts.append(f"**{scores['expect']}**")
        if "test" in scores:
            parts.append(f"By the answer key it is **{scores['test']['macro_f1']:.3f}**.")
    look = [f"- {rows[name]} {what}" for name, what in LOOK_AT.items() if rows.get(name)]
    look += [f"- `{path}`: {what}" for path, what in FILES.items() if path in artifacts]
    if look:
        parts.append("\n".join(["Look at", "", *look]))
    parts.append(f"Otherwise than by default: {changes}" if changes else "All settings are the defaults.")
    parts.append(f"`{command}`")
    return "\n\n".join(parts)
