"""Which renders a model may see: the one place where a fold's pages are parted."""

from collections.abc import Sequence

import pandas as pd

from docsort.errors import LeakError, listing
from docsort.folds import check_no_leak
from docsort.training.checkpoints import Checkpoint
from docsort.training.parameters import TrainingParameters
from docsort.training.tasks import FoldTask


def fold_task(
    name: str,
    fold: int,
    folds: pd.DataFrame,
    training_renders: pd.DataFrame,
    validation_renders: pd.DataFrame,
    targets: Sequence[int],
    parameters: TrainingParameters,
    seed: int,
) -> FoldTask:
    """The task of one model on the classes `targets`: trains on the other folds' renders, is judged on this one's.

    Raises LeakError unless both tables keep to `folds`: no report of an earlier run stands for the tables at hand.
    """
    check_no_leak(folds, training_renders, validation_renders)
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


def pages_to_judge(
    checkpoint: Checkpoint, name: str, fold: int, folds: pd.DataFrame, validation_renders: pd.DataFrame
) -> pd.DataFrame:
    """What the model `name` of this fold has never seen, as pages to predict: VALIDATION_RENDERS with `image_id`.

    Raises LeakError for the checkpoint of another task, for one that has learnt any of the pages under other folds, and
    for renders that do not keep to `folds`.
    """
    check_no_leak(folds, validation_renders)
    trained = (checkpoint.record() or {}).get("name")
    if trained != name:
        raise LeakError(
            f"Expected the model of {name} to predict what fold {fold} holds out, but got that of {trained}, which may "
            f"have been trained on it ({checkpoint.folder}); train {name} again."
        )
    pages = held_out(validation_renders, fold).rename(columns={"source_id": "image_id"})
    _check_never_learnt(checkpoint, name, pages)
    return pages


def _check_never_learnt(checkpoint: Checkpoint, name: str, pages: pd.DataFrame) -> None:
    """Folds dealt anew keep their names: what a model has learnt is what its own record says."""
    learnt = (checkpoint.record() or {}).get("learnt_groups")
    if learnt is None:
        raise LeakError(f"Expected the model of {name} to say what it has learnt, but it does not; train it again.")
    shared = pages["group"].astype(str).isin(set(learnt))
    if shared.any():
        raise LeakError(
            f"Expected the model of {name} never to have seen the pages that it judges, but it has learnt "
            f"{int(shared.sum())} of them: {listing(pages.loc[shared, 'render_id'])}; the folds were dealt anew since: "
            "train it again."
        )


def join_judged(folds: pd.DataFrame, predictions: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The folds' predictions below each other. Raises LeakError unless each is of the fold that held its page out."""
    joined = pd.concat(predictions, ignore_index=True)
    check_no_leak(folds, joined)
    return joined


def held_out(validation_renders: pd.DataFrame, fold: int, targets: Sequence[int] | None = None) -> pd.DataFrame:
    """The validation renders of the sources that this fold holds out, of all classes or of those given."""
    rows = validation_renders["fold"] == fold
    if targets is not None:
        rows &= validation_renders["label"].isin(list(targets))
    return validation_renders[rows].reset_index(drop=True)
