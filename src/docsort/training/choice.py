"""Which weights of a training stay: the best epoch's, or the mean of the best where it is wanted and no worse."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from docsort.training.scores import History
from docsort.training.snapshots import Snapshots

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """epochs: whose weights stay, or are averaged; macro-F1 on either view."""

    epochs: tuple[int, ...]
    clean: float
    test_like: float


def choose_weights(
    name: str,
    net: nn.Module,
    history: History,
    snapshots: Snapshots,
    average: bool,
    score: Callable[[], Mapping[str, float]],
) -> Choice:
    """Loads the weights that stay into `net`; score: macro-F1 a view of `net` as it is then.

    average: try the mean of all epochs that the history keeps.
    """
    row, epochs = history.best, tuple(history.best_epochs)
    best = Choice(epochs[:1], row["clean_macro_f1"], row["test_like_macro_f1"])
    if average and len(epochs) > 1:
        net.load_state_dict(snapshots.mean(epochs))
        mean = Choice(epochs, **score())
        taken = mean.test_like >= best.test_like
        _say(name, mean, best, taken)
        if taken:
            return mean
    net.load_state_dict(snapshots.load(epochs[0]))
    return best


def _say(name: str, mean: Choice, best: Choice, taken: bool) -> None:
    told: tuple[Any, ...] = (name, ", ".join(map(str, mean.epochs)), mean.test_like, best.test_like)
    verdict = "taken" if taken else "not taken"
    logger.info("%s: the mean of epochs %s reads test-like %.3f, the best of them %.3f: %s", *told, verdict)
