"""Predictions of a small untrained network: what they must be whatever the weights."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from toy_kind import ToyKind
from toy_variants import SidedKind

from docsort.errors import InputError
from docsort.images.dihedral import apply_turn
from docsort.images.letterbox import letterbox
from docsort.images.reading import read_rgb
from docsort.members import prediction
from docsort.members.checkpoints import Checkpoint
from docsort.members.member import Kind
from docsort.members.prediction import PAGES, prediction_table
from docsort.members.views import ViewPolicy, all_views
from docsort.models.backbones import build_model
from docsort.models.descriptions import ModelDescription
from docsort.models.weights import load_model, save_model
from docsort.stores import Store
from docsort.tables import PREDICTION_KEYS, probability_columns
from docsort.training.kind import NetworkKind
from docsort.work.executor import executor

SIZE = 32
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    folder = tmp_path_factory.mktemp("store") / "0123"
    torch.manual_seed(0)
    model = build_model("lcnet_035", 3, SIZE)
    with torch.no_grad():  # an untrained model is sure of nothing: a larger head makes pages and turns differ
        model.get_parameter("classifier.weight").mul_(50)
    save_model(model, ModelDescription("lcnet_035", (2, 14, 9), SIZE, MEAN, STD), folder)
    return Checkpoint(folder, "0123")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """A square render, a portrait and a landscape photo, of which the last is larger than the input."""
    folder, rng, rows = tmp_path_factory.mktemp("pages"), np.random.default_rng(0), []
    for number, shape in enumerate([(SIZE, SIZE), (40, 20), (90, 120)]):
        coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize(shape[::-1], Image.Resampling.BILINEAR)
        image.save(folder / f"{number}.png")
        rows.append((number, f"i{number}", f"g{number}", 2, f"r{number}", "clean", 0, str(folder / f"{number}.png")))
    table = pd.DataFrame(rows, columns=PAGES, index=[7, 3, 5])
    return table.assign(source="more columns do not matter")


def predict(
    checkpoint: Checkpoint,
    pages: pd.DataFrame,
    policy: ViewPolicy,
    model: str = "main",
    store: Store | None = None,
    device: str = "cpu",
) -> pd.DataFrame:
    """The network's predictions."""
    return prediction.predict(NetworkKind(), checkpoint, pages, policy, model, store, device)


def test_every_page_gets_a_row_a_turn_in_order(checkpoint: Checkpoint, pages: pd.DataFrame) -> None:
    table = predict(checkpoint, pages, all_views((5, 0)), model="main", device="cpu")
    assert list(table.columns) == [*PREDICTION_KEYS, "p_2", "p_9", "p_14"]
    assert table["render_id"].tolist() == ["r0", "r0", "r1", "r1", "r2", "r2"]
    assert table["fold"].tolist() == [0, 0, 1, 1, 2, 2]
    assert table["turn"].tolist() == [5, 0] * 3
    assert set(table["model"]) == {"main"}
    assert table.index.tolist() == list(range(6))


def test_rows_sum_to_one_in_single_precision(checkpoint: Checkpoint, pages: pd.DataFrame) -> None:
    table = predict(checkpoint, pages, all_views(), model="main", device="cpu")
    values = table[probability_columns(table)]
    assert (values.dtypes == np.float32).all()
    np.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-5)
    assert values.to_numpy().min() >= 0


def test_probabilities_are_the_models_own(checkpoint: Checkpoint, pages: pd.DataFrame) -> None:
    model, _ = load_model(checkpoint.folder)
    table = predict(checkpoint, pages, all_views(), model="main", device="cpu")
    for row in table.itertuples():
        page = letterbox(read_rgb(pages.set_index("render_id").loc[row.render_id, "path"]), SIZE)
        turned = apply_turn(page, row.turn) / 255
        inputs = torch.tensor((turned - MEAN) / STD, dtype=torch.float32).permute(2, 0, 1)[None]
        with torch.inference_mode():
            expected = torch.softmax(model(inputs), dim=1)[0].tolist()
        assert [row.p_2, row.p_14, row.p_9] == pytest.approx(expected, abs=1e-4)


def test_no_pages_give_an_empty_table_of_the_same_columns(checkpoint: Checkpoint, pages: pd.DataFrame) -> None:
    table = predict(checkpoint, pages.iloc[:0], all_views(), model="main", device="cpu")
    assert list(table.columns) == [*PREDICTION_KEYS, "p_2", "p_9", "p_14"]
    assert table.empty


