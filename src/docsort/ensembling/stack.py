"""All that the members predict, page by page, as one array: every page predicted by the same members, or an error.

Legend of shapes: P pages, K members per page, M models, C classes.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.ensembling.reliability import temper
from docsort.errors import InputError, listing
from docsort.metrics import MEMBER_KEYS, PAGE_KEYS, broken_rows
from docsort.tables import check_columns, probability_columns

TEST_CONDITION = "test"
"""Here a member is a model of one fold; on the other conditions, out of fold, it is a model."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MemberStack:
    """pages: PAGE_KEYS, P rows by condition and render; probabilities: (P, K, C), C as in `columns`; names: the M
    models, sorted; owners: (K,), each member's place in `names`; held_out: (P,), the fold that held the page out, None
    on test.
    """

    pages: pd.DataFrame
    probabilities: Floats
    columns: list[str]
    names: tuple[str, ...]
    owners: NDArray[np.int64]
    held_out: NDArray[np.int64] | None

    def by_model(self) -> "MemberStack":
        """One member per model, the mean over its folds."""
        if len(self.owners) == len(self.names):
            return self
        means = [self.probabilities[:, self.owners == model].mean(axis=1) for model in range(len(self.names))]
        return replace(self, probabilities=np.stack(means, axis=1), owners=np.arange(len(self.names)))

    def rows(self, chosen: NDArray[np.bool_]) -> "MemberStack":
        """The same members of some pages only, chosen (P,)."""
        held_out = None if self.held_out is None else self.held_out[chosen]
        pages = self.pages[chosen].reset_index(drop=True)
        return replace(self, pages=pages, probabilities=self.probabilities[chosen], held_out=held_out)

    def tempered(self, temperatures: Floats) -> "MemberStack":
        """The same members, each calibrated with the temperature of its model, (M,)."""
        return replace(self, probabilities=temper(self.probabilities, temperatures[self.owners][:, None]))

    def table(self) -> pd.DataFrame:
        """One row per page and member, PAGE_KEYS and p_<target>, a page's members below each other."""
        count, members, classes = self.probabilities.shape
        pages = self.pages.loc[np.repeat(np.arange(count), members)].reset_index(drop=True)
        values = pd.DataFrame(self.probabilities.reshape(-1, classes), columns=self.columns)
        return pd.concat([pages, values], axis=1)

    def with_table(self, table: pd.DataFrame) -> "MemberStack":
        """The same members, with the probabilities of the rows of `table`, in the order of `self.table()`."""
        values = table[self.columns].to_numpy(np.float64)
        return replace(self, probabilities=values.reshape(self.probabilities.shape))


def stack_members(members: pd.DataFrame) -> MemberStack:
    """members: a table of members (`metrics.MEMBER_KEYS`, p_<target>), in any order.

    Raises InputError naming members that are empty, lack a page, have one twice, or predict what is no probability.
    """
    check_columns(members, MEMBER_KEYS, "members")
    columns = probability_columns(members)
    ordered = members.sort_values(["condition", "render_id", "model", "fold"], kind="stable", ignore_index=True)
    on_test = (ordered["condition"] == TEST_CONDITION).to_numpy()
    if on_test.any() != on_test.all() or ordered.empty:
        raise InputError("Expected members of test pages or of validation pages, but got none or both; part them.")
    _check_broken(ordered)
    labels = _labels(ordered, bool(on_test[0]))
    _check_complete(ordered, labels, bool(on_test[0]))
    per_page = labels.nunique()
    pages = ordered.loc[::per_page, list(PAGE_KEYS)].reset_index(drop=True)
    names, owners = np.unique(ordered["model"].to_numpy(object)[:per_page].astype(str), return_inverse=True)
    folds = ordered["fold"].to_numpy(np.int64)[::per_page]
    values = ordered[columns].to_numpy(np.float64).reshape(len(pages), per_page, len(columns))
    return MemberStack(pages, values, columns, tuple(names.tolist()), owners, None if on_test[0] else folds)


def _labels(members: pd.DataFrame, on_test: bool) -> pd.Series:
    """What a member is called in an error, which is what makes it one."""
    models = "model " + members["model"].astype(str)
    return models + " fold " + members["fold"].astype(str) if on_test else models


def _check_broken(members: pd.DataFrame) -> None:
    broken = broken_rows(members)
    if broken.any():
        names = listing(sorted(set(_labels(members[broken], True))), 5)
        raise InputError(
            f"Expected every member to give probabilities that sum to 1, but {broken.sum()} rows of {names} do not; "
            "that member is broken: train it again or leave it out."
        )


def _check_complete(members: pd.DataFrame, labels: pd.Series, on_test: bool) -> None:
    """Every member must have predicted every page once: on test every fold of every model, else every model."""
    pages = members["condition"].astype(str) + " " + members["render_id"].astype(str)
    twice = pd.DataFrame({"page": pages, "member": labels}).duplicated()
    if twice.any():
        raise InputError(
            f"Expected one prediction per member and page, but {twice.sum()} are there twice, such as "
            f"{pages[twice].iloc[0]} of {labels[twice].iloc[0]}; two runs were joined: predict again."
        )
    everything = set(pages)
    predicted = {member: set(own) for member, own in pages.groupby(labels)}
    wanted = [f"model {m} fold {f}" for m in sorted(set(members["model"])) for f in sorted(set(members["fold"]))]
    problems = []
    for member in wanted if on_test else sorted(predicted):
        missing = sorted(everything - predicted.get(member, set()))
        if missing:
            what = "has predicted none" if len(missing) == len(everything) else f"lacks {len(missing)}"
            problems.append(f"{member} {what}: {listing((name.split(' ', 1)[1] for name in missing), 3)}")
    if problems:
        raise InputError(
            f"Expected every member to have predicted all {len(everything)} pages, but {'; '.join(problems)}; run the "
            "prediction of that fold again, or leave the model out."
        )
