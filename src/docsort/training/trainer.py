"""Lightning's Trainer as we use it: its loop, precision, accumulation, clipping and several processes; nothing else."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.strategies import DDPStrategy

from docsort.training.batches import Share
from docsort.training.parameters import TrainingParameters

PRECISIONS: dict[str, Any] = {"32": "32-true", "bf16": "bf16-mixed", "16-mixed": "16-mixed"}
"""Our names to Lightning's."""


def build_trainer(parameters: TrainingParameters, device: str, share: Share, *callbacks: Callback) -> Trainer:
    """On one device, or as one of several processes."""
    kind, _, index = device.partition(":")
    if kind == "cpu":
        # Filling new tensors with NaN costs time and finds no error here.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    together: dict[str, Any] = {"devices": [int(index)] if index else 1}
    if share.world > 1:
        together = {
            "devices": share.world if kind == "cpu" else [int(each.partition(":")[2]) for each in share.devices],
            "strategy": DDPStrategy(
                process_group_backend="nccl" if kind == "cuda" else "gloo",
                # while the backbone is frozen its parameters have no gradient
                find_unused_parameters=parameters.freeze_epochs > 0,
            ),
            "use_distributed_sampler": False,
        }
    return Trainer(
        accelerator={"cuda": "gpu"}.get(kind, kind),
        **together,
        precision=PRECISIONS[parameters.precision],
        max_epochs=parameters.epochs,
        callbacks=list(callbacks),
        accumulate_grad_batches=parameters.accumulate,
        gradient_clip_val=parameters.clip_norm,
        deterministic=kind == "cpu",
        benchmark=kind == "cuda",
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def begin_at(trainer: Trainer, epoch: int) -> None:
    """Lightning's own way to go on is its own kind of checkpoint, which knows nothing of our batches."""
    progress: Any = trainer.fit_loop.epoch_progress.current
    progress.ready = progress.started = progress.processed = progress.completed = epoch


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Lightning without its banners and its advice, which is about loaders and loggers that we do not use."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
