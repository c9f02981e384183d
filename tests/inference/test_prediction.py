"""Predictions of a small untrained model: what they must be whatever the weights."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from docsort.errors import InputError
from docsort.images.dihedral import TURNS, apply_turn, inverse_turn
from docsort.images.letterbox import letterbox
from docsort.images.reading import read_rgb
from docsort.inference import pages as pages_module
from docsort.inference.forward import forward_pages
from docsort.inference.prediction import predict
from docsort.models.backbones import build_model
from docsort.models.descriptions import ModelDescription
from docsort.models.weights import load_model, save_model
from docsort.tables import PREDICTION_KEYS, probability_columns
from docsort.training.checkpoints import Checkpoint
from docsort.workers import stop_workers

SIZE = 32
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkpoint]:
    folder = tmp_path_factory.mktemp("store") / "0123"
    torch.manual_seed(0)
    model = build_model("lcnet_035", 3, SIZE)
    with torch.no_grad():  # an untrained model is sure of nothing: a larger head makes pages and turns differ
        model.get_parameter("classifier.weight").mul_(50)
    save_model(model, ModelDescription("lcnet_035", (2, 14, 9), SIZE, MEAN, STD), folder)
    yield Checkpoint(folder, "0123")
    stop_workers()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """A square render, a portrait and a landscape photo, of which the last is larger than the input."""
    folder, rng, rows = tmp_path_factory.mktemp("pages"), np.random.default_rng(0), []
    for number, shape in enumerate([(SIZE, SIZE), (40, 20), (90, 120)]):
        coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize(shape[::-1], Image.Resampling.BILINEAR)
        image.save(folder / f"{number}.png")
        rows.append((number, f"i{number}", f"g{number}", 2, f"r{number}", "clean", 0, str(folder / f"{number}.png")))
    table = pd.DataFrame(rows, columns=pages_module.PAGES, index=[7, 3, 5])
    return table.assign(source="more columns do not matter")


def test_every_page_gets_a_row_a_turn_in_order(checkpoint: Checkpoint, pages: pd.DataFrame) -> None:
    table = predict(checkpoint, pages, [5, 0], model="main", device="cpu")
    assert list(table.columns) == [*PREDICTION_KEYS, "p_2", "p_9", "p_14"]
    assert table["render_id"].tolist() == ["r0", "r0", "r1", "r1", "r2", "r2"]
    assert table["fold"].tolist() == [0, 0, 1, 1, 2, 2]
    assert table["turn"].tolist() == [5, 0] * 3
    assert set(table["model"]) == {"main"}
    assert table.index.tolist() == list(range(6))


def test_rows_sum_to_one_in_single_precision(checkpoint: Checkpoint, pages: pd.DataFrame) -> None:
    table = predict(checkpoint, pages, TURNS, model="main", device="cpu")
    values = table[probability_columns(table)]
    assert (values.dtypes == np.float32).all()
    np.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-5)
    assert values.to_numpy().min() >= 0


def test_probabilities_are_the_models_own(checkpoint: Checkpoint, pages: pd.DataFrame) -> None:
    model, _ = load_model(checkpoint.folder)
    table = predict(checkpoint, pages, TURNS, model="main", device="cpu")
    for row in table.itertuples():
        page = letterbox(read_rgb(pages.set_index("render_id").loc[row.render_id, "path"]), SIZE)
        turned = apply_turn(page, row.turn) / 255
        inputs = torch.tensor((turned - MEAN) / STD, dtype=torch.float32).permute(2, 0, 1)[None]
        with torch.inference_mode():
            expected = torch.softmax(model(inputs), dim=1)[0].tolist()
        assert [row.p_2, row.p_14, row.p_9] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("turn", TURNS)
def test_turned_page_under_the_inverse_turn_is_the_page(
    checkpoint: Checkpoint, pages: pd.DataFrame, tmp_path: Path, turn: int
) -> None:
    square = pages["path"].iloc[0]
    turned = tmp_path / "turned.png"
    Image.fromarray(np.ascontiguousarray(apply_turn(read_rgb(square), turn))).save(turned)
    plain = forward_pages(checkpoint.folder, "main", [square], [0], "cpu", 1)
    undone = forward_pages(checkpoint.folder, "main", [str(turned)], [inverse_turn(turn)], "cpu", 1)
    np.testing.assert_array_equal(undone, plain)


def test_batches_do_not_change_the_answer(
    checkpoint: Checkpoint, pages: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = pages["path"].tolist() * 3
    whole = forward_pages(checkpoint.folder, "main", paths, [0, 6], "cpu", 1)
    monkeypatch.setattr("docsort.inference.forward.BATCH_PAGES", {"cpu": 2})
    np.testing.assert_allclose(forward_pages(checkpoint.folder, "main", paths, [0, 6], "cpu", 1), whole, atol=1e-5)


def test_no_pages_give_an_empty_table_of_the_same_columns(checkpoint: Checkpoint, pages: pd.DataFrame) -> None:
    table = predict(checkpoint, pages.iloc[:0], TURNS, model="main", device="cpu")
    assert list(table.columns) == [*PREDICTION_KEYS, "p_2", "p_9", "p_14"]
    assert table.empty


@pytest.mark.parametrize("turns", [[], [0, 0], [8], [-1]])
def test_impossible_turns_are_refused(checkpoint: Checkpoint, pages: pd.DataFrame, turns: list[int]) -> None:
    with pytest.raises(InputError, match="turns to be different numbers from 0 to 7"):
        predict(checkpoint, pages, turns, model="main", device="cpu")


def test_unreadable_page_is_named(checkpoint: Checkpoint, pages: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    broken = pages.assign(path=str(tmp_path / "broken.jpg"))
    with pytest.raises(InputError, match=r"broken\.jpg: not a whole image"):
        predict(checkpoint, broken, [0], model="main", device="cpu")


def test_test_pages_are_the_test_images_in_their_order() -> None:
    images = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "split": ["test", "train", "test"],
            "path": ["/a", "/b", "/c"],
            "target": pd.array([None, 1, None], dtype="Int64"),
            "position": [1, 0, 0],
        }
    )
    table = pages_module.test_pages(images, fold=3)
    assert tuple(table.columns) == pages_module.PAGES
    assert table["image_id"].tolist() == table["render_id"].tolist() == table["group"].tolist() == ["a", "c"]
    assert set(table["fold"]) == {3}
    assert set(table["view"]) == {"test"}
    assert table["label"].isna().all()
