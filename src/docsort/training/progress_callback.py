"""What a worker reports while it trains: rows of the history as they come, and at most twice a second how far it is.

It only observes: no random number is drawn and no weight is touched, so the training is the same without it.
"""

import math
import time
from typing import Any

import torch
from lightning.pytorch import Callback

from docsort.work.channel import report
from docsort.work.progress import EpochRow, Progress

EVERY_S = 0.5


class ProgressReport(Callback):
    """Reports how far a PageClassifier is; of several processes that train together the first does."""

    def __init__(self) -> None:
        self.reported_at = -math.inf

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        if trainer.is_global_zero:
            for row in pl_module.progress.rows:
                report(EpochRow(_numbers(row)))
            self._report(_progress(pl_module, pl_module.position.epoch, pl_module.position.batches))

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        # The loss is on the device, and to ask for it is to wait for the device: not after each batch.
        if trainer.is_global_zero and time.monotonic() - self.reported_at >= EVERY_S:
            self._report(_in_epoch(pl_module, batch_idx + 1))

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Also in haste: the row of the epoch is in the history now."""
        if trainer.is_global_zero:
            row, batches = _numbers(pl_module.progress.rows[-1]), len(pl_module.plan.rows)
            report(EpochRow(row))
            self._report(_progress(pl_module, pl_module.current_epoch, batches, row["images_per_s"], row["train_loss"]))

    def _report(self, progress: Progress) -> None:
        report(progress)
        self.reported_at = time.monotonic()


def _numbers(row: dict[str, Any]) -> dict[str, float]:
    return {column: float(value) for column, value in row.items()}


def _progress(
    classifier: Any, epoch: int, batch: int, images_per_s: float | None = None, loss: float | None = None
) -> Progress:
    """epoch: from 0."""
    return Progress(epoch + 1, classifier.config.epochs, batch, len(classifier.plan.rows), images_per_s, loss)


def _in_epoch(classifier: Any, batch: int) -> Progress:
    seconds = time.perf_counter() - classifier.started
    # of several processes that train together this one has summed up its own share
    loss = classifier.loss_sum.item() * classifier.share.world / classifier.seen
    speed = classifier.seen / seconds
    return _progress(classifier, classifier.current_epoch, classifier.done + batch, speed, loss)


def take_peak_memory(device: torch.device) -> float:
    """MiB that tensors took up at most on a GPU since the last call; NaN elsewhere."""
    if device.type != "cuda":
        return math.nan
    peak = torch.cuda.max_memory_allocated(device) / 2**20
    torch.cuda.reset_peak_memory_stats(device)
    return peak
