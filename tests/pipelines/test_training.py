"""The nodes of training with several models a fold; training and predicting themselves stand in."""

from pathlib import Path

import pandas as pd
import pytest

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.errors import LeakError
from docsort.looking.parameters import LookParameters
from docsort.pipelines.training import nodes
from docsort.stores import Store
from docsort.training.checkpoints import HISTORY, HISTORY_FILE, Checkpoint
from docsort.training.plan import TrainingPlan
from docsort.training.tasks import FoldTask

PLAN = TrainingPlan.model_validate(
    {
        "backbone": "lcnet_035",
        "pretrained": False,
        "image_size": 32,
        "epochs": 1,
        "patience": 1,
        "batch_size": 8,
        "learning_rate": {"scratch": 0.003, "pretrained": 0.001},
        "models": {"second": {"backbone": "resnet10t"}},
    }
)


def tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Folds, training renders, validation renders of ten pages of two classes."""
    ids = [f"i{number}" for number in range(10)]
    folds = pd.DataFrame({"image_id": ids, "group": ids, "label": [0, 1] * 5, "fold": [n // 2 for n in range(10)]})
    renders = folds.rename(columns={"image_id": "source_id"}).assign(copy=0, path="none.jpg")
    renders.insert(0, "render_id", renders["source_id"] + "~0")
    return folds, renders, renders.assign(view="test_like")


def test_every_model_of_the_plan_is_trained_and_predicts_under_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: dict[str, FoldTask] = {}

    def train(task: FoldTask, store: Store) -> Checkpoint:
        trained[task.name] = task
        store.complete(task.name, {"name": task.name, "learnt_groups": sorted(task.training["group"])})
        row = pd.DataFrame([range(len(HISTORY))], columns=list(HISTORY))
        row.to_csv(store.folder(task.name) / HISTORY_FILE, index=False)
        return Checkpoint(store.folder(task.name), task.name)

    def predict(checkpoint: Checkpoint, pages: pd.DataFrame, policy: object, model: str, store: object) -> pd.DataFrame:
        return pages.assign(model=model, checkpoint=checkpoint.key)

    monkeypatch.setattr(nodes, "train", train)
    monkeypatch.setattr(nodes, "predict", predict)
    folds, training, validation = tables()
    classes = pd.DataFrame({"target": [0, 1], "class_name": ["a", "b"]})
    checkpoints, history = nodes.train_fold(
        3, folds, training, validation, classes, PLAN, 0, Store(tmp_path), {"leaks": 0}
    )
    assert [task.parameters.backbone for task in trained.values()] == ["lcnet_035", "resnet10t"]
    assert list(trained) == ["fold_3", "second_fold_3"]
    assert history[["model", "fold"]].to_numpy().tolist() == [["main", 3], ["second", 3]]
    predictions = nodes.predict_validation(
        checkpoints, folds, validation, 3, EnsemblingParameters(), Store(tmp_path / "kept")
    )
    told = predictions[["model", "checkpoint", "image_id"]].to_numpy().tolist()
    assert told == [[m, c, i] for m, c in (("main", "fold_3"), ("second", "second_fold_3")) for i in ("i6", "i7")]


def test_a_look_that_is_switched_off_leaves_no_trace_in_the_predictions(tmp_path: Path) -> None:
    folds, training, validation = tables()
    off, classes = LookParameters(enabled=False), pd.DataFrame({"target": [0, 1], "class_name": ["a", "b"]})
    looks = nodes.describe_renders(training, validation, off, {"leaks": 0})
    learnt = nodes.learn_fold_look(3, folds, training, validation, looks, classes, off, Store(tmp_path), {"leaks": 0})
    assert learnt == {}
    nothing = nodes.predict_validation_by_look(learnt, folds, validation, looks, 3, EnsemblingParameters())
    assert nothing.empty
    said = validation.rename(columns={"source_id": "image_id"}).assign(
        model="main", turn=0, scale=100, p_0=0.5, p_1=0.5
    )
    pd.testing.assert_frame_equal(nodes.join_predictions(folds, said, nothing), said)


def test_a_look_made_for_another_fold_may_not_judge_this_one(tmp_path: Path) -> None:
    folds, _, validation = tables()
    Store(tmp_path).complete("k", {"name": "look_fold_1", "learnt_groups": ["i6", "i7"]})
    looks = {"look": Checkpoint(tmp_path / "k", "k")}
    with pytest.raises(LeakError, match="the model of look_fold_3 .* but got that of look_fold_1"):
        nodes.predict_validation_by_look(looks, folds, validation, pd.DataFrame(), 3, EnsemblingParameters())
    Store(tmp_path).complete("k", {"name": "look_fold_3", "learnt_groups": ["i6", "i7"]})
    with pytest.raises(LeakError, match="it has learnt 2 of them"):
        nodes.predict_validation_by_look(looks, folds, validation, pd.DataFrame(), 3, EnsemblingParameters())
