"""Which answered pages are shown: the surest mistakes, and what other pictures of pages share.

A sure mistake is worth a person's look: it is a wrong label, a class that cannot be told, or a thing to be learnt.
"""

import pandas as pd

from docsort.errors import InputError, listing
from docsort.tables import VALIDATION_RENDERS, check_columns

LONGEST_NAME = 16
"""Characters of a class name in a caption that is drawn."""

ANSWERED = ("render_id", "image_id", "fold", "label", "predicted", "confidence", "path")
"""Test-like validation pages with what they were answered out of fold."""


def list_mistakes(oof_votes: pd.DataFrame, validation_renders: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Table ANSWERED: the surest wrong answers, at most `limit`, each source once.

    Raises InputError for votes on pages that the renders do not have.
    """
    seen = oof_votes[oof_votes["condition"] == "test_like"]
    wrong = surest_first(seen[seen["predicted"] != seen["label"]]).drop_duplicates("image_id")
    return with_paths(wrong.head(limit), validation_renders)


def surest_first(votes: pd.DataFrame) -> pd.DataFrame:
    """Sorted by confidence, descending; ties by id."""
    return votes.sort_values(["confidence", "render_id"], ascending=[False, True], kind="stable")


def with_paths(votes: pd.DataFrame, validation_renders: pd.DataFrame) -> pd.DataFrame:
    """Table ANSWERED of these votes, in their order. Raises InputError where a render is not there."""
    check_columns(votes, ANSWERED[:-1], "oof_votes")
    check_columns(validation_renders, VALIDATION_RENDERS, "validation_renders")
    paths = validation_renders.drop_duplicates("render_id").set_index("render_id")["path"]
    missing = votes.loc[~votes["render_id"].isin(paths.index), "render_id"]
    if len(missing):
        raise InputError(
            f"Expected every predicted page in the validation renders, but {listing(missing)} is not; the predictions "
            "belong to other renders: predict again."
        )
    return votes.assign(path=votes["render_id"].map(paths))[list(ANSWERED)].reset_index(drop=True)


def caption_names(classes: pd.DataFrame) -> dict[int, str]:
    """By class number: the number and the name, cut to LONGEST_NAME."""
    cut = [
        name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
        for name in map(str, classes["class_name"])
    ]
    targets = [int(target) for target in classes["target"]]
    return {target: f"{target} {name}" for target, name in zip(targets, cut, strict=True)}
