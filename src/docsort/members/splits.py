"""Which renders a member may see: the one place where a fold's pages are parted."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

import pandas as pd

from docsort.errors import InputError, LeakError, listing
from docsort.folds import check_no_leak
from docsort.images.page_format import PageFormat
from docsort.members.checkpoints import Checkpoint
from docsort.stores import Store
from docsort.tables import CONDITIONS, PAGE_FORMAT, RENDERS, VALIDATION_RENDERS, check_columns


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

    def at(self, page_format: PageFormat) -> "Split":
        """The renders of one format. Raises InputError where pages were not rendered in it."""
        tables = (self.training, self.validation, self.held_out)
        training, validation, held_out = (renders_in(page_format, table) for table in tables)
        return replace(self, training=training, validation=validation, held_out=held_out)

    def with_damaged(self) -> "Split":
        """The same with the test-like pages of the folds that are learnt among the training renders."""
        damaged = self.damaged[self.training.columns]
        return replace(self, training=pd.concat([self.training, damaged], ignore_index=True))

    @property
    def damaged(self) -> pd.DataFrame:
        """The test-like pages of the folds that are learnt."""
        return self.validation[self.validation["condition"] == "test_like"]

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


def renders_in(page_format: PageFormat, renders: pd.DataFrame) -> pd.DataFrame:
    """Those of the table RENDERS or VALIDATION_RENDERS that a member which wants this format may see.

    Raises InputError where there are renders in other formats alone, and for a table of an earlier version, which does
    not say how its pages are laid.
    """
    check_columns(renders, RENDERS, "renders")
    own = (renders[list(PAGE_FORMAT)] == list(astuple(page_format))).all(axis=1)
    if len(renders) and not own.any():
        formats = renders[list(PAGE_FORMAT)].drop_duplicates().itertuples(index=False)
        there = "; ".join(str(each) for each in sorted(PageFormat(*row) for row in formats))
        raise InputError(
            f"Expected renders of {page_format}, as a member wants them, but there are only renders of {there}: run "
            "the augmentation pipeline again."
        )
    return renders[own].reset_index(drop=True)


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
    checkpoint: Checkpoint, name: str, fold: int, folds: pd.DataFrame, validation_renders: pd.DataFrame
) -> pd.DataFrame:
    """What the member `name` of this fold has never seen, in the format that it has learnt: VALIDATION_RENDERS with
    `image_id`, as pages to predict.

    Raises LeakError for the checkpoint of another task, for one that has learnt any of the pages under other folds, and
    for renders that do not keep to `folds`; InputError where pages were not rendered in that format.
    """
    check_no_leak(folds, validation_renders)
    trained = (checkpoint.record() or {}).get("name")
    if trained != name:
        raise LeakError(
            f"Expected the member {name} to predict what fold {fold} holds out, but got that of {trained}, which may "
            f"have been trained on it ({checkpoint.folder}); train {name} again."
        )
    learnt = checkpoint.learnt_groups()
    held_out = renders_in(checkpoint.page_format, validation_renders[validation_renders["fold"] == fold])
    pages = held_out.rename(columns={"source_id": "image_id"})
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
