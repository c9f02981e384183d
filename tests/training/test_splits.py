from pathlib import Path

import pandas as pd
import pytest

from docsort.errors import LeakError
from docsort.stores import Store
from docsort.tables import FOLDS, RENDERS, VALIDATION_RENDERS
from docsort.training.checkpoints import Checkpoint
from docsort.training.parameters import TrainingParameters
from docsort.training.splits import fold_task, held_out, pages_to_judge

RECIPE = TrainingParameters.model_validate(
    {
        "backbone": "lcnet_035",
        "pretrained": False,
        "image_size": 32,
        "epochs": 3,
        "patience": 3,
        "batch_size": 8,
        "learning_rate": {"scratch": 0.003, "pretrained": 0.001},
    }
)


Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


@pytest.fixture
def tables() -> Tables:
    """Folds, training renders and validation renders of thirty sources, a render each."""
    rows = [(f"s{n}~0", f"s{n}", f"s{n}", n % 3, n % 5, 0, f"/{n}.jpg") for n in range(30)]
    training = pd.DataFrame(rows, columns=RENDERS)
    folds = training.rename(columns={"source_id": "image_id"})[list(FOLDS)]
    return folds, training, pd.DataFrame([(*row, "clean") for row in rows], columns=VALIDATION_RENDERS)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    learnt = [f"s{n}" for n in range(30) if n % 5 != 2]
    Store(tmp_path).complete("k", {"name": "fold_2", "learnt_groups": learnt})
    return Checkpoint(tmp_path / "k", "k")


@pytest.mark.parametrize("fold", range(5))
def test_fold_trains_on_all_other_folds_and_no_page_of_its_own(tables: Tables, fold: int) -> None:
    task = fold_task("x", fold, *tables, [2, 0, 1], RECIPE, 1)
    assert task.targets == (0, 1, 2)
    assert set(task.training["fold"]) == set(range(5)) - {fold}
    assert set(task.validation["fold"]) == {fold}
    assert len(task.training) + len(task.validation) == 30


def test_specialist_sees_its_classes_alone(tables: Tables) -> None:
    task = fold_task("x", 0, *tables, [0, 2], RECIPE, 1)
    assert set(task.training["label"]) == set(task.validation["label"]) == {0, 2}
    assert set(held_out(tables[2], 0)["label"]) == {0, 1, 2}


@pytest.mark.parametrize("which", [1, 2])
def test_tables_of_other_folds_make_no_task_even_where_the_leak_is_of_another_class(tables: Tables, which: int) -> None:
    tables[which].loc[7, "fold"] = 0
    with pytest.raises(LeakError, match=r"renders whose fold is not their source's: s7~0;"):
        fold_task("specialist", 0, *tables, [0, 2], RECIPE, 1)


def test_a_model_judges_what_its_fold_held_out(tables: Tables, checkpoint: Checkpoint) -> None:
    folds, _, validation = tables
    pages = pages_to_judge(checkpoint, "fold_2", 2, folds, validation)
    assert pages["image_id"].tolist() == [f"s{n}" for n in range(30) if n % 5 == 2]


def test_a_model_of_another_fold_or_task_judges_nothing(tables: Tables, checkpoint: Checkpoint) -> None:
    folds, _, validation = tables
    for name, fold in (("fold_3", 3), ("specialist_certificates_fold_2", 2)):
        with pytest.raises(LeakError, match=f"model of {name} .* fold {fold} holds out, but got that of fold_2"):
            pages_to_judge(checkpoint, name, fold, folds, validation)


def test_a_model_does_not_judge_what_it_learnt_under_other_folds(tables: Tables, checkpoint: Checkpoint) -> None:
    tables = tuple(table.assign(fold=(table["fold"] + 1) % 5) for table in tables)
    with pytest.raises(LeakError, match=r"has learnt 6 of them: s1~0, s6~0.* dealt anew"):
        pages_to_judge(checkpoint, "fold_2", 2, tables[0], tables[2])


def test_a_model_that_does_not_say_what_it_learnt_judges_nothing(tables: Tables, tmp_path: Path) -> None:
    Store(tmp_path).complete("old", {"name": "fold_2"})
    with pytest.raises(LeakError, match="to say what it has learnt, but it does not"):
        pages_to_judge(Checkpoint(tmp_path / "old", "old"), "fold_2", 2, tables[0], tables[2])


def test_pages_that_moved_to_another_fold_are_not_judged(tables: Tables, checkpoint: Checkpoint) -> None:
    folds, _, validation = tables
    moved = folds.assign(fold=folds["fold"].where(folds["image_id"] != "s12", 4))
    with pytest.raises(LeakError, match="whose fold is not their source's: s12~0;"):
        pages_to_judge(checkpoint, "fold_2", 2, moved, validation)
