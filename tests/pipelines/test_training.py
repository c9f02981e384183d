"""The nodes of training with several members per fold; training and predicting themselves stand in."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_network import SMALL_NETWORK
from stage import run_stage

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.errors import LeakError
from docsort.member_kinds import Members
from docsort.members.checkpoints import HISTORY, HISTORY_FILE, Checkpoint
from docsort.members.member import Task
from docsort.pipelines.training import create_pipeline, nodes
from docsort.stores import Store
from docsort.training import planning
from docsort.training.parameters import EffortParameters

MEMBERS = Members.model_validate(
    {
        "main": SMALL_NETWORK,
        "second": {"like": "main", "backbone": "resnet10t", "image_size": 48},
        "slanted": {"like": "main", "straighten": False},
        "kernel": {"kind": "kernel", "image_size": 32},
        "off": {"like": "main", "enabled": False},
    }
)
FOLDS = 3
PARTS = ("training", "validation", "held_out")
PREFIXES = ("", "second_", "slanted_", "kernel_")
NAMES = ["main", "second", "slanted", "kernel"]


def tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Folds, training renders, validation renders of twelve pages of two classes, in all formats that are wanted."""
    ids = [f"i{number:02}" for number in range(12)]
    folds = pd.DataFrame({"image_id": ids, "group": ids, "label": [0, 1] * 6, "fold": [n // 4 for n in range(12)]})
    renders = folds.rename(columns={"image_id": "source_id"}).assign(copy=0, path="none.jpg")
    renders.insert(0, "render_id", renders["source_id"] + "~0")
    sides = pd.concat([renders.assign(**asdict(each)) for each in MEMBERS.page_formats], ignore_index=True)
    conditions = [
        sides.assign(condition=condition, render_id=sides["source_id"] + f"~{condition}")
        for condition in ("clean", "test_like")
    ]
    return folds, sides, pd.concat(conditions, ignore_index=True)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Task]:
    """Every task that is submitted, by name, in place of its training and of what its member would say."""
    tasks: dict[str, Task] = {}

    def fit_all(given: list[Task], store: Store) -> list[Checkpoint]:
        for task in given:
            tasks[task.name] = task
            record = {"name": task.name, "kind": task.kind, "learnt_groups": task.split.learnt_groups}
            store.complete(task.name, {**record, **asdict(task.parameters.page_format)})
            if task.kind == "network":
                row = pd.DataFrame([range(len(HISTORY))], columns=list(HISTORY))
                row.to_csv(store.folder(task.name) / HISTORY_FILE, index=False)
        return [Checkpoint(store.folder(task.name), task.name) for task in given]

    def predict(kind: Any, checkpoint: Checkpoint, pages: pd.DataFrame, policy: Any, model: str, store: Store) -> Any:
        turns = [pages.assign(turn=turn, scale=scale) for turn, scale in policy.views]
        right = (pages["label"] == 0).astype(float) * 0.5 + 0.25
        return pd.concat(turns).assign(model=model, by=checkpoint.key, p_0=right, p_1=1 - right)

    monkeypatch.setattr("docsort.kernel.kind.describe_renders", lambda paths, *_: np.zeros((len(paths), 4)))
    monkeypatch.setattr(nodes, "fit_all", fit_all)
    monkeypatch.setattr(nodes, "predict", predict)
    return tasks


def run(folder: Path) -> dict[str, Any]:
    """All that the stage leaves."""
    folds, training, validation = tables()
    given = {
        "folds": folds,
        "training_renders": training,
        "validation_renders": validation,
        "classes": pd.DataFrame({"target": [0, 1], "class_name": ["a", "b"]}),
        "leak_report": {"leaks": 0},
        "checkpoint_store": Store(folder / "checkpoints"),
        "prediction_store": Store(folder / "predictions"),
        "params:members": MEMBERS,
        "params:ensembling": EnsemblingParameters(turns=(0, 1)),
        "params:seed": 0,
        "params:effort": EffortParameters(),
        "images": pd.DataFrame({"split": ["test"]}),
        **{f"params:fold_numbers.fold_{fold}": fold for fold in range(FOLDS)},
    }
    return run_stage(create_pipeline(FOLDS), given)


def test_every_enabled_member_is_fitted_and_predicts_under_its_name_on_every_fold(
    tmp_path: Path, fitted: dict[str, Task]
) -> None:
    left = run(tmp_path)
    assert set(fitted) == {f"{prefix}fold_{fold}" for fold in range(FOLDS) for prefix in PREFIXES}
    assert [list(fold) for fold in left["members"]] == [NAMES] * FOLDS
    said = left["oof_predictions"]
    by = said[["model", "fold", "by"]].drop_duplicates()
    assert {(model, fold): key for model, fold, key in by.itertuples(index=False)} == {
        (name, fold): ("" if name == "main" else f"{name}_") + f"fold_{fold}" for name in NAMES for fold in range(FOLDS)
    }


def formats_of(pages: pd.DataFrame) -> set[tuple[int, bool]]:
    return set(pages[["side", "straighten"]].itertuples(index=False, name=None))


def test_a_member_learns_and_judges_pages_of_the_format_that_it_wants(tmp_path: Path, fitted: dict[str, Task]) -> None:
    left, (_, _, rendered) = run(tmp_path), tables()
    assert formats_of(rendered) == {(32, True), (32, False), (48, True)}
    parts = [{name: formats_of(getattr(task.split, part)) for name, task in fitted.items()} for part in PARTS]
    expected = {"main": {(32, True)}, "second": {(48, True)}, "slanted": {(32, False)}, "kernel": {(32, True)}}
    by_task = dict(zip(PREFIXES, expected.values(), strict=True))
    assert parts == [{f"{prefix}fold_{fold}": by_task[prefix] for fold in range(FOLDS) for prefix in PREFIXES}] * 3
    judged = left["oof_predictions"]
    assert {name: formats_of(own) for name, own in judged.groupby("model")} == expected


def test_no_member_learns_a_page_that_its_fold_holds_out_and_each_page_is_judged_by_the_fold_that_holds_it_out(
    tmp_path: Path, fitted: dict[str, Task]
) -> None:
    left, (folds, _, _) = run(tmp_path), tables()
    held_out = {fold: set(own["group"]) for fold, own in folds.groupby("fold")}
    assert all(not set(task.split.learnt_groups) & held_out[task.split.fold] for task in fitted.values())
    assert all(task.split.learnt_groups for task in fitted.values())
    for (fold, _), own in left["oof_predictions"].groupby(["fold", "model"]):
        assert set(own["group"]) == held_out[fold]


def test_the_histories_are_of_the_members_that_have_epochs(tmp_path: Path, fitted: dict[str, Task]) -> None:
    histories = run(tmp_path)["histories"]
    rows = histories[["model", "fold"]].to_numpy().tolist()
    assert rows == [[name, fold] for fold in range(FOLDS) for name in ("main", "second", "slanted")]


def test_a_member_of_another_fold_may_not_judge_this_one(tmp_path: Path) -> None:
    folds, _, validation = tables()

    seen = asdict(MEMBERS["kernel"].page_format)

    def judge(**record: object) -> None:
        Store(tmp_path).complete("key", {"kind": "kernel", "learnt_groups": ["i08"], **seen, **record})
        checkpoints = {"kernel": Checkpoint(tmp_path / "key", "key")}
        cache = Store(tmp_path / "cache")
        nodes.predict_validation(checkpoints, folds, validation, 2, EnsemblingParameters(), cache)

    with pytest.raises(LeakError, match="the member kernel_fold_2 .* but got that of kernel_fold_1"):
        judge(name="kernel_fold_1")
    with pytest.raises(LeakError, match="it has learnt 2 of them: i08~clean, i08~test_like;"):
        judge(name="kernel_fold_2")


def test_pages_whose_words_are_read_are_planned_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """All pages that are validated on, and of the test images as many as may be asked about."""
    jobs: list[planning.Job] = []
    monkeypatch.setattr(planning, "plan_epochs", lambda networks, job, views, limit: jobs.append(job) or {})
    folds, renders, held_out = tables()
    images, rest = pd.DataFrame({"split": ["test"] * 10}), (EnsemblingParameters(), EffortParameters(), {"leaks": 0})
    for reading in ({"enabled": False}, {"ask_share": 0.3}, {"ask_share": 1.0}):
        members = Members.model_validate({"main": SMALL_NETWORK, "reading": {"kind": "reading", **reading}})
        nodes.plan_training(folds, renders, held_out, images, members, *rest)
    assert [job.read for job in jobs] == [0, 2 * 12 + 3, 2 * 12 + 10]
