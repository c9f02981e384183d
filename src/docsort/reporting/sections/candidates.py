"""Other ways to answer, and what each way to weigh the models would be worth."""

from collections.abc import Mapping, Sequence
from typing import Any

from docsort.reporting.parts import Closed, Part, Plot, Tables, shown, table_of

TITLE = "Candidates"
NEEDS = ("candidates", "candidates_figure", "ensemble_selection")

WAYS_IN_WORDS = {
    "stacked": ("Weights by stacking", "equal weights"),
    "selected": ("Weights by greedy selection", "stacked weights"),
    "routed": ("Leaving each page to the model that is best at its first guess", "stacked weights"),
    "logistic": ("Logistic regression on the models' log-probabilities", "stacked weights"),
}
"""What each way to weigh the models is called, and what its gain is over."""


def section(tables: Tables) -> Sequence[Part]:
    """The figure, the ways to weigh in words, and the table, closed."""
    candidates = tables["candidates"]
    return [
        "Other ways to answer, compared with the one that is used on held-out test-like pages, all on the same "
        "draws of source groups. Of many one looks better by luck: a difference is called real only where it "
        "holds for all of them together.",
        Plot("candidates_figure", tables["candidates_figure"]),
        *selection_in_words(tables["ensemble_selection"]),
        Closed("All candidates", [table_of(candidates, [name for name in candidates.columns if name != "p"])]),
    ]


def selection_in_words(selection: Mapping[str, Any]) -> list[str]:
    """How much each model counts, and what each way to weigh them would be worth, fitted and nested."""
    if len(selection["models"]) == 1:
        return ["There is one model, so there is nothing to weigh."]
    sentences = [f"Weights in use: {selection['used']}; {selection['reason']}."]
    for way, (name, over) in WAYS_IN_WORDS.items():
        block = selection[way]
        shares = "" if way == "routed" else f" ({_shares(block['plan']['weights'])})"
        sentences.append(
            f"{name}{shares} would gain {shown(block['fitted_gain'])} in macro-F1 over {over} on the pages that they "
            f"were chosen on, and {shown(block['nested_gain'])} ({shown(block['low'])} to {shown(block['high'])}) "
            "on pages that they were not."
        )
    return sentences


def _shares(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
