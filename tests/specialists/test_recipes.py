"""A specialist is trained as the main model is, but for changes of its own."""

from pathlib import Path

import pandas as pd
import pytest

from docsort.errors import InputError, LeakError
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.recipes import begin_with, check_recipes, recipe_of
from docsort.stores import Store
from docsort.training.checkpoints import Checkpoint
from docsort.training.plan import MAIN, TrainingPlan
from docsort.training.splits import fold_task
from docsort.training.tasks import FoldTask, check_task

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


def parameters(start: str = "recipe", **recipes: object) -> SpecialistParameters:
    values = {"groups": {"a": [0, 1], "b": [2, 3]}, "recipes": recipes, "start": start}
    return SpecialistParameters.model_validate(values)


def task(fold: int) -> FoldTask:
    ids = [f"i{number}" for number in range(10)]
    folds = pd.DataFrame({"image_id": ids, "group": ids, "label": [0, 1] * 5, "fold": [n // 2 for n in range(10)]})
    renders = folds.rename(columns={"image_id": "source_id"}).assign(copy=0, path="none.jpg")
    renders.insert(0, "render_id", renders["source_id"] + "~0")
    ids_of = {view: renders["source_id"] + f"~{view}" for view in ("clean", "test_like")}
    views = pd.concat([renders.assign(view=view, render_id=own) for view, own in ids_of.items()], ignore_index=True)
    return fold_task("specialist_a_fold_3", fold, folds, renders, views, [0, 1], PLAN.recipe(MAIN), 0)


def main_model(folder: Path, **record: object) -> Checkpoint:
    Store(folder).complete("main", {"name": "fold_3", **record})
    return Checkpoint(folder / "main", "main")


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


def test_a_specialist_that_begins_with_the_main_model_keeps_its_backbone() -> None:
    with pytest.raises(InputError, match="specialist b to have no backbone or weights of its own"):
        check_recipes(parameters("main", a={"image_size": 64}, b={"backbone": "resnet10t"}), PLAN)
    check_recipes(parameters("main", a={"image_size": 64}), PLAN)


def test_what_the_main_model_has_learnt_counts_as_learnt(tmp_path: Path) -> None:
    begun = begin_with(task(3), main_model(tmp_path, learnt_groups=["i0", "i9", "other"]))
    assert begun.parameters.pretrained == str(tmp_path / "main/model.safetensors")
    assert begun.parameters.highest_learning_rate == 0.001
    assert begun.learnt_before == ("i0", "i9", "other")
    check_task(begun)


def test_a_main_model_that_has_learnt_a_page_of_the_fold_is_a_leak(tmp_path: Path) -> None:
    with pytest.raises(LeakError, match="i6 is in training and in validation"):
        check_task(begin_with(task(3), main_model(tmp_path, learnt_groups=["i0", "i6"])))
    with pytest.raises(LeakError, match="specialist_a_fold_3 begins with to say what it has learnt"):
        begin_with(task(3), Checkpoint(tmp_path / "none", "none"))
