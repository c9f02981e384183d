"""Calibration and abstention in words and tables, for the report and the model card."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

STAGE_NAMES = {
    ("validation", "before"): "test-like validation, as the models say it",
    ("validation", "after"): "test-like validation, calibrated",
    ("test", "before"): "test, as the models say it",
    ("test", "after"): "test, calibrated",
}

MEASURES = {
    "confidence": "mean confidence",
    "accuracy": "right",
    "ece": "ECE",
    "ece_mass": "ECE, equal mass",
    "ece_by_luck": "ECE by luck alone",
    "brier": "Brier",
    "nll": "NLL",
    "pages": "pages",
}

METHODS = {
    "none": "Confidences are shown as the models say them.",
    "temperature": "Confidences are calibrated by one temperature for all classes, which changes no answer.",
    "vector": "Confidences are calibrated by a scale and a shift per class and one temperature.",
}


TARGETS = (
    "wanted",
    "confidence at least",
    "answered, validation",
    "right of these",
    "answered, test",
    "right, expected",
    "right, by the key",
)

Rows = tuple[list[str], list[tuple[Any, ...]]]
"""Columns and rows."""


def calibration_table(calibration: Mapping[str, Any]) -> Rows:
    """A row a stage."""
    stages = [(key, calibration[key[0]][key[1]]) for key in STAGE_NAMES if key[0] in calibration]
    rows = [(STAGE_NAMES[key], *(block[name] for name in MEASURES)) for key, block in stages]
    return ["pages of", *MEASURES.values()], rows


def target_table(review: Mapping[str, Any]) -> Rows:
    """A row a precision that may be asked for."""
    return list(TARGETS), [_target_row(row) for row in review["targets"]]


def error_in_words(calibration: Mapping[str, Any]) -> str:
    """How far confidences are from calibrated, out of fold and, with a key, on test pages."""
    blocks = [("validation pages, out of fold", calibration["validation"]["after"])]
    if "test" in calibration:
        blocks.append(("test pages", calibration["test"]["after"]))
    errors = (f"{block['ece']:.3f} on {name} ({block['ece_by_luck']:.3f} by luck alone)" for name, block in blocks)
    return f"{METHODS[calibration['method']]} Expected calibration error: {'; '.join(errors)}."


def abstention_in_words(review: Mapping[str, Any]) -> str:
    """From which confidence a page is answered without a person, and what that is expected to be worth."""
    wanted, validation, test = review["precision"], review["validation"], review["test"]
    if not validation["answered"] and not (test and test["answered"]):
        return (
            f"So that {wanted:.1%} of the answers are right, a person has to look at every page: the validation pages "
            f"do not show, with a certainty of {review['certainty']:.0%}, that any confidence is enough for it. A sure "
            "mistake there is often a wrong label: judging those first may change that."
        )
    chosen = (
        "given" if review["given"] else f"chosen so that {wanted:.1%} are right (certainty {review['certainty']:.0%})"
    )
    told = (
        f"A page is answered without a person from a confidence of {review['threshold']:.3f}, {chosen}. On validation "
        f"pages that choice answers {_share(validation)}."
    )
    if test is None:
        return told
    key = f", and {test['right']:.1%} were" if test.get("right") is not None else ""
    return f"{told} Of the test pages it answers {_share(test, 'are expected to be')}{key}."


def review_in_words(needs_review: pd.DataFrame, test_count: int, shown: int) -> str:
    """How many test pages a person should look at, and why; shown: how many a table below lists at most."""
    reasons = needs_review["reason"].astype(str)
    unreadable = int(reasons.str.startswith("unreadable").sum())
    strange = int(reasons.str.startswith("unlike").sum())
    unsure = len(needs_review) - unreadable - strange
    share = len(needs_review) / test_count if test_count else 0.0
    odd = f", {strange} are sure but unlike all training pages" if strange else ""
    listed = f" The {shown} least certain:" if len(needs_review) > shown else ""
    return (
        f"{len(needs_review)} of {test_count} test pages ({share:.1%}) should be looked at by a person: "
        f"{unreadable} could not be read, {unsure} were answered with too little confidence{odd}.{listed}"
    )


def _share(told: Mapping[str, Any], verb: str = "were") -> str:
    if told["precision"] is None:
        return "none"
    return f"{told['answered']:.1%}, of which {told['precision']:.1%} {verb} right"


def _target_row(row: Mapping[str, Any]) -> tuple[Any, ...]:
    validation, test = row["validation"], row["test"] or {}
    return (
        row["precision"],
        row["threshold"] if row["threshold"] <= 1 else None,
        validation["answered"],
        validation["precision"],
        test.get("answered"),
        test.get("precision"),
        test.get("right"),
    )
