"""Optimizer and learning rate schedule of a training, timm's and torch's."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, Protocol

import timm.optim
import torch
from timm.scheduler import CosineLRScheduler, StepLRScheduler
from timm.scheduler.scheduler import Scheduler
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau

from docsort.errors import InputError, listing
from docsort.training.parameters import TrainingParameters

FUSED = ("adam", "adamw", "sgd")
"""Optimizers whose step torch does in one kernel on the CPU: a third of the time over a hundred small tensors."""
WARMUP_START = 0.01
"""Share of the learning rate at which the warm-up begins."""


def build_optimizer(model: nn.Module, parameters: TrainingParameters, device: str) -> torch.optim.Optimizer:
    """No weight decay on biases and norms; layer-wise decay of the learning rate as timm groups the layers.

    Raises InputError for a name that timm does not have.
    """
    name = parameters.optimizer.lower()
    known = [str(each) for each in timm.optim.list_optimizers()]
    if name not in known:
        near = get_close_matches(name, known)
        raise InputError(
            f"Expected `optimizer` to be one of timm's, but got {parameters.optimizer!r}; "
            f"{f'did you mean {listing(near)}?' if near else f'they are: {listing(known, limit=200)}.'}"
        )
    fused: dict[str, Any] = {"fused": True} if name in FUSED and device == "cpu" else {}
    optimizer: torch.optim.Optimizer = timm.optim.create_optimizer_v2(
        model,
        opt=name,
        lr=parameters.highest_learning_rate,
        weight_decay=parameters.weight_decay,
        layer_decay=parameters.layer_decay,
        **fused,
    )
    return optimizer


@contextmanager
def scaled_rates(optimizer: torch.optim.Optimizer, factor: float) -> Iterator[None]:
    """Every learning rate times the factor while inside; afterwards what the schedule set is back."""
    rates = [group["lr"] for group in optimizer.param_groups]
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate * factor
    try:
        yield
    finally:
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate


class Schedule(Protocol):
    """Sets the learning rate of its optimizer."""

    def after_step(self, updates: int) -> None:
        """updates: optimizer steps done so far."""
        ...

    def after_epoch(self, score: float) -> None:
        """score: the epoch's test-like macro-F1."""
        ...

    def state(self) -> dict[str, Any]:
        """What it counts by itself."""
        ...

    def go_on(self, updates: int, state: dict[str, Any]) -> None:
        """Back to where `state` was taken, after so many updates."""
        ...


def build_schedule(optimizer: torch.optim.Optimizer, parameters: TrainingParameters, steps: int) -> Schedule:
    """steps: optimizer steps an epoch. All but one_cycle begin with the linear warm-up.

    cosine falls to the final share; constant stays; step falls by step_factor every step_epochs; restarts is one cosine
    after another (Loshchilov & Hutter, "SGDR", ICLR 2017); one_cycle rises over the warm-up, or 30 % of the steps, and
    falls (Smith & Topin, "Super-convergence", 2018); plateau falls by step_factor where the score does not rise.
    """
    total, warmup = parameters.epochs * steps, round(parameters.warmup_epochs * steps)
    highest = parameters.highest_learning_rate
    lowest = highest * parameters.final_learning_rate
    begin: dict[str, Any] = {"warmup_t": warmup, "warmup_lr_init": highest * WARMUP_START, "t_in_epochs": False}
    if parameters.schedule == "one_cycle":
        rise = warmup / total if warmup else 0.3
        divisors: dict[str, Any] = {"div_factor": 1 / WARMUP_START, "final_div_factor": WARMUP_START * highest / lowest}
        tops = [highest * group.get("lr_scale", 1) for group in optimizer.param_groups]
        return _StepByStep(OneCycleLR(optimizer, tops, total_steps=total + 1, pct_start=rise, **divisors))
    if parameters.schedule == "step":
        fall: dict[str, Any] = {
            "decay_t": max(1, round(parameters.step_epochs * steps)),
            "decay_rate": parameters.step_factor,
        }
        return _ByUpdates(StepLRScheduler(optimizer, **fall, **begin))
    if parameters.schedule == "restarts":
        cycle = math.ceil(total / parameters.cycles)
        return _ByUpdates(
            CosineLRScheduler(optimizer, t_initial=cycle, lr_min=lowest, cycle_limit=parameters.cycles, **begin)
        )
    if parameters.schedule == "plateau":
        level = CosineLRScheduler(optimizer, t_initial=total, lr_min=highest, **begin)
        return _OnPlateau(level, warmup, parameters)
    # constant is the cosine between equal ends
    end = lowest if parameters.schedule == "cosine" else highest
    return _ByUpdates(CosineLRScheduler(optimizer, t_initial=total, lr_min=end, **begin))


class _ByUpdates:
    """A schedule of timm: a function of the number of updates."""

    def __init__(self, schedule: Scheduler) -> None:
        self.schedule = schedule

    def after_step(self, updates: int) -> None:
        self.schedule.step_update(updates)

    def after_epoch(self, score: float) -> None:
        pass

    def state(self) -> dict[str, Any]:
        return {}

    def go_on(self, updates: int, state: dict[str, Any]) -> None:
        self.schedule.step_update(updates)


class _StepByStep:
    """A schedule of torch, which counts for itself."""

    def __init__(self, schedule: LRScheduler) -> None:
        self.schedule = schedule

    def after_step(self, updates: int) -> None:
        self.schedule.step()

    def after_epoch(self, score: float) -> None:
        pass

    def state(self) -> dict[str, Any]:
        return dict(self.schedule.state_dict())

    def go_on(self, updates: int, state: dict[str, Any]) -> None:
        self.schedule.load_state_dict(state)


class _OnPlateau:
    """The warm-up by updates, afterwards torch's ReduceLROnPlateau by epochs."""

    def __init__(self, level: Scheduler, warmup: int, parameters: TrainingParameters) -> None:
        self.level, self.warmup = level, warmup
        self.falls = ReduceLROnPlateau(
            level.optimizer,
            mode="max",
            factor=parameters.step_factor,
            patience=parameters.plateau_patience,
            threshold=0,
            threshold_mode="abs",
            min_lr=parameters.highest_learning_rate * parameters.final_learning_rate,
        )

    def after_step(self, updates: int) -> None:
        if updates <= self.warmup:
            self.level.step_update(updates)

    def after_epoch(self, score: float) -> None:
        self.falls.step(score)

    def state(self) -> dict[str, Any]:
        return dict(self.falls.state_dict())

    def go_on(self, updates: int, state: dict[str, Any]) -> None:
        self.after_step(updates)
        self.falls.load_state_dict(state)
