"""Optimizer and schedule of a recipe, both timm's."""

from typing import Any

import timm.optim
import torch
from timm.scheduler import CosineLRScheduler
from torch import nn

from docsort.errors import InputError
from docsort.training.parameters import TrainingParameters

FUSED = ("adam", "adamw", "sgd")
"""Optimizers whose step torch does in one kernel on the CPU: a third of the time over a hundred small tensors."""
WARMUP_START = 0.01
"""Share of the learning rate at which the warm-up begins."""


def build_optimizer(model: nn.Module, parameters: TrainingParameters, device: str) -> torch.optim.Optimizer:
    """No weight decay on biases and norms. Raises InputError for a name that timm does not have."""
    name = parameters.optimizer.lower()
    known = [str(each) for each in timm.optim.list_optimizers()]
    if name not in known:
        raise InputError(
            f"Expected `optimizer` to be one of timm's, but got {parameters.optimizer!r}; they are: {', '.join(known)}."
        )
    fused: dict[str, Any] = {"fused": True} if name in FUSED and device == "cpu" else {}
    optimizer: torch.optim.Optimizer = timm.optim.create_optimizer_v2(
        model, opt=name, lr=parameters.highest_learning_rate, weight_decay=parameters.weight_decay, **fused
    )
    return optimizer


def build_schedule(optimizer: torch.optim.Optimizer, parameters: TrainingParameters, steps: int) -> CosineLRScheduler:
    """The learning rate after each optimizer step; steps: optimizer steps an epoch.

    Linear warm-up, then cosine to the final share, or constant.
    """
    highest = parameters.highest_learning_rate
    lowest = highest * (parameters.final_learning_rate if parameters.schedule == "cosine" else 1)
    return CosineLRScheduler(  # constant is the cosine between equal ends
        optimizer,
        t_initial=parameters.epochs * steps,
        lr_min=lowest,
        warmup_t=round(parameters.warmup_epochs * steps),
        warmup_lr_init=highest * WARMUP_START,
        t_in_epochs=False,
    )
