"""A projection of held-out embeddings onto a plane (t-SNE), all folds aligned.

Each fold's model has a space of its own. They are laid on each other by the rotation that brings the pages which two
models have both learnt nearest to each other (orthogonal Procrustes: Schönemann, Psychometrika 1966), which keeps every
distance within a fold. There are hundreds of such pages, where class means would be as few as there are classes. The
plane is drawn by t-SNE (van der Maaten & Hinton, JMLR 2008): neighbours can be trusted, distances afar cannot.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.seeding import derive_seed
from docsort.tables import EMBEDDING_KEYS, check_columns, embedding_columns
from docsort.work.executor import run

PROJECTION = ("render_id", "image_id", "fold", "label", "predicted", "confidence", "x", "y")
"""One row per held-out test-like page; x, y: its place on the plane, without unit."""

PERPLEXITY = 30
"""Neighbours of a page that its place depends on; the usual choice."""
FEWEST = 10
"""Fewer pages than this make no plane."""

Floats = NDArray[np.float64]


def project(embeddings: pd.DataFrame, oof_votes: pd.DataFrame, limit: int, seed: int) -> pd.DataFrame:
    """Table PROJECTION of at most `limit` pages, as many of each fold; empty where there are too few.

    embeddings: table of all folds, each with the pages it has learnt; pages of the first copies come first.
    """
    check_columns(embeddings, EMBEDDING_KEYS, "embeddings")
    folds = embeddings["fold"].nunique()
    held = aligned(embeddings).groupby("fold", sort=True).head(limit // max(folds, 1))
    if len(held) < FEWEST:
        return pd.DataFrame(columns=list(PROJECTION))
    places = held[embedding_columns(held)].to_numpy(np.float64)
    plane = run(lay_out, places, derive_seed(seed, "projection") % 2**32)
    votes = oof_votes.drop_duplicates("render_id").set_index("render_id")
    answered = {column: held["render_id"].map(votes[column]) for column in ("predicted", "confidence")}
    return held.assign(x=plane[:, 0], y=plane[:, 1], **answered)[list(PROJECTION)].reset_index(drop=True)


def aligned(embeddings: pd.DataFrame) -> pd.DataFrame:
    """The pages held out by each fold, in the space of the first."""
    columns, parts = embedding_columns(embeddings), []
    # a fold of few pages has fewer components than another: what it lacks does not vary there
    embeddings = embeddings.fillna(dict.fromkeys(columns, 0.0))
    first: pd.DataFrame | None = None
    for _, own in embeddings.groupby("fold", sort=True):
        first = own if first is None else first
        held = own[~own["learnt"].astype(bool)]
        turned = held[columns].to_numpy(np.float64) @ _rotation(own, first, columns)
        parts.append(held.drop(columns=columns).join(pd.DataFrame(turned, held.index, columns)))
    return pd.concat(parts or [embeddings], ignore_index=True)


def lay_out(places: Floats, seed: int) -> Floats:
    """(N, 2) of (N, D); the same bits with any number of cores, as it runs in a worker of one thread."""
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(places) - 1) / 3)
    return np.asarray(TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(places), np.float64)


def _rotation(own: pd.DataFrame, first: pd.DataFrame, columns: list[str]) -> Floats:
    """(D, D) orthogonal, that brings what both have learnt nearest to where the first has it."""
    from scipy.linalg import orthogonal_procrustes

    mine, theirs = (each[each["learnt"].astype(bool)].set_index("render_id")[columns] for each in (own, first))
    shared = mine.index.intersection(theirs.index).sort_values()
    rotation: Floats = orthogonal_procrustes(mine.loc[shared].to_numpy(float), theirs.loc[shared].to_numpy(float))[0]
    return rotation
