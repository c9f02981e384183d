"""The most confused pairs of classes: a misclassified page beside its nearest neighbours in the training set.

Nearest in the embedding of the model that answered. On the one side what it took the page for, on the other what it
should have known it by. Often the two show that the label is wrong, or that the classes cannot be told.
"""

import numpy as np
import pandas as pd

from docsort.reporting.galleries import surest_first
from docsort.tables import EMBEDDING_KEYS, check_columns, embedding_columns

CONFUSED_PAIRS = ("label", "predicted", "pages", "render_id", "image_id", "confidence", "taken_id", "own_id")
"""One row per pair of classes, the most confused first. pages: how many of class `label` were taken for `predicted`;
render_id to confidence: of the surest of them; taken_id, own_id: sources of the learnt pages of either class that are
nearest to it."""


def list_confused_pairs(oof_votes: pd.DataFrame, embeddings: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Table CONFUSED_PAIRS, at most `limit` rows, of the test-like pages that were embedded."""
    check_columns(embeddings, EMBEDDING_KEYS, "embeddings")
    held = embeddings.loc[~embeddings["learnt"].astype(bool), "render_id"]
    wrong = oof_votes[(oof_votes["predicted"] != oof_votes["label"]) & oof_votes["render_id"].isin(held)]
    counts = wrong.groupby(["label", "predicted"]).size().rename("pages").reset_index()
    most = counts.sort_values(["pages", "label", "predicted"], ascending=[False, True, True], kind="stable").head(limit)
    pairs = most.merge(surest_first(wrong).drop_duplicates(["label", "predicted"]), on=["label", "predicted"])
    spaces = {int(str(fold)): own for fold, own in embeddings.groupby("fold")}
    for column, target in (("taken_id", "predicted"), ("own_id", "label")):
        found = [
            _nearest(spaces[int(fold)], str(render_id), int(wanted))
            for fold, render_id, wanted in zip(pairs["fold"], pairs["render_id"], pairs[target], strict=True)
        ]
        pairs[column] = pd.Series(found, index=pairs.index, dtype=object)
    return pairs.dropna(subset=["taken_id", "own_id"])[list(CONFUSED_PAIRS)].reset_index(drop=True)


def _nearest(space: pd.DataFrame, render_id: str, target: int) -> str | None:
    """The source of the learnt page of the class nearest to a page, in the space of one fold; None where none is."""
    columns = embedding_columns(space)
    own = space[space["learnt"].astype(bool) & (space["label"] == target)]
    if own.empty:
        return None
    page = space.loc[space["render_id"] == render_id, columns].to_numpy(np.float64)[0]
    distances = np.square(own[columns].to_numpy(np.float64) - page).sum(axis=1)
    return str(own["image_id"].iloc[int(distances.argmin())])
