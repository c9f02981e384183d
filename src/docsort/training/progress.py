"""What a worker says while it trains: a small file beside the history, rewritten at most twice a second.

It only looks: no random number is drawn and no weight is touched, so the training is the same without it.
"""

import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback

from docsort.training.watching import PROGRESS_FILE, Progress

logger = logging.getLogger(__name__)

EVERY_S = 0.5


class ProgressFile(Callback):
    """Writes how far a PageClassifier is to a folder, for `watching` in the main process."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / PROGRESS_FILE
        self.written_at = -math.inf
        self.is_broken = False

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._write(trainer, lambda: _progress(pl_module, pl_module.position.epoch, pl_module.position.batches))

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        # The loss is on the device, and to ask for it is to wait for the device: not after each batch.
        if time.monotonic() - self.written_at >= EVERY_S:
            self._write(trainer, lambda: _in_epoch(pl_module, batch_idx + 1))

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Also in haste: from this one it is known that the row of the epoch is in the history."""
        self._write(trainer, lambda: _after_epoch(pl_module))

    def _write(self, trainer: Any, see: Callable[[], Progress]) -> None:
        if self.is_broken or not trainer.is_global_zero:
            return
        # Not `write_atomically`: what a crash may take is not worth waiting for the disk, twice a second.
        partial = self.path.with_suffix(".partial")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(asdict(see())), encoding="utf-8")
            partial.replace(self.path)
        except Exception:
            # Whatever it is, hours of training are worth more than to know how far it is.
            self.is_broken = True
            logger.warning("A training goes on, but no longer says in %s how far it is:", self.path, exc_info=True)
        self.written_at = time.monotonic()


def _progress(
    classifier: Any, epoch: int, batch: int, images_per_s: float | None = None, loss: float | None = None
) -> Progress:
    """epoch: from 0."""
    batches, rows = len(classifier.plan.rows), len(classifier.progress.rows)
    finite = loss if loss is not None and math.isfinite(loss) else None  # JSON knows no infinity
    return Progress(epoch + 1, classifier.recipe.epochs, batch, batches, images_per_s, finite, rows)


def _in_epoch(classifier: Any, batch: int) -> Progress:
    seconds = time.perf_counter() - classifier.started
    # of several processes that train together this one has summed up its own share
    loss = classifier.loss_sum.item() * classifier.share.world / classifier.seen
    speed = classifier.seen / seconds
    return _progress(classifier, classifier.current_epoch, classifier.done + batch, speed, loss)


def _after_epoch(classifier: Any) -> Progress:
    row, batches = classifier.progress.rows[-1], len(classifier.plan.rows)
    return _progress(classifier, classifier.current_epoch, batches, row["images_per_s"], row["train_loss"])


def take_peak_memory(device: torch.device) -> float:
    """MiB that tensors took up at most on a GPU since the last call; NaN elsewhere."""
    if device.type != "cuda":
        return math.nan
    peak = torch.cuda.max_memory_allocated(device) / 2**20
    torch.cuda.reset_peak_memory_stats(device)
    return peak
