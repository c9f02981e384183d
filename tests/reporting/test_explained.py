"""Pages with heat: which are shown, what is drawn over them, and what happens where there is no heat."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from docsort.errors import NoMapError
from docsort.images.heat_overlay import draw_heat
from docsort.members.checkpoints import Checkpoint
from docsort.reporting.explained import CELL, COLUMNS, explain, list_sure
from docsort.reporting.galleries import ANSWERED, list_mistakes

CHECKPOINTS = [Checkpoint(Path(f"fold_{fold}"), f"fold_{fold}") for fold in range(5)]


@pytest.fixture
def renders(oof_votes: pd.DataFrame, tmp_path: Path) -> pd.DataFrame:
    path = tmp_path / "page.png"
    Image.fromarray(np.full((90, 60, 3), 200, dtype=np.uint8)).save(path)
    table = oof_votes[["render_id", "image_id", "group", "label", "fold", "copy", "condition"]]
    return table.rename(columns={"image_id": "source_id"}).assign(
        path=str(path), side=48, straighten=True, letterboxed=True
    )


def test_the_surest_right_answer_of_each_class_comes_before_a_second_of_any(
    oof_votes: pd.DataFrame, renders: pd.DataFrame
) -> None:
    table = list_sure(oof_votes, renders, 7)
    assert list(table.columns) == list(ANSWERED)
    assert table["label"].tolist() == [0, 1, 2, 3, 4, 0, 1]
    assert (table["label"] == table["predicted"]).all()
    right = oof_votes[(oof_votes["condition"] == "test_like") & (oof_votes["label"] == oof_votes["predicted"])]
    best = right.groupby("label")["confidence"].max()
    assert table["confidence"].head(5).tolist() == best.tolist()
    assert table["image_id"].is_unique


def test_mistakes_know_the_fold_that_held_them_out(oof_votes: pd.DataFrame, renders: pd.DataFrame) -> None:
    table = list_mistakes(oof_votes, renders, 9)
    folds = oof_votes.set_index("render_id")["fold"]
    assert table["fold"].tolist() == folds.loc[table["render_id"]].tolist()
    assert len(table) == 9
    assert (table["label"] != table["predicted"]).all()


def test_heat_leaves_cold_places_clear_and_reddens_hot_ones() -> None:
    page, heat = np.full((40, 60, 3), 200, dtype=np.uint8), np.zeros((8, 8), dtype=np.float32)
    heat[:2, :2] = 1
    drawn = draw_heat(page, heat)
    assert drawn.shape == page.shape
    np.testing.assert_array_equal(drawn[20:, 30:], page[20:, 30:])
    red, green, blue = drawn[2, 2].astype(int)
    assert red > 200 > green >= blue


def test_a_mistake_is_asked_for_its_answer_and_the_truth_by_the_model_that_held_it_out(
    oof_votes: pd.DataFrame, renders: pd.DataFrame, classes: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, list[list[int]]] = {}

    def heat(checkpoint: Checkpoint, paths: list[str], wanted: list[list[int]]) -> np.ndarray:
        asked[checkpoint.key] = list(wanted)
        return np.ones((len(paths), len(wanted[0]), 16, 16), dtype=np.float32)

    monkeypatch.setattr("docsort.reporting.explained.heat_of", heat)
    pages = list_mistakes(oof_votes, renders, 8)
    picture = explain(pages, CHECKPOINTS, classes)
    for fold, own in pages.groupby("fold"):
        assert asked[f"fold_{fold}"] == own[["predicted", "label"]].to_numpy().tolist()
    rows = 8 * 3 / COLUMNS
    assert picture.height > rows * CELL
    assert picture.width > COLUMNS * CELL
    asked.clear()
    sure = explain(list_sure(oof_votes, renders, 6), CHECKPOINTS, classes)
    assert 2 * CELL < sure.height < 3 * CELL
    assert all(len(wanted) == 1 for each in asked.values() for wanted in each)


def test_without_a_map_of_places_the_pages_stand_alone_and_the_log_says_why(
    oof_votes: pd.DataFrame,
    renders: pd.DataFrame,
    classes: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: object) -> np.ndarray:
        raise NoMapError("Expected a layer of odd_net with a map of places.")

    monkeypatch.setattr("docsort.reporting.explained.heat_of", refuse)
    picture = explain(list_mistakes(oof_votes, renders, COLUMNS), CHECKPOINTS, classes)
    assert CELL < picture.height < 2 * CELL
    assert "Expected a layer of odd_net with a map of places. The pages are shown without heat." in caplog.text


def test_no_pages_are_an_empty_sheet(oof_votes: pd.DataFrame, renders: pd.DataFrame, classes: pd.DataFrame) -> None:
    assert explain(list_sure(oof_votes, renders, 0), CHECKPOINTS, classes).getextrema() == ((255, 255),) * 3
