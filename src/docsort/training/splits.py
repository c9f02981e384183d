"""Which renders a model may see: the one place where a fold's pages are parted."""

from collections.abc import Sequence

import pandas as pd

from docsort.training.parameters import TrainingParameters
from docsort.training.tasks import FoldTask


def fold_task(
    name: str,
    fold: int,
    training_renders: pd.DataFrame,
    validation_renders: pd.DataFrame,
    targets: Sequence[int],
    parameters: TrainingParameters,
    seed: int,
) -> FoldTask:
    """The task of one model on the classes `targets`: trains on the other folds' renders, is judged on this one's."""
    chosen = tuple(sorted(int(target) for target in targets))
    training = training_renders[training_renders["label"].isin(chosen) & (training_renders["fold"] != fold)]
    return FoldTask(
        name=name,
        targets=chosen,
        training=training.reset_index(drop=True),
        validation=held_out(validation_renders, fold, chosen),
        parameters=parameters,
        seed=seed,
    )


def held_out(validation_renders: pd.DataFrame, fold: int, targets: Sequence[int] | None = None) -> pd.DataFrame:
    """The validation renders of the sources that this fold holds out, of all classes or of those given."""
    rows = validation_renders["fold"] == fold
    if targets is not None:
        rows &= validation_renders["label"].isin(list(targets))
    return validation_renders[rows].reset_index(drop=True)
