"""A specialist is trained as the main model is, but for changes of its own."""

import pytest

from docsort.errors import InputError
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.recipes import check_recipes, recipe_of
from docsort.training.plan import MAIN, TrainingPlan

PLAN = TrainingPlan.model_validate(
    {
        "backbone": "lcnet_035",
        "pretrained": False,
        "image_size": 32,
        "epochs": 3,
        "patience": 3,
        "batch_size": 8,
        "learning_rate": {"scratch": 0.003, "pretrained": 0.001},
        "models": {"second": {"epochs": 2}},
    }
)


def parameters(**recipes: object) -> SpecialistParameters:
    return SpecialistParameters.model_validate({"groups": {"a": [0, 1], "b": [2, 3]}, "recipes": recipes})


def test_each_group_has_its_own_backbone_size_and_sampling() -> None:
    own = {"backbone": "resnet10t", "image_size": 64, "sampling": "balanced", "learning_rate": {"scratch": 0.01}}
    recipe = recipe_of(SpecialistGroup("a", (0, 1)), parameters(a=own), PLAN)
    assert (recipe.backbone, recipe.image_size, recipe.sampling) == ("resnet10t", 64, "balanced")
    assert (recipe.learning_rate.scratch, recipe.learning_rate.pretrained) == (0.01, 0.001)
    assert recipe_of(SpecialistGroup("b", (2, 3)), parameters(a=own), PLAN) == PLAN.recipe(MAIN)


def test_all_recipes_that_cannot_be_are_named_at_once() -> None:
    with pytest.raises(InputError, match="specialist a to change the recipe to a valid one: epoch: Extra") as caught:
        check_recipes(parameters(a={"epoch": 1}, b={"image_size": 1}), PLAN)
    assert "specialist b to change the recipe to a valid one: image_size:" in str(caught.value)
    check_recipes(parameters(a={"epochs": 1}), PLAN)
