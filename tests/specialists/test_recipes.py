"""A specialist is trained as the main member is, but for changes of its own."""

from pathlib import Path

import pandas as pd
import pytest

from docsort.errors import InputError, LeakError
from docsort.images.page_format import PageFormat
from docsort.member_kinds import Members
from docsort.members.checkpoints import Checkpoint
from docsort.members.fitting import check_task
from docsort.members.splits import split_fold
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.recipes import check_recipes, page_formats_of, recipe_of, specialist_task
from docsort.stores import Store
from docsort.training.kind import NetworkTask

MAIN = {
    "kind": "network",
    "backbone": "lcnet_035",
    "pretrained": False,
    "image_size": 32,
    "epochs": 3,
    "patience": 3,
    "batch_size": 8,
    "learning_rate": {"scratch": 0.003, "pretrained": 0.001},
}
MEMBERS = Members.model_validate(
    {"main": MAIN, "second": {"like": "main", "epochs": 2, "image_size": 48}, "kernel": {"kind": "kernel"}}
)
GROUP = SpecialistGroup("a", (0, 1))


def parameters(start: str = "recipe", **recipes: object) -> SpecialistParameters:
    values = {"groups": {"a": [0, 1], "b": [2, 3]}, "recipes": recipes, "start": start}
    return SpecialistParameters.model_validate(values)


def task(start: str, main: Checkpoint) -> NetworkTask:
    """Of fold 3, which holds out i6 and i7."""
    ids = [f"i{number}" for number in range(10)]
    folds = pd.DataFrame({"image_id": ids, "group": ids, "label": [0, 1] * 5, "fold": [n // 2 for n in range(10)]})
    renders = folds.rename(columns={"image_id": "source_id"}).assign(
        copy=0, side=32, straighten=True, letterboxed=True, path="none.jpg"
    )
    renders.insert(0, "render_id", renders["source_id"] + "~0")
    ids_of = {condition: renders["source_id"] + f"~{condition}" for condition in ("clean", "test_like")}
    parts = [renders.assign(condition=condition, render_id=own) for condition, own in ids_of.items()]
    split = split_fold(3, folds, renders, pd.concat(parts, ignore_index=True), GROUP.targets)
    return specialist_task(GROUP, split, parameters(start), MEMBERS, 0, main)


def main_member(folder: Path, **record: object) -> Checkpoint:
    Store(folder).complete("main", {"name": "fold_3", **record})
    return Checkpoint(folder / "main", "main")


def test_each_group_has_its_own_backbone_size_and_sampling() -> None:
    own = {"backbone": "resnet10t", "image_size": 64, "sampling": "balanced", "learning_rate": {"scratch": 0.01}}
    recipe = recipe_of("a", parameters(a=own), MEMBERS)
    assert (recipe.backbone, recipe.image_size, recipe.sampling) == ("resnet10t", 64, "balanced")
    assert (recipe.learning_rate.scratch, recipe.learning_rate.pretrained) == (0.01, 0.001)
    assert recipe_of("b", parameters(a=own), MEMBERS) == MEMBERS.main


def test_pages_are_wanted_in_the_format_of_each_member_and_specialist() -> None:
    given = parameters(a={"image_size": 64}, b={"straighten": False})
    wanted = [(32, False), (32, True), (48, True), (64, True), (MEMBERS["kernel"].side, True)]
    assert page_formats_of(given, MEMBERS) == {PageFormat(*each): None for each in wanted}


def test_all_recipes_that_cannot_be_are_named_at_once() -> None:
    with pytest.raises(InputError, match=r"there is no `specialists\.recipes\.a\.epoch`") as caught:
        check_recipes(parameters(a={"epoch": 1}, b={"image_size": 1}), MEMBERS)
    assert "`specialists.recipes.b.image_size` to be a whole number from 16 to 2048, but got 1" in str(caught.value)
    check_recipes(parameters(a={"epochs": 1}), MEMBERS)


def test_a_specialist_that_begins_with_the_main_member_keeps_its_backbone() -> None:
    with pytest.raises(InputError, match="specialist b to have no backbone or weights of its own"):
        check_recipes(parameters("main", a={"image_size": 64}, b={"backbone": "resnet10t"}), MEMBERS)
    check_recipes(parameters("main", a={"image_size": 64}), MEMBERS)


def test_a_specialist_is_trained_on_its_classes_alone_and_by_default_from_the_start(tmp_path: Path) -> None:
    own = task("recipe", main_member(tmp_path, learnt_groups=["i6"]))
    assert (own.name, own.targets, own.parameters.pretrained) == ("specialist_a_fold_3", (0, 1), False)
    assert own.split.learnt_before == ()
    check_task(own)


def test_what_the_main_member_has_learnt_counts_as_learnt(tmp_path: Path) -> None:
    main = main_member(tmp_path, learnt_groups=["i0", "i9", "other"])
    (tmp_path / "main/model.safetensors").touch()
    begun = task("main", main)
    assert begun.parameters.pretrained == str(tmp_path / "main/model.safetensors")
    assert begun.parameters.highest_learning_rate == 0.001
    assert begun.split.learnt_before == ("i0", "i9", "other")
    assert "other" in begun.split.learnt_groups
    check_task(begun)


def test_a_main_member_that_has_learnt_a_page_of_the_fold_is_a_leak(tmp_path: Path) -> None:
    with pytest.raises(LeakError, match="i6 is in training and in validation"):
        check_task(task("main", main_member(tmp_path, learnt_groups=["i0", "i6"])))
    with pytest.raises(LeakError, match="none to say what was learnt there, but it does not"):
        task("main", Checkpoint(tmp_path / "none", "none"))
