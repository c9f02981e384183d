"""A checkpoint's probabilities for pages, in the views of a policy. Light: the work is done in a worker."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import listing
from docsort.inference.kept import KeptPredictions, page_keys
from docsort.inference.pages import PAGES
from docsort.inference.progress import FILE_INTERVAL_S, read_progress
from docsort.stores import Store
from docsort.tables import PREDICTION_KEYS, check_columns
from docsort.training.checkpoints import Checkpoint
from docsort.training.devices import lease_device, side_by_side
from docsort.training.watching import tell_predicted
from docsort.views import View, ViewPolicy, pages_wanting
from docsort.workers import map_in_workers, worker_count

LEAST_PART = 256
"""Pages that are worth a worker of their own."""

Answers = NDArray[np.float32]


def predict(
    checkpoint: Checkpoint,
    pages: pd.DataFrame,
    policy: ViewPolicy,
    model: str,
    store: Store | None = None,
    device: str = "auto",
) -> pd.DataFrame:
    """A prediction table: one row a page and view that was asked for, in the order of the pages, then of the views.

    pages: the columns `inference.pages.PAGES`; a path may be a render or a photo of any size. model: what the table
    calls the model. store: where what was said is kept; only what is not there is asked. Each page is decoded once, and
    memory does not grow with their number but for the table. Raises InputError for an unreadable page.
    """
    check_columns(pages, PAGES, "pages")
    targets = checkpoint.description().targets
    keys, kept = page_keys([str(path) for path in pages["path"]]), KeptPredictions(store, checkpoint)
    known = kept.look_up(keys, policy.views)
    answers = known
    if len(pages):
        name = f"{model}, fold {listing(sorted(set(pages['fold'])))}"
        answers = _ask(checkpoint, name, pages["path"].astype(str).tolist(), policy, known, device)
        kept.add(keys, policy.views, known, answers)
    return _as_table(pages.assign(model=model), policy.views, targets, answers)


def _ask(
    checkpoint: Checkpoint, name: str, paths: list[str], policy: ViewPolicy, known: Answers, device: str
) -> Answers:
    if not pages_wanting(known, policy).any():
        return known
    with lease_device(device) as leased, _told(name, len(paths)) as folder:
        bounds = _parts(len(paths), worker_count() if leased == "cpu" else 1)
        tasks = [
            (number, checkpoint.folder, name, paths[part], policy, known[part], leased, side_by_side(leased), folder)
            for number, part in enumerate(bounds)
        ]
        answers = known.copy()
        for number, said in map_in_workers(_forward_in_worker, tasks):
            answers[bounds[number]] = said
        return answers


def _parts(pages: int, workers: int) -> list[slice]:
    """Pages in as many parts as there are workers, so that the last models too are asked by all of them; fewer where a
    part would be small, as each loads the model.
    """
    count = max(1, min(workers, pages // LEAST_PART))
    ends = np.linspace(0, pages, count + 1).round().astype(int)
    return [slice(int(first), int(end)) for first, end in pairwise(ends)]


def _forward_in_worker(number: int, *arguments: object) -> tuple[int, Answers]:
    from docsort.inference.forward import forward_pages

    *others, folder = arguments
    return number, forward_pages(*others, Path(str(folder)) / f"{number}.json")  # type: ignore[arg-type, call-arg]


@contextmanager
def _told(name: str, pages: int) -> Iterator[Path]:
    """A folder for the workers to write to; what they say is told to the listeners of `training.watching`."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(FILE_INTERVAL_S):
            if done := read_progress(folder):
                tell_predicted(name, done, pages)

    with tempfile.TemporaryDirectory(prefix="docsort-") as made:
        folder = Path(made)
        thread = threading.Thread(target=look, name=f"watch {name}", daemon=True)
        thread.start()
        try:
            yield folder
        finally:
            over.set()
            thread.join()
            tell_predicted(name, 1, 1)


def _as_table(pages: pd.DataFrame, views: tuple[View, ...], targets: tuple[int, ...], answers: Answers) -> pd.DataFrame:
    """answers: (pages, views, classes), the classes in the order of `targets`; the columns ascend."""
    rows, numbers = np.nonzero(~np.isnan(answers[:, :, 0]))
    table = pages.take(rows).reset_index(drop=True)
    turns, scales = np.array(views, dtype=np.int64)[numbers].T
    table = table.assign(turn=turns, scale=scales)
    order = np.argsort(targets)
    values = answers[rows, numbers][:, order]
    columns = [f"p_{targets[output]}" for output in order]
    return pd.concat([table[list(PREDICTION_KEYS)], pd.DataFrame(values, columns=columns)], axis=1)
