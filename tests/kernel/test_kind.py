from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn_pages import split_of

from docsort.errors import InputError, LeakError
from docsort.kernel.kind import KernelKind, KernelTask
from docsort.kernel.model import ARRAYS_FILE, load_model
from docsort.kernel.parameters import KernelParameters
from docsort.members.fitting import check_task, fit
from docsort.members.prediction import predict
from docsort.members.splits import pages_to_judge
from docsort.members.views import all_views
from docsort.stores import Store
from docsort.tables import PREDICTION_KEYS, probability_columns
from docsort.work.executor import Lease

TARGETS = (0, 1, 2)


def test_what_a_fold_holds_out_has_no_part_in_its_model(task: KernelTask, drawn: Any) -> None:
    for part in (task.plain, task.worn, task.probes):
        assert set(part.folds) == {1, 2}
    folds = drawn[0]
    assert task.split.learnt_groups == sorted(folds.loc[folds["fold"] != 0, "group"])


def test_a_group_on_both_sides_is_refused(task: KernelTask) -> None:
    crossing = task.split.training.assign(group=task.split.training["group"].replace("g01", "g00"))
    with pytest.raises(LeakError, match="no group of pages on both sides of kernel_fold_0, but g00"):
        check_task(replace(task, split=replace(task.split, training=crossing)))


def test_as_many_worn_copies_are_learnt_as_wanted_and_fit(drawn: Any, parameters: KernelParameters) -> None:
    """Of twelve sources that are learnt, beside their twelve plain pages."""
    split = split_of(0, *drawn[1:], TARGETS)
    for copies, most, expected in ((2, 1500, 24), (0, 1500, 0), (3, 50, 36)):
        changed = parameters.model_copy(update={"copies": copies, "max_pages": most})
        assert len(KernelKind().task("x", split, changed, 1).worn) == expected
    few = parameters.model_copy(update={"copies": 3, "max_pages": 20})
    task = KernelKind().task("x", split, few, 1)
    assert (len(task.plain), len(task.worn)) == (12, 8)


def test_key_counts_what_decides_the_model_and_nothing_else(task: KernelTask) -> None:
    assert replace(task, seed=5, split=replace(task.split, fold=2)).key() == task.key()
    rows = np.arange(len(task.worn)) > 0
    turned = replace(task.probes, labels=task.probes.labels[::-1])
    others = [
        replace(task, name="x"),
        replace(task, worn=task.worn.take(rows)),
        replace(task, probes=turned),
        replace(task, parameters=KernelParameters(image_size=65)),
        replace(task, split=replace(task.split, targets=(0, 1, 2, 6))),
    ]
    assert len({each.key() for each in (task, *others)}) == 6


def test_two_learnings_of_the_same_pages_leave_the_same_bytes(task: KernelTask, tmp_path: Path) -> None:
    for name in ("a", "b"):
        task.run(tmp_path / name, Lease(("cpu",), 1))
    assert (tmp_path / "a" / ARRAYS_FILE).read_bytes() == (tmp_path / "b" / ARRAYS_FILE).read_bytes()
    assert load_model(tmp_path / "a").seen == (True, True, True, False)


def test_nothing_is_learnt_without_pages(task: KernelTask) -> None:
    for part in ("plain", "probes"):
        with pytest.raises(InputError, match="Expected plain and test-like pages of two folds and two classes"):
            replace(task, **{part: getattr(task, part).take(np.zeros(len(getattr(task, part)), bool))}).check()


def test_unseen_pages_are_recognised_in_any_turn_and_a_class_without_pages_gets_nothing(
    task: KernelTask, drawn: Any, tmp_path: Path
) -> None:
    """By the ways that all members go: fitted, asked by name, answered in a table."""
    folds, _, validation = drawn
    checkpoint, kind = fit(task, Store(tmp_path)), KernelKind()
    assert kind.targets(checkpoint) == (0, 1, 2, 5)
    assert all((checkpoint.folder / name).is_file() for name in kind.files)
    pages = pages_to_judge(checkpoint, "kernel_fold_0", 0, folds, validation)
    table = predict(kind, checkpoint, pages, all_views((0, 5)), "kernel")
    assert table.columns.tolist() == [*PREDICTION_KEYS, "p_0", "p_1", "p_2", "p_5"]
    assert table["turn"].tolist() == [0, 5] * len(pages)
    assert (table["p_5"] == 0).all()
    values = table[probability_columns(table)].to_numpy()
    assert (values.argmax(axis=1) == table["label"]).all()
    np.testing.assert_array_equal(values[::2], values[1::2])
    empty = predict(kind, checkpoint, pages.iloc[:0], all_views((0, 5)), "kernel")
    pd.testing.assert_index_equal(empty.columns, table.columns)
    assert empty.empty
