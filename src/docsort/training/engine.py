"""One training from beginning to end, inside a worker process: Lightning's Trainer around our own data path."""

import logging
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from docsort.files import write_atomically
from docsort.members.checkpoints import HISTORY, HISTORY_FILE
from docsort.members.member import Task
from docsort.models.pixels import Normaliser
from docsort.models.threads import freed_memory_kept, prepare_worker
from docsort.models.weights import save_model
from docsort.seeding import derive_seed
from docsort.training.batches import ALONE, Share, Split
from docsort.training.building import build_network, for_device
from docsort.training.history import History
from docsort.training.input_path import InputPath, choose_input_path, open_pages
from docsort.training.module import PageClassifier
from docsort.training.progress_callback import ProgressReport
from docsort.training.resume import ResumeFile
from docsort.training.trainer import begin_at, build_trainer, quiet_lightning

logger = logging.getLogger(__name__)


def fit(task: Task, folder: Path, device: str, concurrent: int, key: str = "", share: Share = ALONE) -> dict[str, Any]:
    """Trains the task and writes model.safetensors, model.json and history.csv to the folder; returns its record.

    concurrent: how many trainings share the machine. key: of the task, for what is saved in the middle: a training that
    was killed goes on from there and ends, on a CPU, with the weights of an unbroken one, bit for bit. The history is
    rewritten after each epoch, so it can be watched. share: of several processes that train one model, see `parallel`;
    the first of them writes.
    """
    started = time.perf_counter()
    prepare_worker()
    parameters = for_device(task.parameters, device, task.name)
    torch.manual_seed(derive_seed(task.seed, "weights", task.name))
    net, description = build_network(parameters, task.targets, task.name)
    training, validation, way = _open_splits(task, device, max(concurrent, share.world))
    resume = ResumeFile(folder, key, parameters.save_every_s)
    classifier = PageClassifier(
        net,
        Normaliser(description.mean, description.std, device),
        training,
        validation,
        parameters,
        task.targets,
        task.name,
        task.seed,
        lambda history: _write_history(history, folder),
        resume,
        share,
    )
    with quiet_lightning(), freed_memory_kept(device):
        trainer = build_trainer(parameters, device, share, ProgressReport())
        begin_at(trainer, classifier.position.epoch)
        trainer.fit(classifier)
    if share.rank:
        return {}
    net.load_state_dict(classifier.best)
    save_model(net, description, folder)
    resume.remove()
    record = _record(task, classifier, device)
    logger.info(
        "%s done: best epoch %d of %d, test-like %.3f, clean %.3f",
        task.name,
        record["best_epoch"],
        record["epochs"],
        record["test_like_macro_f1"],
        record["clean_macro_f1"],
    )
    return {**record, "input": asdict(way), "seconds": round(time.perf_counter() - started, 1)}


def _record(task: Task, classifier: PageClassifier, device: str) -> dict[str, Any]:
    """What is known of a finished training."""
    best = classifier.progress.best
    return {
        "name": task.name,
        "best_epoch": best["epoch"],
        "epochs": len(classifier.progress.rows),
        "clean_macro_f1": best["clean_macro_f1"],
        "test_like_macro_f1": best["test_like_macro_f1"],
        "device": device,
    }


def _open_splits(task: Task, device: str, concurrent: int) -> tuple[Split, Split, InputPath]:
    """Both splits by one way, and that way."""
    tables, size = (task.split.training, task.split.held_out), task.parameters.image_size
    listed = [table["path"].tolist() for table in tables]
    way = choose_input_path(sum(map(len, listed)), size, device, concurrent)
    logger.info("%s: %d training and %d validation pages, %s", task.name, *map(len, tables), way.sentence())
    outputs = {target: output for output, target in enumerate(task.targets)}
    splits = []
    for table, paths in zip(tables, listed, strict=True):
        labels = np.array([outputs[label] for label in table["label"]], dtype=np.int64)
        conditions = table["condition"].tolist() if "condition" in table else ()
        splits.append(Split(open_pages(paths, size, device, way), labels, conditions))
    return splits[0], splits[1], way


def _write_history(history: History, folder: Path) -> None:
    table = pd.DataFrame(history.rows, columns=list(HISTORY))
    write_atomically(folder / HISTORY_FILE, table.to_csv(index=False, lineterminator="\n").encode())
