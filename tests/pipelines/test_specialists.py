"""The nodes of specialists with recipes of their own; training itself stands in."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_network import SMALL_NETWORK

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.errors import InputError
from docsort.member_kinds import Members
from docsort.members.checkpoints import Checkpoint
from docsort.members.member import Task
from docsort.members.views import members_of
from docsort.pipelines.specialists import nodes
from docsort.specialists.late import largest_lead, leads
from docsort.specialists.parameters import SpecialistParameters
from docsort.stores import Store

MEMBERS = Members.model_validate({"main": SMALL_NETWORK})
LATE = Members.model_validate({"main": MEMBERS.main.model_dump(), "second": {"like": "main", "ask_share": 0.2}})
CLASSES = pd.DataFrame({"target": range(4), "class_name": ["a", "b", "c", "d"]})
FOLD = 3
FORMATS = [(32, True), (64, False), (64, True)]


def parameters(**values: object) -> SpecialistParameters:
    return SpecialistParameters.model_validate({"groups": {"pair": ["a", "c"]}, **values})


def tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Folds, training renders, validation renders of forty pages of four classes, in three formats."""
    ids = [f"i{number:02}" for number in range(40)]
    folds = pd.DataFrame(
        {"image_id": ids, "group": ids, "label": [0, 1, 2, 3] * 10, "fold": [n // 8 for n in range(40)]}
    )
    renders = folds.rename(columns={"image_id": "source_id"}).assign(copy=0, path="none.jpg")
    renders.insert(0, "render_id", renders["source_id"] + "~0")
    sides = pd.concat(
        [renders.assign(side=each[0], straighten=each[1], letterboxed=True) for each in FORMATS], ignore_index=True
    )
    named = {condition: sides["source_id"] + f"~{condition}" for condition in ("clean", "test_like")}
    conditions = pd.concat(
        [sides.assign(condition=condition, render_id=own) for condition, own in named.items()], ignore_index=True
    )
    return folds, sides, conditions


def predictions(folds: pd.DataFrame) -> pd.DataFrame:
    """Of a member that knows class 0 and class 2 only as one of the two, and all others well."""
    keys = folds.assign(model="main", render_id=folds["image_id"], condition="test_like", copy=0, turn=0)
    rng = np.random.default_rng(0)
    values = np.full((len(folds), 4), 0.05)
    values[np.arange(len(folds)), folds["label"]] = 0.85
    alike = folds["label"].isin([0, 2]).to_numpy()
    share = rng.random(alike.sum()) * 0.8
    values[alike, 0], values[alike, 2] = 0.05 + share, 0.85 - share
    return pd.concat([keys, pd.DataFrame(values, columns=[f"p_{target}" for target in range(4)])], axis=1)


def fit(
    groups: pd.DataFrame,
    chosen: SpecialistParameters,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    members: Members = MEMBERS,
) -> tuple[dict[str, Task], dict[str, Checkpoint]]:
    """The tasks that are submitted for one fold, by name, and the checkpoints by group."""
    submitted: dict[str, Task] = {}

    def fit_all(tasks: list[Task], store: Store) -> list[Checkpoint]:
        submitted.update({task.name: task for task in tasks})
        return [Checkpoint(store.folder(task.name), task.name) for task in tasks]

    monkeypatch.setattr(nodes, "fit_all", fit_all)
    folds, training, validation = tables()
    general = []
    for fold in range(FOLD + 1):
        Store(folder).complete(f"main_{fold}", {"name": f"fold_{fold}", "learnt_groups": [f"g{fold}"]})
        general.append({"main": Checkpoint(Store(folder).folder(f"main_{fold}"), f"main_{fold}")})
    checkpoints = nodes.fit_specialists(
        FOLD,
        folds,
        training,
        validation,
        CLASSES,
        groups,
        general,
        chosen,
        members,
        {"epochs": {}},
        0,
        Store(folder),
        Store(folder),
        {"leaks": 0},
    )
    return submitted, checkpoints


def test_each_group_is_trained_by_its_own_recipe_on_its_own_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = parameters(find=True, recipes={"found": {"image_size": 64, "straighten": False, "sampling": "balanced"}})
    groups = pd.DataFrame({"group_name": ["pair", "found_1_3"], "classes": ["0 2", "1 3"]})
    submitted, checkpoints = fit(groups, chosen, tmp_path, monkeypatch)
    pair, found = submitted["specialist_pair_fold_3"], submitted["specialist_found_1_3_fold_3"]
    assert (pair.parameters, pair.targets) == (MEMBERS.main, (0, 2))
    assert (found.parameters.image_size, found.parameters.sampling, found.targets) == (64, "balanced", (1, 3))
    assert set(found.split.training["fold"]) == {0, 1, 2, 4}
    assert set(found.split.training["label"]) == {1, 3}
    for task, page_format in ((pair, (32, True)), (found, (64, False))):
        seen = task.split.training[["side", "straighten"]]
        assert set(seen.itertuples(index=False, name=None)) == {page_format}
    assert {name: point.key for name, point in checkpoints.items()} == {
        "pair": "specialist_pair_fold_3",
        "found_1_3": "specialist_found_1_3_fold_3",
    }


def test_specialists_may_begin_with_the_main_member_of_their_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = pd.DataFrame({"group_name": ["pair"], "classes": ["0 2"]})
    submitted, _ = fit(groups, parameters(start="main"), tmp_path, monkeypatch)
    task = submitted["specialist_pair_fold_3"]
    assert task.parameters.pretrained == str(tmp_path / "main_3/model.safetensors")
    assert task.split.learnt_before == ("g3",)
    assert "g3" in task.split.learnt_groups


def test_groups_are_found_only_where_that_is_wished() -> None:
    oof = predictions(tables()[0])
    none = nodes.check_groups(CLASSES, parameters(groups={}), MEMBERS, EnsemblingParameters())
    wished = parameters(groups={}, find=True, find_confusion_ratio=2)
    assert nodes.find_groups(none, oof, wished)["group_name"].tolist() == ["found_0_2"]
    assert nodes.find_groups(none, oof, parameters(groups={})).empty
    given = nodes.check_groups(CLASSES, parameters(), MEMBERS, EnsemblingParameters())
    assert nodes.find_groups(given, oof, wished)["group_name"].tolist() == ["pair"]


def test_a_recipe_that_cannot_be_is_refused_before_any_training() -> None:
    sentence = r"there is no `specialists\.recipes\.pair\.epoch`; did you mean epochs"
    with pytest.raises(InputError, match=sentence):
        nodes.check_groups(CLASSES, parameters(recipes={"pair": {"epoch": 3}}), MEMBERS, EnsemblingParameters())


def test_a_late_member_in_a_vote_that_counts_ballots_is_refused_before_any_training() -> None:
    with pytest.raises(InputError, match="second, but it counts ballots"):
        nodes.check_groups(CLASSES, parameters(), LATE, EnsemblingParameters(vote="hard"))


def test_late_members_are_trained_beside_the_specialists_on_all_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = pd.DataFrame({"group_name": ["pair"], "classes": ["0 2"]})
    submitted, checkpoints = fit(groups, parameters(), tmp_path, monkeypatch, LATE)
    assert list(checkpoints) == ["second", "pair"]
    task = submitted["second_fold_3"]
    assert task.targets == (0, 1, 2, 3)
    assert set(task.split.training["fold"]) == {0, 1, 2, 4}


def test_late_members_predict_the_pages_that_the_others_are_unsure_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folds, _, validation = tables()
    votes = members_of(predictions(folds).assign(scale=100)).assign(model="vote")
    votes["render_id"] = votes["image_id"] + "~test_like"
    seen: dict[str, list[str]] = {}

    def predict(
        kind: object, checkpoint: Checkpoint, pages: pd.DataFrame, policy: object, name: str, store: object
    ) -> pd.DataFrame:
        seen[name] = pages["render_id"].tolist()
        return pages.assign(model=name, turn=0, scale=100, **{f"p_{target}": 0.25 for target in range(4)})

    monkeypatch.setattr(nodes, "predict", predict)
    points = {}
    for name, task in {"second": f"second_fold_{FOLD}", "pair": f"specialist_pair_fold_{FOLD}"}.items():
        facts = {"name": task, "kind": "network", "learnt_groups": [], "side": 32, "straighten": True}
        Store(tmp_path).complete(name, facts)
        points[name] = Checkpoint(Store(tmp_path).folder(name), name)
    nodes.predict_specialist_validation(
        points, folds, validation, FOLD, votes, LATE, EnsemblingParameters(), Store(tmp_path)
    )
    assert len(seen["pair"]) == 16  # eight sources under both conditions
    own = votes[votes["fold"] == FOLD]
    assert seen["second"] == own.loc[leads(own) <= largest_lead(votes, 0.2), "render_id"].tolist()
    assert 0 < len(seen["second"]) < 8
