"""Forecast, validation and, where there is a key, the test score."""

from collections.abc import Mapping, Sequence
from typing import Any

from docsort.reporting.parts import Closed, Part, Quiet, Table, Tables, Tile, Tiles, minus, signed
from docsort.reporting.scores import Scores

TITLE = "Scores"
NEEDS = ("scores",)

GAP_AIM = 0.01
"""The project's aim for the gap between test-like validation and test."""

NAMES = {"test_like": "test-like validation", "clean": "clean validation", "test": "test"}
ALL_MODELS, ONE_MODEL = "all models", "one model, out of fold"


def section(tables: Tables) -> Sequence[Part]:
    """The figures side by side, then, closed, all of them and how they came about."""
    scores: Scores = tables["scores"]
    validation = scores["validation"]
    folds = ", ".join(f"{score:.3f}" for score in validation["per_fold"])
    terms = {name: signed(term["value"]) for name, term in validation["forecast"]["terms"].items()}
    told: list[Part] = [
        _table(scores),
        "Macro-F1: the mean of the F1 of all classes. The forecast is what held-out pages scored that were damaged "
        f"like test pages, {validation['one_model']['test_like']['macro_f1']:.3f} by one model and the labels as "
        f"given, and {terms['mean_gain']} for asking all models, {terms['label_noise']} for wrong labels, "
        f"{terms['test_shift']} for test pages being other pages. The clean condition flatters, because test pages are "
        "not clean.",
        Quiet(
            f"Test-like macro-F1 fold by fold: {folds}. A held-out page is answered by the one model that has not seen "
            "it, averaged over its turns; a test page by the mean of all models. How many labels are wrong is "
            "estimated from what models say of the pages they have not learnt, and how unlike the test pages are from "
            "how sure the models are of either. What that mean is worth is measured on the test pages, without their "
            "labels, by how far the models spread around it, and is part of the forecast. Intervals resample "
            "whole groups of near-duplicate sources; how much of the difference between the pages holds is not known, "
            "and they reach from none of it to twice as much."
        ),
    ]
    return [Tiles(_tiles(scores)), Closed("All scores, and how they came about", told)]


def gap_in_words(scores: Scores) -> str:
    """What the difference between forecast and test means."""
    gap, (low, high) = scores["gap"], scores["validation"]["test_like"]["interval"]
    place = "inside" if low <= scores["test"]["macro_f1"] <= high else "outside"
    if abs(gap) <= GAP_AIM:
        return f"within the aim of {GAP_AIM:g}; the test score is {place} the forecast's interval"
    word = "promised too much" if gap > 0 else "promised too little"
    return f"validation {word}; the test score is {place} the forecast's interval"


def _tiles(scores: Scores) -> list[Tile]:
    validation, level = scores["validation"], f"{scores['confidence'] * 100:g} %"

    def tile(name: str, block: Mapping[str, Any], note: str) -> Tile:
        low, high = block["interval"]
        return Tile(name, f"{block['macro_f1']:.3f}", [f"{level} interval {low:.3f} to {high:.3f}", note])

    tiles = [tile("Forecast", validation["test_like"], "macro-F1 on test pages, against right labels")]
    if "test" in scores:
        gap = minus(f"{scores['gap']:+.3f}")
        tiles.append(tile("Test", scores["test"], "against the answer key"))
        tiles.append(Tile("Gap", gap, [f"forecast minus test: {gap_in_words(scores)}"]))
    if "holdout" in scores:
        clean = scores["holdout"]["clean"]["macro_f1"]
        note = "pages that nothing learnt from, damaged like test pages, by all models; as they are"
        tiles.append(tile("Set aside", scores["holdout"]["test_like"], f"{note} {clean:.3f}"))
    tiles.append(tile("Clean validation", validation["clean"], "held-out pages as they are, by one model"))
    return [*tiles, *_final_sheet(scores.get("reviewed"))]


def _final_sheet(reviewed: Mapping[str, Any] | None) -> list[Tile]:
    """Of what a person made of the answers."""
    if reviewed is None:
        return []
    score = f"; macro-F1 {reviewed['test']['macro_f1']:.3f} with these" if "test" in reviewed else ""
    note = f"answers that a person changed{score}. All other figures are of the ensemble alone"
    return [Tile("Final sheet", f"{reviewed['changed']} changed", [note])]


def _table(scores: Scores) -> Table:
    validation = scores["validation"]
    blocks = [
        ("forecast of the test score", ALL_MODELS, validation["test_like"]),
        *((NAMES[name], ONE_MODEL, block) for name, block in validation["one_model"].items()),
        *((f"set aside, {name.replace('_', '-')}", ALL_MODELS, own) for name, own in scores.get("holdout", {}).items()),
        *([(NAMES["test"], ALL_MODELS, scores["test"])] if "test" in scores else []),
    ]
    rows = [
        (name, by, block["macro_f1"], *block["interval"], block["accuracy"], block["n"], block["groups"])
        for name, by, block in blocks
    ]
    return Table(["condition", "answered by", "macro-F1", "from", "to", "accuracy", "pages", "groups"], rows)
