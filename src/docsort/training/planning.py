"""How long each network trains: page-steps that are asked for, and what the time allows.

What a network learns depends on how many pages it has learnt from, each time counted (page-steps), and not on how many
renders there are of each class: 5 classes and 350 photos need as many as 17 classes. So epochs follow from page-steps
and the renders of a fold. With a time limit the speed of this machine is measured first, and all networks are cut by
the same share. Such a plan depends on the machine and the moment: its epochs can be given as `members.<name>.epochs`
to have them again.

Light: this module runs in the main process and imports no torch.
"""

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from docsort.images.dihedral import TURNS
from docsort.training.parameters import TrainingParameters
from docsort.work.executor import Needs, executor

FORWARD = 3.5
"""How many pages are answered in the time in which one is learnt."""

LATER_S = 30
"""Seconds for what comes after the trainings and is not counted below: votes, forecast, heat maps, report."""

READ_S = 0.9
"""CPU-seconds in which the words on a page are read (docs/reading.md)."""

KEPT_BACK = 0.05
"""Share of the time that is left then, as no machine is as fast all the time."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What the trainings of all folds meet. folds: how many; renders: of one fold, that networks without `damaged`
    learn, and those that are added with it; held_out: pages of one fold, all conditions; test: test images; frozen:
    members that learn from what a network answers that nobody trains, in all turns of each page; read: pages whose
    words are read."""

    folds: int
    renders: int
    damaged: int
    held_out: int
    test: int
    frozen: int = 0
    read: int = 0

    def learnt(self, parameters: TrainingParameters) -> int:
        """Pages of an epoch."""
        return max(1, self.renders + self.damaged * parameters.damaged)


def tell_members(preset: str, folds: int, kinds: Mapping[str, str]) -> None:
    """Which members each fold will have; kinds: of each, by name."""
    names = ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
    logger.info("Preset %s, %d folds; members: %s", preset, folds, names)


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
        remaining = time_limit - (time.time() - psutil.Process().create_time())
        left = (remaining - LATER_S) * (1 - KEPT_BACK)
        asking, epoch_s = _seconds_of(networks, job, views, speeds)
        training = sum(wanted[name] * seconds for name, seconds in epoch_s.items())
        share = min(1.0, max(0.0, left - asking) / training) if training else 1.0
        plan = {"pages_per_s": speeds, "cut": share, "seconds_left": max(0, round(left))}
        over = asking + sum(epoch_s.values()) - left
        if over > KEPT_BACK * remaining:
            logger.warning(
                "Expected `time_limit` to leave time for an epoch of each network, but it would take about %.0f s more "
                "than %.0f s; each trains one epoch all the same. Give more time, fewer renders, or smaller images.",
                over,
                time_limit,
            )
    epochs = {name: max(1, round(share * each)) for name, each in wanted.items()}
    steps = {name: epochs[name] * job.learnt(own) for name, own in networks.items()}
    for name in networks:
        kept = epochs[name] / max(1, round(wanted[name]))
        why = "" if kept == 1 else f", {kept:.0%} of what was asked for, in the {max(0.0, left):.0f} s that are left"
        what = f"{networks[name].backbone} at {networks[name].image_size} pixels"
        logger.info("%s: %s, %d epochs, %d page-steps a fold%s", name, what, epochs[name], steps[name], why)
    return {"epochs": epochs, "page_steps": steps, **plan}


def _seconds_of(
    networks: Mapping[str, TrainingParameters], job: Job, views: int, speeds: Mapping[str, float]
) -> tuple[float, dict[str, float]]:
    """For all that is answered, and for an epoch of each network in all folds, the last of which may leave workers
    idle."""
    asking, epochs = 0.0, {}
    for name, own in networks.items():
        trainings, at_once = job.folds * len(networks), executor().concurrent(own.device)
        rounds = math.ceil(trainings / at_once) * at_once / trainings
        epochs[name] = rounds * job.folds * (job.learnt(own) + job.held_out / FORWARD) / speeds[name]
        asking += job.folds * views * (job.held_out + job.test / 2) / FORWARD / speeds[name]
    described = job.frozen * len(TURNS) * (job.folds * (job.renders + job.damaged) / max(1, job.folds - 1) + job.test)
    reading = job.read * READ_S / executor().concurrent("cpu")
    return asking + reading + described / FORWARD / max(speeds.values(), default=math.inf), epochs


def measure_speed(parameters: TrainingParameters) -> float:
    """Pages a second that all devices together learn from, as many trainings side by side as there will be."""
    work, needs = executor(), Needs(device=parameters.device)
    futures = [work.submit(_learn_a_little, parameters, needs=needs) for _ in range(work.concurrent(parameters.device))]
    return sum(future.result() for future in futures)


def _learn_a_little(parameters: TrainingParameters, lease: Any) -> float:
    from docsort.training.speed import learn_a_little

    return learn_a_little(parameters, lease.devices[0])
