from typing import Any

import pytest
from pydantic import ValidationError

from docsort.training.plan import MAIN, TrainingPlan, merged, task_name

RECIPE: dict[str, Any] = {
    "backbone": "lcnet_035",
    "pretrained": False,
    "image_size": 32,
    "epochs": 3,
    "patience": 3,
    "batch_size": 8,
    "learning_rate": {"scratch": 0.003, "pretrained": 0.001},
}


def plan(**models: Any) -> TrainingPlan:
    return TrainingPlan.model_validate({**RECIPE, "models": models})


def test_one_more_model_has_the_recipe_with_its_own_changes() -> None:
    found = plan(second={"backbone": "resnet10t", "learning_rate": {"scratch": 0.01}})
    assert found.names == [MAIN, "second"]
    assert found.recipe(MAIN).model_dump() == plan().recipe(MAIN).model_dump()
    second = found.recipe("second")
    assert (second.backbone, second.learning_rate.scratch) == ("resnet10t", 0.01)
    assert second.learning_rate.pretrained == 0.001
    assert second.model_copy(update={"backbone": "lcnet_035"}).epochs == 3


def test_models_are_no_part_of_a_recipe() -> None:
    """Else one more model would make all others be trained again."""
    assert "models" not in plan(second={"epochs": 1}).recipe(MAIN).model_dump()


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"main": {"epochs": 1}}, "'main' is taken"),
        ({"specialist_x": {"epochs": 1}}, "'specialist_x' is taken"),
        ({"second": {}}, "second to differ from the main one, but it changes nothing"),
        ({"second": {"epoch": 1}}, "the model second to change the recipe to a valid one: epoch: Extra inputs"),
        ({"second": {"loss": {"focal": -1}}}, r"loss\.focal: Input should be greater"),
        ({"Second model": {"epochs": 1}}, "String should match pattern"),
    ],
)
def test_models_that_cannot_be_are_refused_by_name(models: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        plan(**models)


def test_groups_are_merged_key_by_key_and_the_rest_is_replaced() -> None:
    base = {"a": {"b": 1, "c": 2}, "d": [1, 2], "e": 3}
    assert merged(base, {"a": {"c": 4}, "d": [5]}) == {"a": {"b": 1, "c": 4}, "d": [5], "e": 3}
    assert base["a"] == {"b": 1, "c": 2}


def test_trainings_have_names_of_their_own() -> None:
    assert task_name(MAIN, 2) == "fold_2"
    assert task_name("second", 2) == "second_fold_2"