def test_unreadable_page_is_named(checkpoint: Checkpoint, pages: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    broken = pages.assign(path=str(tmp_path / "broken.jpg"))
    with pytest.raises(InputError, match=r"broken\.jpg: not a picture but text"):
        predict(checkpoint, broken, all_views((0,)), model="main", device="cpu")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many (page, view) pairs each call of a worker was to fill."""
    counts: list[int] = []

    def submit(function: Any, *args: Any, **options: Any) -> Any:
        counts.append(int(np.isnan(args[-1][:, :, 0]).sum()))
        return executor().submit(function, *args, **options)

    monkeypatch.setattr(prediction, "executor", lambda: SimpleNamespace(workers=2, submit=submit))
    return counts


def test_what_was_predicted_before_is_not_asked_again(
    checkpoint: Checkpoint, pages: pd.DataFrame, tmp_path: Path, asked: list[int]
) -> None:
    store = Store(tmp_path)
    first = predict(checkpoint, pages, all_views((0, 2)), "main", store, "cpu")
    again = predict(checkpoint, pages.assign(fold=9), all_views((2, 0)), "other", store, "cpu")
    assert asked == [6]
    assert set(again["model"]) == {"other"}
    keys = ["render_id", "turn", *probability_columns(first)]
    pd.testing.assert_frame_equal(again[keys].sort_values(["render_id", "turn"], ignore_index=True), first[keys])
    predict(checkpoint, pages, all_views((0, 2, 5)), "main", store, "cpu")
    assert asked == [6, 3]  # of three pages one view each
    predict(Checkpoint(checkpoint.folder, "another"), pages, all_views((0,)), "main", store, "cpu")
    assert asked == [6, 3, 3]


def test_a_changed_page_is_asked_again_though_its_path_is_the_same(
    checkpoint: Checkpoint, pages: pd.DataFrame, tmp_path: Path, asked: list[int]
) -> None:
    page, store = pages.iloc[:1].assign(path=str(tmp_path / "page.png")), Store(tmp_path / "kept")
    for source in pages["path"].iloc[[1, 2, 1]]:
        (tmp_path / "page.png").write_bytes(Path(source).read_bytes())
        predict(checkpoint, page, all_views((0,)), "main", store, "cpu")
    assert asked == [1, 1]  # the third time it is as it was the first


def test_a_broken_file_of_the_store_is_no_answer_and_is_made_again(
    checkpoint: Checkpoint, pages: pd.DataFrame, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path)
    before = predict(checkpoint, pages, all_views((0,)), "main", store, "cpu")
    (cached,) = tmp_path.glob("*/*.safetensors")
    content = cached.read_bytes()
    cached.write_bytes(content[:-1] + bytes([content[-1] ^ 64]))
    pd.testing.assert_frame_equal(predict(checkpoint, pages, all_views((0,)), "main", store, "cpu"), before)
    assert f"{cached} is damaged: it is removed, and what it held is asked again" in caplog.messages
    assert cached.read_bytes() == content


def test_pages_parted_among_workers_get_the_answers_they_get_together(
    checkpoint: Checkpoint, pages: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, asked: list[int]
) -> None:
    together = predict(checkpoint, pages, all_views((0, 3)))
    monkeypatch.setattr(prediction, "LEAST_PART", 1)
    parted = predict(checkpoint, pages, all_views((0, 3)))
    assert asked == [6, 4, 2]
    pd.testing.assert_frame_equal(parted, together, check_exact=True)


def test_a_larger_scale_is_another_view(checkpoint: Checkpoint, pages: pd.DataFrame) -> None:
    table = predict(checkpoint, pages, all_views((0,), (100, 200)), "main", device="cpu")
    assert table["scale"].tolist() == [100, 200] * 3
    by_scale = [table[table["scale"] == scale][probability_columns(table)].to_numpy() for scale in (100, 200)]
    assert not np.array_equal(*by_scale)


@pytest.mark.parametrize(("kind", "views"), [(ToyKind(), 1), (SidedKind(), 8)])
def test_a_member_that_answers_all_turns_alike_is_asked_once(
    pages: pd.DataFrame, tmp_path: Path, asked: list[int], kind: Kind, views: int
) -> None:
    (tmp_path / "colours.json").write_text('{"2": [200, 80, 80], "5": [90, 200, 90]}')
    store, policy = Store(tmp_path / "cache"), all_views()
    table = prediction.predict(kind, Checkpoint(tmp_path, "toy"), pages, policy, "toy", store, "cpu")
    assert asked == [views * len(pages)]
    assert table["turn"].tolist() == [*range(8)] * len(pages)
    columns = probability_columns(table)
    assert (table.groupby("render_id")[columns].nunique() == 1).all(axis=None)
    assert table[columns].drop_duplicates().shape[0] == len(pages)
    fewer = prediction.predict(kind, Checkpoint(tmp_path, "toy"), pages, all_views((0, 6)), "toy", store, "cpu")
    assert asked == [views * len(pages)]  # from the cache
    pd.testing.assert_frame_equal(fewer, table[table["turn"].isin([0, 6])].reset_index(drop=True))


def test_classes_stand_in_ascending_order_however_a_member_has_them(pages: pd.DataFrame) -> None:
    answers = np.array([[[0.1, 0.7, 0.2]], [[0.3, 0.3, 0.4]], [[np.nan] * 3]], dtype=np.float32)
    table = prediction_table(pages.assign(model="m"), ((5, 100),), (2, 14, 9), answers)
    assert probability_columns(table) == ["p_2", "p_9", "p_14"]
    np.testing.assert_allclose(table[["p_2", "p_9", "p_14"]], [[0.1, 0.2, 0.7], [0.3, 0.4, 0.3]], atol=1e-6)
    assert table["render_id"].tolist() == ["r0", "r1"]
