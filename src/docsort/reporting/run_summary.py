"""What a run came to, on one screen: the score, who decides, what a person should look at, what comes next."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from docsort.reporting.scores import Scores
from docsort.specialists.verdict import NO_RULE

READ = (
    "scores",
    "validation_metrics",
    "ensemble_selection",
    "specialist_verdicts",
    "label_suspects",
    "needs_review",
    "submission",
    "report",
    "ensemble",
)
"""The datasets that it tells of. What a run does not write is left out."""

SENTENCE_PART = re.compile(r"(?<=[;:.]) ")
"""What ends a line of the screen: parts of the forecast's sentences."""

NOTHING = 0.02
"""A member that counts less than this adds nothing."""

Results = Mapping[str, Any]
Places = Mapping[str, str]


def tell_run(results: Results, places: Places) -> list[str]:
    """The lines of the screen; none where the run wrote nothing to tell of.

    results: datasets of READ by name, as they were saved; places: the files they are in.
    """
    blocks = {
        "Score": _tell_score(results),
        "Members": _tell_members(results),
        "Specialists": _tell_specialists(results.get("specialist_verdicts")),
        "Look at": _tell_review(results, places),
        "Files": [places[name] for name in ("submission", "ensemble", "report") if name in results and name in places],
        "Next": _tell_next(results, places),
    }
    if not (blocks["Score"] or blocks["Files"]):
        return []
    width = max(map(len, blocks)) + 2
    rows = [(title if not number else "", line) for title, lines in blocks.items() for number, line in enumerate(lines)]
    return [f"{title:<{width}}{line}".rstrip() for title, line in rows]


def _tell_score(results: Results) -> list[str]:
    scores: Scores | None = results.get("scores")
    if scores is None:
        return _tell_trained(results.get("validation_metrics"))
    lines = SENTENCE_PART.split(str(scores["expect"]))
    if "test" in scores:
        test, (low, high) = scores["test"]["macro_f1"], scores["validation"]["test_like"]["interval"]
        place = "inside" if low <= test <= high else "OUTSIDE"
        side = "above" if scores["gap"] < 0 else "below"
        lines.append(f"By the answer key it is {test:.3f}: {abs(scores['gap']):.3f} {side} that, {place} the interval.")
    clean = scores["validation"]["clean"]["macro_f1"]
    lines.append(f"Held-out pages as they are: {clean:.3f}, which promises too much where test pages are damaged.")
    return lines


def _tell_trained(validation: Scores | None) -> list[str]:
    """Of a run that trained, and answers no test image yet."""
    if validation is None:
        return []
    block = validation["test_like"]
    return [
        f"Out of fold the members together have a macro-F1 of {block['macro_f1']:.3f} (95 % interval "
        f"{block['interval'][0]:.3f} to {block['interval'][1]:.3f})",
        f"on {block['n']} held-out pages damaged like test pages, {validation['clean']['macro_f1']:.3f} on clean ones, "
        "against the labels as given.",
        "The forecast of the submission follows with `kedro run`, which trains nothing again.",
    ]


def _tell_members(results: Results) -> list[str]:
    validation, selection = results.get("validation_metrics"), results.get("ensemble_selection")
    if validation is None or selection is None:
        return []
    alone = validation.get("models") or {selection["models"][0]: validation}
    weights = weights_in_use(selection)
    order = sorted(alone, key=lambda name: -alone[name]["test_like"]["macro_f1"])
    width = max(len("together"), *map(len, order))
    lines = [f"{'':<{width}}  test-like [95 %]       clean  counts"]
    lines += [f"{name:<{width}}  {_figures(alone[name])}  {_share(weights, name)}" for name in order]
    if len(order) > 1:
        lines.append(f"{'together':<{width}}  {_figures(validation)}")
    if weights is not None and len(order) > 1:
        best = max(weights, key=lambda name: weights[name])
        idle = [name for name in order if weights.get(name, 0.0) < NOTHING]
        lines.append(f"{best} decides most" + (f"; {', '.join(idle)} adds nothing" if idle else "") + ".")
    return lines


def _figures(scores: Scores) -> str:
    block = scores["test_like"]
    low, high = block["interval"]
    return f"{block['macro_f1']:.3f} [{low:.3f}, {high:.3f}]   {scores['clean']['macro_f1']:.3f}"


def weights_in_use(selection: Mapping[str, Any]) -> dict[str, float] | None:
    """How much each member counts, in all 1; None where that differs from page to page."""
    used, names = selection["used"], selection["models"]
    if used == "equal" or len(names) == 1:
        return {name: 1 / len(names) for name in names}
    if used == "routed":
        return None
    weights = selection[used]["plan"]["weights"]
    whole = sum(weights.values())
    return {name: weight / whole for name, weight in weights.items()}


def _share(weights: Mapping[str, float] | None, name: str) -> str:
    return "by page" if weights is None else f"{weights.get(name, 0.0):.2f}"


def _tell_specialists(verdicts: pd.DataFrame | None) -> list[str]:
    return [] if verdicts is None else [_verdict(row) for row in verdicts.to_dict(orient="records")]


def _verdict(row: Mapping[Any, Any]) -> str:
    if row["routing"] == NO_RULE:  # there is no gain to tell of
        return f"{row['group_name']}: {row['reason']}"
    word = "accepted" if row["accepted"] else "rejected"
    gain, low, high = (_signed(row[name]) for name in ("delta", "low", "high"))
    return f"{row['group_name']}: {word}, {gain} [{low}, {high}], {row['pages_changed']} held-out answers changed"


def _tell_review(results: Results, places: Places) -> list[str]:
    lines = []
    suspects, review, submission = (results.get(name) for name in ("label_suspects", "needs_review", "submission"))
    if review is not None and submission is not None and len(submission):
        share = 100 * len(review) / len(submission)
        where = f": {places['needs_review']}" if "needs_review" in places else ""
        lines.append(f"{len(review)} of {len(submission)} test pages ({share:.0f} %) need a person{where}")
    if suspects is not None and len(suspects):
        where = f": {places['label_suspects']}" if "label_suspects" in places else ""
        lines.append(f"{len(suspects)} training labels look wrong{where}")
    return lines


def _tell_next(results: Results, places: Places) -> list[str]:
    lines = []
    suspects = results.get("label_suspects")
    if suspects is not None and len(suspects):
        lines.append("kedro run --pipeline label_review; kedro label-review    judge the labels that look wrong")
    if "scores" not in results:
        lines.append("kedro run                                                submission, forecast, report")
    if "ensemble" in results and "ensemble" in places:
        lines.append(f"docsort predict PHOTOS --ensemble {places['ensemble']}")
    return lines


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
