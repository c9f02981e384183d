import pandas as pd
import pytest

from docsort.tables import RENDERS, VALIDATION_RENDERS
from docsort.training.parameters import TrainingParameters
from docsort.training.splits import fold_task, held_out

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


@pytest.fixture
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = [(f"r{n}", f"s{n}", f"s{n}", n % 3, n % 5, 0, f"/{n}.jpg") for n in range(30)]
    training = pd.DataFrame(rows, columns=RENDERS)
    return training, pd.DataFrame([(*row, "clean") for row in rows], columns=VALIDATION_RENDERS)


@pytest.mark.parametrize("fold", range(5))
def test_fold_trains_on_all_other_folds_and_no_page_of_its_own(
    tables: tuple[pd.DataFrame, pd.DataFrame], fold: int
) -> None:
    task = fold_task("x", fold, *tables, [2, 0, 1], RECIPE, 1)
    assert task.targets == (0, 1, 2)
    assert set(task.training["fold"]) == set(range(5)) - {fold}
    assert set(task.validation["fold"]) == {fold}
    assert len(task.training) + len(task.validation) == 30


def test_specialist_sees_its_classes_alone(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    task = fold_task("x", 0, *tables, [0, 2], RECIPE, 1)
    assert set(task.training["label"]) == set(task.validation["label"]) == {0, 2}
    assert set(held_out(tables[1], 0)["label"]) == {0, 1, 2}
