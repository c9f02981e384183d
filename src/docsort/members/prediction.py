"""A member's probabilities for pages, in the views of a policy, cached. Light: the work is done in a worker."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import listing
from docsort.members.cache import PageCache, page_keys
from docsort.members.checkpoints import Checkpoint
from docsort.members.member import Answers, Kind
from docsort.members.pages import RenderPages, decoding_threads
from docsort.members.views import View, ViewPolicy
from docsort.stores import Store
from docsort.tables import PREDICTION_KEYS, VIEW_KEYS, check_columns
from docsort.work.executor import Lease, Needs, executor
from docsort.work.progress import predicting

PAGES = (*(key for key in PREDICTION_KEYS if key not in ("model", *VIEW_KEYS)), "path")
"""Columns that a table of pages has at least: the keys of a prediction but for model, turn and scale, and where the
render lies. Validation renders have them once `source_id` is called `image_id`."""

LEAST_PART = 256
"""Pages that are worth a worker of their own, which loads the model."""


def predict(
    kind: Kind,
    checkpoint: Checkpoint,
    pages: pd.DataFrame,
    policy: ViewPolicy,
    model: str,
    store: Store | None = None,
    device: str = "auto",
) -> pd.DataFrame:
    """A prediction table: one row per page and view of the policy, in the order of the pages, then of the views.

    pages: the columns PAGES. model: what the table calls the member. store: of the cache; only what is not there is
    asked. Each page is decoded once, and memory does not grow with their number but for the table. Raises InputError
    for an unreadable page.
    """
    check_columns(pages, PAGES, "pages")
    targets = kind.targets(checkpoint)
    asked = kind.asked(policy)
    cache = PageCache(store, checkpoint.key, len(targets))
    keys = page_keys([str(path) for path in pages["path"]])
    known = cache.look_up(keys, asked.views)
    answers = known
    if np.isnan(known[:, :, 0]).any():
        name = f"{model}, fold {listing(sorted(set(pages['fold'])))}"
        answers = _ask(kind, checkpoint, name, pages["path"].astype(str).tolist(), asked, known, device, store)
        cache.add(keys, known, answers, asked.views)
    answers = kind.in_views(answers, policy.views)
    return prediction_table(pages.assign(model=model), policy.views, targets, answers)


def prediction_table(
    pages: pd.DataFrame, views: Sequence[View], targets: Sequence[int], answers: Answers
) -> pd.DataFrame:
    """PREDICTION_KEYS and p_<target>, ascending. answers: (N, V, K) in the order of `targets`; NaN makes no row."""
    rows, numbers = np.nonzero(~np.isnan(answers[:, :, 0]))
    turns, scales = np.array(views, dtype=np.int64)[numbers].T
    table = pages.take(rows).reset_index(drop=True).assign(turn=turns, scale=scales)
    order = np.argsort(targets)
    columns = [f"p_{targets[output]}" for output in order]
    values = pd.DataFrame(answers[rows, numbers][:, order], columns=columns)
    return pd.concat([table[list(PREDICTION_KEYS)], values], axis=1)


def _ask(
    kind: Kind,
    checkpoint: Checkpoint,
    name: str,
    paths: list[str],
    policy: ViewPolicy,
    known: Answers,
    device: str,
    store: Store | None,
) -> Answers:
    work, answers = executor(), known.copy()
    parts = _parts(len(paths), work.workers)
    tasks = [(kind, checkpoint, paths[part], policy, store, known[part]) for part in parts]
    wanting = int(np.isnan(known[:, :, 0]).any(axis=1).sum())
    with predicting(name, len(paths), len(paths) - wanting) as on_call:
        futures = [
            work.submit(_predict_in_worker, *task, needs=Needs(device=device), on_event=on_call()) for task in tasks
        ]
        for part, future in zip(parts, futures, strict=True):
            answers[part] = future.result()
    return answers


def _parts(pages: int, workers: int) -> list[slice]:
    """Pages in as many parts as there are workers, so that the last members too are asked by all of them; fewer where a
    part would be small, as each loads the model.
    """
    count = max(1, min(workers, pages // LEAST_PART))
    ends = np.linspace(0, pages, count + 1).round().astype(int)
    return [slice(int(first), int(end)) for first, end in pairwise(ends)]


def _predict_in_worker(
    kind: Kind,
    checkpoint: Checkpoint,
    paths: list[str],
    policy: ViewPolicy,
    store: Store | None,
    known: Answers,
    lease: Lease,
) -> NDArray[np.float32]:
    pages = RenderPages(paths, decoding_threads(lease.devices[0], lease.concurrent), store)
    return kind.load(checkpoint, lease.devices[0]).predict(pages, policy, known)
