"""A kind of member that only this folder knows goes through a fold of the pipeline as it is: no file of src changes but
for one entry in the table of kinds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coloured_pages import TARGETS, Tables
from small_network import SMALL_NETWORK
from toy_kind import COLOURS, ToyKind

import docsort
from docsort import member_kinds
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.errors import LeakError
from docsort.images.page_format import PageFormat
from docsort.member_kinds import Members
from docsort.pipelines.training.nodes import fit_members, join_predictions, predict_validation
from docsort.stores import Store
from docsort.tables import probability_columns

MAIN = {**SMALL_NETWORK, "device": "cpu"}


@pytest.fixture
def members(monkeypatch: pytest.MonkeyPatch) -> Members:
    monkeypatch.setitem(member_kinds.KINDS, "toy", ToyKind())
    return Members.model_validate({"main": MAIN, "colours": {"kind": "toy"}})


def train(tables: Tables, fold: int, members: Members, store: Path) -> Any:
    import pandas as pd

    classes = pd.DataFrame({"target": TARGETS, "class_name": ["red", "green", "blue"]})
    stores = Store(store / "checkpoints"), Store(store / "predictions")
    return fit_members(fold, *tables, classes, members, {"epochs": {}}, 1, *stores, {})


def judge(tables: Tables, fold: int, checkpoints: Any, members: Members, store: Path) -> Any:
    folds, _, validation = tables
    ensembling = EnsemblingParameters.model_validate({"turns": [0, 5]})
    return predict_validation(checkpoints, folds, validation, fold, ensembling, Store(store / "predictions"))


def test_it_is_trained_predicts_is_cached_and_is_checked_for_leaks(
    tables: Tables, members: Members, tmp_path: Path
) -> None:
    assert members.page_formats == {PageFormat(16, True): None, PageFormat(32, True): None}
    checkpoints, history = train(tables, 0, members, tmp_path)
    toy = checkpoints["colours"]
    assert (toy.kind, toy.record()["name"]) == ("toy", "colours_fold_0")
    assert toy.record()["learnt_groups"] == checkpoints["main"].record()["learnt_groups"]
    assert set(history["model"]) == {"main"}  # a kind without epochs has no history

    predicted = judge(tables, 0, checkpoints, members, tmp_path)
    own = predicted[predicted["model"] == "colours"]
    held_out = tables[0].query("fold == 0")
    assert set(own["image_id"]) == set(held_out["image_id"])
    assert len(own) == len(held_out) * 2 * 2  # conditions, turns
    columns = probability_columns(own)
    answers = np.array(TARGETS)[own[columns].to_numpy().argmax(axis=1)]
    assert (answers == own["label"]).all()

    stamp = (toy.folder / COLOURS).stat().st_mtime_ns
    again, _ = train(tables, 0, members, tmp_path)
    assert again == checkpoints
    assert (toy.folder / COLOURS).stat().st_mtime_ns == stamp
    (toy.folder / COLOURS).write_text('{"2": [0, 0, 0], "5": [0, 0, 0], "9": [0, 0, 0]}')
    cached = judge(tables, 0, checkpoints, members, tmp_path)
    assert cached.equals(predicted)  # nobody asked the file, which would not tell classes apart any more

    with pytest.raises(LeakError, match="Expected the member fold_1 to predict what fold 1 holds out"):
        judge(tables, 1, checkpoints, members, tmp_path)
    with pytest.raises(LeakError, match="Expected the member colours_fold_1 to predict what fold 1 holds out"):
        judge(tables, 1, {"colours": toy}, members, tmp_path)
    dealt_anew = tuple(table.assign(fold=(table["fold"] + 1) % 3) for table in tables)
    with pytest.raises(LeakError, match="member colours_fold_0 never to have seen the pages that it judges"):
        judge(dealt_anew, 0, {"colours": toy}, members, tmp_path)
    assert join_predictions(tables[0], predicted).equals(predicted)


def test_no_file_of_the_package_knows_it() -> None:
    sources = [path for path in Path(docsort.__file__).parent.rglob("*.py") if "toy" in path.read_text().lower()]
    assert sources == []
