"""What a task's name says, and a history as MLflow takes it. The rest is in test_tracking, where there is a store."""

import math

import pandas as pd
import pytest

from docsort.hooks.child_runs import history_of, task_tags
from docsort.member_kinds import task_name


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("fold_0", {"model": "main", "fold": "0"}),
        ("big_fold_fold_12", {"model": "big_fold", "fold": "12"}),
        ("specialist_car_plates_fold_3", {"specialist": "car_plates", "fold": "3"}),
        ("all_pages", {}),
    ],
)
def test_tags_are_the_parts_of_a_name(name: str, tags: dict[str, str]) -> None:
    assert task_tags(name) == tags


def test_a_name_is_put_together_as_the_pipelines_do() -> None:
    for model in ("main", "big", "specialist_plates"):
        told = task_tags(task_name(model, 2))
        assert told.pop("fold") == "2"
        assert list(told.values()) == [model.removeprefix("specialist_")]


def test_a_history_is_numbers_by_epoch_and_whose_it_is_is_not_among_them() -> None:
    table = pd.DataFrame({"epoch": [1, 2], "lr": [0.1, math.nan], "seconds": [3, 4], "fold": 1, "group": "plates"})
    history, seconds = history_of(table)
    assert history[0] == (1, {"lr": 0.1, "seconds": 3.0})
    assert history[1][0] == 2
    assert seconds == 7
