"""The nodes of specialists with recipes of their own; training and predicting themselves stand in."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.errors import InputError
from docsort.pipelines.specialists import nodes
from docsort.specialists.parameters import SpecialistParameters
from docsort.stores import Store
from docsort.training.checkpoints import HISTORY, HISTORY_FILE, Checkpoint
from docsort.training.plan import TrainingPlan
from docsort.training.tasks import FoldTask, check_task

PLAN = TrainingPlan.model_validate(
    {
        "backbone": "lcnet_035",
        "pretrained": False,
        "image_size": 32,
        "epochs": 1,
        "patience": 1,
        "batch_size": 8,
        "learning_rate": {"scratch": 0.003, "pretrained": 0.001},
    }
)
CLASSES = pd.DataFrame({"target": range(4), "class_name": ["a", "b", "c", "d"]})
VOTE = EnsemblingParameters(turns=(0,))


def parameters(**values: object) -> SpecialistParameters:
    return SpecialistParameters.model_validate({"groups": {"pair": ["a", "c"]}, **values})


def tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Folds, training renders, validation renders of forty pages of four classes."""
    ids = [f"i{number:02}" for number in range(40)]
    folds = pd.DataFrame(
        {"image_id": ids, "group": ids, "label": [0, 1, 2, 3] * 10, "fold": [n // 8 for n in range(40)]}
    )
    renders = folds.rename(columns={"image_id": "source_id"}).assign(copy=0, path="none.jpg")
    renders.insert(0, "render_id", renders["source_id"] + "~0")
    named = {view: renders["source_id"] + f"~{view}" for view in ("clean", "test_like")}
    views = pd.concat([renders.assign(view=view, render_id=own) for view, own in named.items()], ignore_index=True)
    return folds, renders, views


def predictions(folds: pd.DataFrame) -> pd.DataFrame:
    """Of a model that knows class 0 and class 2 only as one of the two, and all others well."""
    keys = folds.assign(model="main", render_id=folds["image_id"], view="test_like", copy=0, turn=0)
    rng = np.random.default_rng(0)
    values = np.full((len(folds), 4), 0.05)
    values[np.arange(len(folds)), folds["label"]] = 0.85
    alike = folds["label"].isin([0, 2]).to_numpy()
    share = rng.random(alike.sum()) * 0.8
    values[alike, 0], values[alike, 2] = 0.05 + share, 0.85 - share
    return pd.concat([keys, pd.DataFrame(values, columns=[f"p_{target}" for target in range(4)])], axis=1)


def train_all(
    groups: pd.DataFrame, chosen: SpecialistParameters, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, FoldTask], pd.DataFrame]:
    trained: dict[str, FoldTask] = {}

    def train(task: FoldTask, store: Store) -> Checkpoint:
        check_task(task)
        trained[task.name] = task
        store.complete(task.name, {"name": task.name})
        row = pd.DataFrame([range(len(HISTORY))], columns=list(HISTORY))
        row.to_csv(store.folder(task.name) / HISTORY_FILE, index=False)
        return Checkpoint(store.folder(task.name), task.name)

    monkeypatch.setattr(nodes, "train", train)
    folds, training, validation = tables()
    Store(folder).complete("main", {"name": "fold_3", "learnt_groups": ["i00"]})
    general = {"main": Checkpoint(Store(folder).folder("main"), "main")}
    _, history = nodes.train_specialists(
        3, folds, training, validation, groups, general, chosen, PLAN, 0, Store(folder), {"leaks": 0}
    )
    return trained, history


def test_each_group_is_trained_by_its_own_recipe_on_its_own_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = parameters(find=True, recipes={"found": {"image_size": 64, "sampling": "balanced"}})
    groups = pd.DataFrame({"group_name": ["pair", "found_1_3"], "classes": ["0 2", "1 3"]})
    trained, history = train_all(groups, chosen, tmp_path, monkeypatch)
    pair, found = trained["specialist_pair_fold_3"], trained["specialist_found_1_3_fold_3"]
    assert (pair.parameters, pair.targets) == (PLAN.recipe("main"), (0, 2))
    assert (found.parameters.image_size, found.parameters.sampling, found.targets) == (64, "balanced", (1, 3))
    assert set(found.training["fold"]) == {0, 1, 2, 4}
    assert set(found.training["label"]) == {1, 3}
    assert history["group"].tolist() == ["pair", "found_1_3"]


def test_specialists_may_begin_with_the_main_model_of_their_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = pd.DataFrame({"group_name": ["pair"], "classes": ["0 2"]})
    trained, _ = train_all(groups, parameters(start="main"), tmp_path, monkeypatch)
    assert trained["specialist_pair_fold_3"].parameters.pretrained == str(tmp_path / "main/model.safetensors")
    assert trained["specialist_pair_fold_3"].learnt_before == ("i00",)


def test_groups_are_found_only_where_that_is_wished() -> None:
    oof = predictions(tables()[0])
    none = nodes.check_groups(CLASSES, parameters(groups={}), PLAN)
    wished = parameters(groups={}, find=True, find_lift=2)
    assert nodes.find_groups(none, oof, wished)["group_name"].tolist() == ["found_0_2"]
    assert nodes.find_groups(none, oof, parameters(groups={})).empty
    given = nodes.check_groups(CLASSES, parameters(), PLAN)
    assert nodes.find_groups(given, oof, wished)["group_name"].tolist() == ["pair"]


def test_a_recipe_that_cannot_be_is_refused_before_any_training() -> None:
    with pytest.raises(InputError, match="specialist pair to change the recipe to a valid one: epoch:"):
        nodes.check_groups(CLASSES, parameters(recipes={"pair": {"epoch": 3}}), PLAN)
