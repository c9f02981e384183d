"""How long each network trains: page-steps that are asked for, and what the time allows.

What a network learns depends on how many pages it has learnt from, each time counted (page-steps), and not on how many
renders there are of each class: 5 classes and 350 photos need as many as 17 classes. So epochs follow from page-steps
and the renders of a fold. With a time limit the speed of this machine is measured first, and all networks are cut by
the same share. Such a plan depends on the machine and the moment: its epochs can be given as `members.<name>.epochs`
to have them again.

Light: this module runs in the main process and imports no torch.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from docsort.training.parameters import TrainingParameters
from docsort.work.executor import Needs, executor

FORWARD = 3.5
"""How many pages are answered in the time in which one is learnt."""

KEPT_BACK = 0.12
"""Share of the time that is left, for what comes after the trainings and is not counted below."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What the trainings of all folds meet. folds: how many; renders: of one fold, that networks without `damaged`
    learn, and those that are added with it; held_out: pages of one fold, all conditions; test: test images."""

    folds: int
    renders: int
    damaged: int
    held_out: int
    test: int

    def learnt(self, parameters: TrainingParameters) -> int:
        """Pages of an epoch."""
        return max(1, self.renders + self.damaged * parameters.damaged)


def plan_epochs(
    networks: Mapping[str, TrainingParameters], job: Job, views: int, time_limit: float | None
) -> dict[str, Any]:
    """JSON-able: `epochs` and `page_steps` of each network by name; with a limit also `pages_per_s` and `cut`,
    the share that is left of what was asked for.

    views: of a page, out of fold. time_limit: seconds of the run, counted from the start of this process; what was used
    already is used. A network trains one epoch at least.
    """
    wanted = {name: own.epochs or own.page_steps / job.learnt(own) for name, own in networks.items()}
    plan: dict[str, Any] = {}
    share = 1.0
    if time_limit is not None:
        speeds = {name: measure_speed(own) for name, own in networks.items()}
        left = (time_limit - (time.time() - psutil.Process().create_time())) * (1 - KEPT_BACK)
        share = min(1.0, _share_in(left, networks, job, views, wanted, speeds))
        plan = {"pages_per_s": speeds, "cut": share, "seconds_left": round(left)}
    epochs = {name: max(1, round(share * each)) for name, each in wanted.items()}
    steps = {name: epochs[name] * job.learnt(own) for name, own in networks.items()}
    for name in networks:
        why = "" if share == 1 else f", {share:.0%} of what was asked for, in the {left:.0f} s that are left"
        logger.info("%s: %d epochs, %d page-steps a fold%s", name, epochs[name], steps[name], why)
    return {"epochs": epochs, "page_steps": steps, **plan}


def _share_in(
    seconds: float,
    networks: Mapping[str, TrainingParameters],
    job: Job,
    views: int,
    wanted: Mapping[str, float],
    speeds: Mapping[str, float],
) -> float:
    """Of the epochs wanted, what can be had in these seconds; all folds are trained, and all pages answered."""
    training = asking = 0.0
    for name, own in networks.items():
        epoch = job.learnt(own) + job.held_out / FORWARD
        training += job.folds * wanted[name] * epoch / speeds[name]
        asking += job.folds * views * (job.held_out + job.test / 2) / FORWARD / speeds[name]
    return max(0.0, seconds - asking) / training if training else 1.0


def measure_speed(parameters: TrainingParameters) -> float:
    """Pages a second that all devices together learn from, as many trainings side by side as there will be."""
    work, needs = executor(), Needs(device=parameters.device)
    futures = [work.submit(_learn_a_little, parameters, needs=needs) for _ in range(work.concurrent(parameters.device))]
    return sum(future.result() for future in futures)


def _learn_a_little(parameters: TrainingParameters, lease: Any) -> float:
    from docsort.training.speed import learn_a_little

    return learn_a_little(parameters, lease.devices[0])
