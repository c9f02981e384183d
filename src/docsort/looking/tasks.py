"""What a fold's look learns from, and the one call that makes it: `learn_look(task, store)`."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from docsort.errors import InputError, LeakError, listing
from docsort.looking.describing import numbers_of
from docsort.looking.learning import Described, learn
from docsort.looking.looks import Look, save_look
from docsort.looking.parameters import LookParameters
from docsort.stores import Store, fingerprint
from docsort.tables import RENDERS, VALIDATION_RENDERS, check_columns
from docsort.training.checkpoints import Checkpoint
from docsort.workers import run_in_worker

LOOK_VERSION = 1
"""Part of every key: raise it when the same pages would give another look, so that old ones no longer count."""

MOST_PROBES = 500
"""Test-like pages that the sharpness is told from, at most."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LookTask:
    """name: "look_fold_0". targets: class numbers of the answers, ascending. plain, worn: renders that are learnt;
    probes: test-like ones that tell how sure to be. looks: the numbers of all of them.
    """

    name: str
    targets: tuple[int, ...]
    plain: pd.DataFrame
    worn: pd.DataFrame
    probes: pd.DataFrame
    looks: pd.DataFrame


def look_task(
    name: str,
    fold: int,
    training_renders: pd.DataFrame,
    validation_renders: pd.DataFrame,
    looks: pd.DataFrame,
    targets: list[int],
    parameters: LookParameters,
) -> LookTask:
    """The task of one fold: all but what it holds out. Raises LeakError when a group stands on both sides of it."""
    check_columns(training_renders, RENDERS, "training_renders")
    check_columns(validation_renders, VALIDATION_RENDERS, "validation_renders")
    known = validation_renders[validation_renders["fold"] != fold]
    plain, probes = (known[known["view"] == view] for view in ("clean", "test_like"))
    plain = _evenly(plain, parameters.pages)
    worn = worn_renders(training_renders[training_renders["fold"] != fold], parameters)
    worn = _evenly(worn, max(0, parameters.pages - len(plain)))
    held_out = set(validation_renders.loc[validation_renders["fold"] == fold, "group"])
    shared = held_out & set(pd.concat([known["group"], worn["group"]]))
    if shared:
        raise LeakError(
            f"Expected no group of pages on both sides of {name}, but {listing(sorted(map(str, shared)))} is in both; "
            "make the folds and the renders again."
        )
    return LookTask(name, tuple(sorted(targets)), plain, worn, _evenly(probes, MOST_PROBES), looks)


def worn_renders(training_renders: pd.DataFrame, parameters: LookParameters) -> pd.DataFrame:
    """The first worn copies of each source, as many as are learnt; copy 0 is the page as it is."""
    worn = training_renders[training_renders["copy"] > 0].sort_values(["source_id", "copy"])
    return worn.groupby("source_id", sort=False).head(parameters.worn)


def learn_look(task: LookTask, store: Store) -> Checkpoint:
    """Learns in a worker process, or returns what an earlier run made of the same pages. Raises InputError for a task
    without pages of two folds and two classes.
    """
    parts = {name: _described(task, getattr(task, name)) for name in ("plain", "worn", "probes")}
    known = parts["plain"]
    if len(np.unique(known.folds)) < 2 or len(np.unique(known.labels)) < 2 or not len(parts["probes"]):
        raise InputError(
            f"Expected plain and test-like pages of two folds and two classes at least to make {task.name}, but got "
            f"{len(known)} and {len(parts['probes'])} pages; run the augmentation again, or switch `look` off."
        )
    contents = [array.tobytes() for part in parts.values() for array in (part.numbers, part.labels, part.folds)]
    key = fingerprint(LOOK_VERSION, task.name, list(task.targets), *contents)
    checkpoint = Checkpoint(store.folder(key), key)
    if checkpoint.is_complete():
        _log.info("%s: kept, already learnt", task.name)
        return checkpoint
    record = run_in_worker(_learn_in_worker, parts, task.targets, checkpoint.folder)
    groups = pd.concat([task.plain["group"], task.worn["group"], task.probes["group"]])
    store.complete(key, {**record, "name": task.name, "learnt_groups": sorted(set(groups.astype(str)))})
    _log.info("%s: learnt %d pages, sharpness %.0f", task.name, record["pages"], record["sharpness"])
    return checkpoint


def _learn_in_worker(parts: dict[str, Described], targets: tuple[int, ...], folder: Path) -> dict[str, float]:
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(limits=1):  # the same bits on any machine with as many cores as it likes
        learnt = learn(**parts, classes=len(targets))
    seen = tuple(np.isin(np.arange(len(targets)), parts["plain"].labels).tolist())
    look = Look(targets, seen, learnt.width, learnt.sharpness, learnt.numbers, learnt.turns, learnt.weights)
    save_look(look, folder)
    return {"pages": len(learnt.turns), "width": learnt.width, "sharpness": learnt.sharpness}


def _described(task: LookTask, renders: pd.DataFrame) -> Described:
    labels = np.searchsorted(task.targets, renders["label"].to_numpy(dtype=np.int64))
    folds = renders["fold"].to_numpy(dtype=np.int64)
    return Described(numbers_of(task.looks, renders["render_id"]), labels.astype(np.int64), folds)


def _evenly(renders: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many renders: first copies of all sources before second ones."""
    ordered = renders.sort_values(["copy", "render_id"], ignore_index=True)
    if len(ordered) <= most:
        return ordered
    rows = np.linspace(0, len(ordered) - 1, most).round().astype(np.int64)
    return ordered.iloc[rows].reset_index(drop=True)
