"""A checkpoint's features of pages: where it puts them before it decides. Light: the work is done in a worker."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from docsort.members.checkpoints import Checkpoint
from docsort.members.member import Blocks
from docsort.members.pages import RenderPages, decoding_threads
from docsort.members.splits import pages_to_judge, renders_in
from docsort.seeding import derive_rng
from docsort.tables import EMBEDDING_KEYS, VALIDATION_RENDERS, check_columns
from docsort.work.executor import Lease, Needs, run

KEPT = 64
"""Principal components of the features that are kept on disk: more than there are classes to tell apart."""

Floats = NDArray[np.float32]


def embed(checkpoint: Checkpoint, paths: Sequence[str], device: str = "auto") -> Blocks:
    """Blocks (N, D) of features of renders, in their order, as `members.member.Embedder.embed` gives them.

    Two networks' features have nothing to do with each other, even where D is the same. Raises UnreadableImageError.
    """
    return run(_embed_in_worker, checkpoint, list(paths), needs=Needs(device))


def _embed_in_worker(checkpoint: Checkpoint, paths: Sequence[str], lease: Lease) -> Blocks:
    from docsort.models.forward import NetworkMember

    device = lease.devices[0]
    pages = RenderPages(paths, decoding_threads(device, lease.concurrent))
    return NetworkMember(checkpoint.folder, device).embed(pages)


def pages_to_embed(
    checkpoint: Checkpoint,
    name: str,
    fold: int,
    folds: pd.DataFrame,
    validation_renders: pd.DataFrame,
    limit: int,
    seed: int,
) -> pd.DataFrame:
    """Test-like pages: EMBEDDING_KEYS and path, of what the model of this fold holds out and of what it has learnt, at
    most `limit` of either, in the format that it wants; every source is there before a second copy of any.

    Drawn alike for all folds, so that two folds share what both have learnt. Raises LeakError where the model has
    learnt a page that it holds out.
    """
    check_columns(validation_renders, VALIDATION_RENDERS, "validation_renders")
    judged = set(pages_to_judge(checkpoint, name, fold, folds, validation_renders)["render_id"])
    own = renders_in(checkpoint.page_format, validation_renders)
    pages = own[own["condition"] == "test_like"].sort_values("render_id", kind="stable")
    order = derive_rng(seed, "embedded pages").permutation(len(pages))
    pages = pages.iloc[order].sort_values("copy", kind="stable").rename(columns={"source_id": "image_id"})
    pages = pages.assign(learnt=~pages["render_id"].isin(judged), fold=fold)
    chosen = pages.groupby("learnt", sort=True).head(limit)
    return chosen[[*EMBEDDING_KEYS, "path"]].reset_index(drop=True)


def embedding_table(pages: pd.DataFrame, features: Floats) -> pd.DataFrame:
    """EMBEDDING_KEYS and e_0, e_1, …: at most KEPT principal components of the directions of the features (N, D).

    pages: of `pages_to_embed`. The components are those of what the model has learnt, whose mean is the origin.
    """
    directions = unit(features.astype(np.float64))
    learnt = directions[pages["learnt"].to_numpy(bool)]
    middle = learnt.mean(axis=0)
    with threadpool_limits(limits=1):  # the same bits on any machine with as many cores as it likes
        axes = np.linalg.svd(learnt - middle, full_matrices=False)[2][:KEPT]
    places = ((directions - middle) @ axes.T).astype(np.float32)
    columns = [f"e_{i}" for i in range(places.shape[1])]
    return pd.concat([pages[list(EMBEDDING_KEYS)], pd.DataFrame(places, columns=columns)], axis=1)


def unit(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows (N, D) scaled to length one; a row of zeros stays."""
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12))
