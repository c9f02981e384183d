"""What is trained, and the one call that trains it: `train(task, store)`.

Light: this module runs in the main process and imports no torch.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from docsort.errors import InputError, LeakError, WeightsError, listing
from docsort.stores import Store, file_digest, fingerprint
from docsort.tables import RENDERS, VALIDATION_RENDERS, VIEWS, check_columns
from docsort.training.checkpoints import Checkpoint
from docsort.training.devices import lease_devices, side_by_side
from docsort.training.parameters import TrainingParameters
from docsort.training.watching import Training, tell_kept, watched
from docsort.workers import run_in_worker

logger = logging.getLogger(__name__)

ENGINE_VERSION = 3
"""Part of every key: raise it when the same task would give other weights, so that old ones no longer count."""


@dataclass(frozen=True, eq=False)
class FoldTask:
    """One model to train on one fold.

    name: "fold_0" or "specialist_certificates_fold_0", for the log and for the random numbers. targets: class numbers
    in the order of the model's outputs. training: table RENDERS, validation: table VALIDATION_RENDERS, both restricted
    to the fold and the targets. seed: the root seed of the run. learnt_before: groups that the weights it begins with,
    where they are of another training of this run, have learnt; they count as learnt by this one.
    """

    name: str
    targets: tuple[int, ...]
    training: pd.DataFrame
    validation: pd.DataFrame
    parameters: TrainingParameters
    seed: int
    learnt_before: tuple[str, ...] = ()


def train(task: FoldTask, store: Store) -> Checkpoint:
    """Trains in a worker process, or returns what an earlier run finished under the same key. What a killed run left in
    the middle is gone on with.

    Call it from as many threads as you like: on a CPU as many train at once as there are workers, on GPUs one a GPU.
    Raises InputError or LeakError for a task that cannot be trained, before any work. Listeners (`watching`) hear of
    the rest.
    """
    check_task(task)
    key = task_key(task)
    checkpoint = Checkpoint(store.folder(key), key)
    if checkpoint.is_complete():
        logger.info("%s: kept, already trained", task.name)
        device = str((checkpoint.record() or {}).get("device"))
        tell_kept(Training(task.name, task.parameters, task.seed, device), checkpoint)
        return checkpoint
    with (
        lease_devices(task.parameters.device, task.parameters.devices) as devices,
        watched(Training(task.name, task.parameters, task.seed, ", ".join(devices), checkpoint.is_begun()), checkpoint),
    ):
        record = run_in_worker(_train_in_worker, task, key, checkpoint.folder, devices, side_by_side(devices[0]))
    groups = sorted({*task.training["group"].astype(str), *task.learnt_before})
    store.complete(key, {**record, "learnt_groups": groups})
    return checkpoint


def task_key(task: FoldTask) -> str:
    """Fingerprint of what decides the weights: page contents and labels, parameters, name, seed and engine version.

    Where the files lie and on which device they are trained does not count. Raises InputError for missing files.
    """
    parameters = task.parameters.deciding()
    if isinstance(task.parameters.pretrained, str):
        parameters["pretrained"] = _weights_digest(task.parameters.pretrained)
    tables = [_without_paths(table) for table in (task.training, task.validation)]
    return fingerprint(ENGINE_VERSION, task.name, list(task.targets), task.seed, parameters, *tables)


def check_task(task: FoldTask) -> None:
    """Raises InputError unless the tables can train and judge a model, LeakError when they share a group."""
    check_columns(task.training, RENDERS, f"training renders of {task.name}")
    check_columns(task.validation, VALIDATION_RENDERS, f"validation renders of {task.name}")
    for what, table in (("training", task.training), ("validation", task.validation)):
        strangers = sorted(set(table["label"]) - set(task.targets))
        if strangers:
            raise InputError(
                f"Expected the {what} labels of {task.name} to be among its classes {listing(task.targets, 20)}, but "
                f"got {listing(strangers)} too; restrict the renders to the classes of the task."
            )
    classes = task.training["label"].nunique()
    if classes < 2:
        raise InputError(
            f"Expected renders of at least two classes to train {task.name} on, but got {len(task.training)} renders "
            f"of {classes}; check the data, the folds and the class counts of the augmentation."
        )
    missing = [view for view in VIEWS if not (task.validation["view"] == view).any()]
    if missing:
        raise InputError(
            f"Expected validation renders of {task.name} in the views {' and '.join(VIEWS)}, but {listing(missing)} "
            "has none; run the augmentation again."
        )
    shared = sorted(
        {*task.training["group"].astype(str), *task.learnt_before} & set(task.validation["group"].astype(str))
    )
    if shared:
        raise LeakError(
            f"Expected no group of pages on both sides of {task.name}, but {listing(shared)} is in training and in "
            "validation; make the folds and the renders again."
        )


def _train_in_worker(
    task: FoldTask, key: str, folder: Path, devices: tuple[str, ...], concurrent: int
) -> dict[str, object]:
    if len(devices) > 1:
        from docsort.training.parallel import fit_together

        return fit_together(task, folder, devices, concurrent, key)
    from docsort.training.engine import fit

    return fit(task, folder, devices[0], concurrent, key)


def _without_paths(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the content of each file in place of its path."""
    missing = [path for path in table["path"] if not Path(path).is_file()]
    if missing:
        raise InputError(
            f"Expected every render to be on disk, but {len(missing)} are missing: {listing(missing, 3)}; run the "
            "augmentation again."
        )
    return table.assign(path=[file_digest(str(path)) for path in table["path"]])


def _weights_digest(path: str) -> str:
    if not Path(path).is_file():
        raise WeightsError(
            f"Expected `pretrained` to be true, false or the path of a weights file, but there is no file {path!r}."
        )
    return file_digest(path)
