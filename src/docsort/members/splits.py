"""Which renders a member may see: the one place where a fold's pages are parted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from docsort.errors import InputError, LeakError, listing
from docsort.folds import check_no_leak
from docsort.members.checkpoints import Checkpoint
from docsort.stores import Store
from docsort.tables import CONDITIONS, RENDERS, VALIDATION_RENDERS, check_columns


@dataclass(frozen=True, eq=False)
class Split:
    """What one fold's members may learn from, and what is held out from them.

    targets: class numbers, ascending; all tables are restricted to them. training: RENDERS of the other folds;
    validation: VALIDATION_RENDERS of the other folds; held_out: VALIDATION_RENDERS of this fold, which may decide when
    to stop, and no more. learnt_before: groups that the weights a member begins with have learnt. cache: where what is
    computed of a page, whoever asks, may be cached.
    """

    fold: int
    targets: tuple[int, ...]
    training: pd.DataFrame
    validation: pd.DataFrame
    held_out: pd.DataFrame
    learnt_before: tuple[str, ...] = ()
    cache: Store | None = None

    def at(self, side: int) -> "Split":
        """The renders of one side, pixels. Raises InputError where pages were not rendered at it."""
        tables = {name: getattr(self, name) for name in ("training", "validation", "held_out")}
        own = {name: table[table["side"] == side].reset_index(drop=True) for name, table in tables.items()}
        if own["training"].empty:
            there = sorted(set(self.training["side"]))
            raise InputError(
                f"Expected renders of {side} pixels, as a member wants them, but there are only renders of "
                f"{listing(there)} pixels; run the augmentation pipeline again."
            )
        return replace(self, **own)

    @property
    def learnt_groups(self) -> list[str]:
        """All groups that a member of this fold may have learnt from."""
        seen = pd.concat([self.training["group"], self.validation["group"]]).astype(str)
        return sorted({*seen, *self.learnt_before})

    def check(self, name: str) -> None:
        """Raises InputError unless the tables can train and judge `name`, LeakError when a group is on both sides."""
        check_columns(self.training, RENDERS, f"training renders of {name}")
        check_columns(self.held_out, VALIDATION_RENDERS, f"validation renders of {name}")
        classes = self.training["label"].nunique()
        if classes < 2:
            raise InputError(
                f"Expected renders of at least two classes to train {name} on, but got {len(self.training)} renders "
                f"of {classes}; check the data, the folds and the class counts of the augmentation."
            )
        missing = [each for each in CONDITIONS if not (self.held_out["condition"] == each).any()]
        if missing:
            raise InputError(
                f"Expected validation renders of {name} under the conditions {' and '.join(CONDITIONS)}, but "
                f"{listing(missing)} has none; run the augmentation again."
            )
        shared = sorted(set(self.learnt_groups) & set(self.held_out["group"].astype(str)))
        if shared:
            raise LeakError(
                f"Expected no group of pages on both sides of {name}, but {listing(shared)} is in training and in "
                "validation; make the folds and the renders again."
            )


def split_fold(
    fold: int,
    folds: pd.DataFrame,
    training_renders: pd.DataFrame,
    validation_renders: pd.DataFrame,
    targets: Sequence[int],
    cache: Store | None = None,
) -> Split:
    """The split of one fold, restricted to the classes `targets`.

    Raises LeakError unless both tables keep to `folds`: no report of an earlier run stands for the tables at hand.
    """
    check_no_leak(folds, training_renders, validation_renders)
    chosen = tuple(sorted(int(target) for target in targets))
    training, validation = (
        table[table["label"].isin(chosen)].reset_index(drop=True) for table in (training_renders, validation_renders)
    )
    own = validation["fold"] == fold
    return Split(fold, chosen, training[training["fold"] != fold], validation[~own], validation[own], cache=cache)


def pages_to_judge(
    checkpoint: Checkpoint, name: str, fold: int, folds: pd.DataFrame, validation_renders: pd.DataFrame, side: int
) -> pd.DataFrame:
    """What the member `name` of this fold has never seen, as pages to predict: VALIDATION_RENDERS with `image_id`.

    Raises LeakError for the checkpoint of another task, for one that has learnt any of the pages under other folds, and
    for renders that do not keep to `folds`.
    """
    check_no_leak(folds, validation_renders)
    trained = (checkpoint.record() or {}).get("name")
    if trained != name:
        raise LeakError(
            f"Expected the member {name} to predict what fold {fold} holds out, but got that of {trained}, which may "
            f"have been trained on it ({checkpoint.folder}); train {name} again."
        )
    held_out = validation_renders[(validation_renders["fold"] == fold) & (validation_renders["side"] == side)]
    pages = held_out.reset_index(drop=True).rename(columns={"source_id": "image_id"})
    learnt = checkpoint.learnt_groups()
    shared = pages["group"].astype(str).isin(learnt)
    if shared.any():
        # Folds dealt anew keep their names: what a member has learnt is what its own record says.
        raise LeakError(
            f"Expected the member {name} never to have seen the pages that it judges, but it has learnt "
            f"{int(shared.sum())} of them: {listing(pages.loc[shared, 'render_id'])}; the folds were dealt anew since: "
            "train it again."
        )
    return pages


def join_judged(folds: pd.DataFrame, predictions: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The folds' predictions below each other. Raises LeakError unless each is of the fold that held its page out."""
    joined = pd.concat([table for table in predictions if len(table)] or predictions[:1], ignore_index=True)
    check_no_leak(folds, joined)
    return joined
