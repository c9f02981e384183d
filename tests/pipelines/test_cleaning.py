"""The stage of cleaning on drawn pages: what is set aside is in no other table, and a decision moves no other page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from stage import run_stage

from docsort.cleaning.parameters import CleaningParameters
from docsort.errors import InputError
from docsort.folds import CrossValidationParameters
from docsort.images.measures import measure_images
from docsort.pipelines.cleaning import create_pipeline
from docsort.stores import Store
from docsort.tables import LEDGER, PHOTOS, RAW, REVIEWED, is_reviewed

PAGES, CLASSES = 24, 2
COPIED, COPY = "p00.png", "p22.png"
"""The same page, twice."""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Twenty-four training pages of two classes and four test pages. Table IMAGES."""
    folder, rows = tmp_path_factory.mktemp("pages"), []
    for number in range(PAGES + 4):
        name = f"p{number:02}.png"
        draw(folder / name, 0 if name == COPY else number)
        split, target = ("train", number % CLASSES) if number < PAGES else ("test", None)
        rows.append((name, split, str(folder / name), target, number))
    return measure_images(pd.DataFrame(rows, columns=list(PHOTOS)).astype({"target": "Int64"}))[0]


def draw(path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    page = np.full((300, 220, 3), 245, np.uint8)
    for _ in range(30):
        left, top = (int(value) for value in rng.integers(5, (180, 280)))
        right = left + int(rng.integers(8, 70))
        cv2.rectangle(page, (left, top), (right, top + 6), rng.integers(0, 160, 3).tolist(), -1)
    cv2.imwrite(str(path), page)


def run(images: pd.DataFrame, holdout: float = 0.0, decisions: Sequence[dict[str, object]] = ()) -> dict[str, Any]:
    """All that the stage leaves. decisions: rows of the ledger."""
    given = {
        "images": images,
        "label_fixes": pd.DataFrame(decisions, columns=list(LEDGER)),
        "classes": pd.DataFrame({"target": range(CLASSES), "class_name": ["a", "b"]}),
        "last_oof_predictions": pd.DataFrame(),
        "params:cleaning": CleaningParameters.model_validate({"suspects": {"baseline": False}}),
        "params:cross_validation": CrossValidationParameters(folds=3, holdout=holdout),
        "params:seed": 0,
        "page_store": Store(Path(images["path"].iloc[0]).parent / "measures"),
    }
    return run_stage(create_pipeline(), given)


def test_what_is_set_aside_is_whole_groups_that_no_other_table_has(images: pd.DataFrame) -> None:
    made = run(images, holdout=0.25)
    aside = set(made["holdout"]["image_id"])
    assert 0.15 * PAGES < len(aside) < 0.4 * PAGES
    assert set(made["holdout"]["label"]) == set(range(CLASSES))
    for name in ("clean_images", "folds", "page_features", "label_suspects"):
        assert not aside & set(made[name]["image_id"]), name
        assert not set(made["holdout"]["group"]) & set(made[name].get("group", ())), name
    assert aside | set(made["clean_images"]["image_id"]) == {f"p{number:02}.png" for number in range(PAGES)}


def test_nothing_is_set_aside_unless_that_is_wished(images: pd.DataFrame) -> None:
    made = run(images)
    assert made["holdout"].empty
    assert len(made["clean_images"]) == len(made["folds"]) == PAGES


def test_copies_of_a_page_stand_together_and_are_named_as_duplicates(images: pd.DataFrame) -> None:
    made = run(images)
    pair = made["folds"].set_index("image_id").loc[[COPY, COPIED]]
    assert pair["group"].nunique() == pair["fold"].nunique() == 1
    named = made["duplicates"][["image_id", "other_id"]].to_numpy().tolist()
    assert [sorted(pair) for pair in named] == [[COPIED, COPY]]


def test_a_decision_about_a_label_moves_no_other_page(images: pd.DataFrame) -> None:
    """Or what it is worth could not be told: the pages before and after would be judged by other members."""
    relabel = {"image_id": "p05.png", "action": "relabel", "old_label": 1, "new_label": 0, "decided_by": "kim"}
    before = run(images, 0.25)
    dropped = [before[name]["image_id"].iloc[0] for name in ("holdout", "clean_images")]
    target = images.set_index("image_id")["target"]
    drops = [{"image_id": name, "action": "drop", "old_label": target[name], "decided_by": "kim"} for name in dropped]
    after = run(images, 0.25, [relabel, *drops])
    kept = before["folds"][~before["folds"]["image_id"].isin(dropped)].set_index("image_id")["fold"]
    assert after["folds"].set_index("image_id")["fold"].to_dict() == kept.to_dict()
    assert set(after["holdout"]["image_id"]) == set(before["holdout"]["image_id"]) - set(dropped)
    labels = pd.concat([after["clean_images"], after["holdout"]]).set_index("image_id")["label"]
    assert labels["p05.png"] == 0
    assert not set(dropped) & set(labels.index)


@pytest.fixture(scope="module")
def joined(images: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The same with judged pages: copies of a page that is learnt, of one that is set aside and of a test page, and a
    new one."""
    aside = run(images, 0.25)["holdout"]["image_id"].iloc[0]
    folder, rows = tmp_path_factory.mktemp("judged"), []
    for name, seed in (("copy", 5), ("aside", int(aside[1:3])), ("test", PAGES + 1), ("new", 99)):
        draw(folder / f"{name}.png", seed)
        rows.append((f"reviewed/{name}", "train", str(folder / f"{name}.png"), 1, 100 + seed))
    photos = pd.DataFrame(rows, columns=list(PHOTOS)).astype({"target": "Int64"}).assign(origin=REVIEWED)
    return pd.concat([images.assign(origin=RAW), measure_images(photos)[0]], ignore_index=True)


def test_a_judged_page_moves_no_other_stands_with_its_copies_and_is_not_learnt_where_it_is_a_test_image(
    images: pd.DataFrame, joined: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    before, after = run(images, 0.25), run(joined, 0.25)
    folds = after["folds"].set_index("image_id")
    known = [name for name in before["folds"]["image_id"] if name in folds.index]
    assert known == before["folds"]["image_id"].tolist()
    assert folds["fold"][known].tolist() == before["folds"]["fold"].tolist()
    assert after["holdout"]["image_id"].tolist() == before["holdout"]["image_id"].tolist()
    learnt = set(after["clean_images"]["image_id"])
    assert not {"reviewed/test", "reviewed/aside"} & learnt
    assert "1 judged pages are test images of this data, or near-duplicates of one, and are not learnt" in caplog.text
    assert "reviewed/new" in learnt
    assert {"p05.png", "reviewed/copy"} <= learnt
    assert folds["group"]["reviewed/copy"] == folds["group"]["p05.png"]
    assert folds["fold"]["reviewed/copy"] == folds["fold"]["p05.png"]
    assert is_reviewed(after["clean_images"]).sum() == len(learnt) - len(before["clean_images"])


def test_a_ledger_that_does_not_fit_the_data_is_refused_before_anything_else(images: pd.DataFrame) -> None:
    wrong = {"image_id": "p05.png", "action": "relabel", "old_label": 0, "new_label": 1}
    with pytest.raises(InputError, match="old_label of p05.png is '0', but the data says 1"):
        run(images, 0, [wrong])


def drop(name: str, label: int) -> dict[str, object]:
    return {"image_id": name, "action": "drop", "old_label": label, "decided_by": "kim"}


@pytest.mark.parametrize("left", [0, 1])
def test_a_class_that_loses_its_pages_is_refused_before_anything_else(images: pd.DataFrame, left: int) -> None:
    """By photos that cannot be read, or by the ledger; a class of one cannot be both learnt from and judged by."""
    own = images.loc[images["target"] == 1, "image_id"].tolist()
    readable = images[~images["image_id"].isin(own[left:])]
    with pytest.raises(
        InputError, match=rf"every class that can be read .*rejected.*, but the class 1 b \({left}\) has"
    ):
        run(readable)
    with pytest.raises(InputError, match=rf"every class once label_fixes is applied, but the class 1 b \({left}\) has"):
        run(images, decisions=[drop(name, 1) for name in own[left:]])
