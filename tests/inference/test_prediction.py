"""Predictions of a small untrained model: what they must be whatever the weights."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from docsort.errors import InputError, StorageError
from docsort.images.dihedral import TURNS, apply_turn, inverse_turn
from docsort.images.letterbox import letterbox
from docsort.images.reading import read_rgb
from docsort.inference import pages as pages_module
from docsort.inference import prediction
from docsort.inference.forward import Answers, forward_pages
from docsort.inference.prediction import predict
from docsort.models.backbones import build_model
from docsort.models.descriptions import ModelDescription
from docsort.models.weights import load_model, save_model
from docsort.stores import Store
from docsort.tables import PREDICTION_KEYS, probability_columns
from docsort.training.checkpoints import Checkpoint
from docsort.views import ViewPolicy, all_views, members_of
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


def ask(checkpoint: Checkpoint, paths: list[str], policy: ViewPolicy) -> Answers:
    """What the worker answers where nothing is known, (N, V, K)."""
    known = np.full((len(paths), len(policy.views), 3), np.nan, dtype=np.float32)
    return forward_pages(checkpoint.folder, "main", paths, policy, known, "cpu", 1)


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


@pytest.mark.parametrize("turn", TURNS)
def test_turned_page_under_the_inverse_turn_is_the_page(
    checkpoint: Checkpoint, pages: pd.DataFrame, tmp_path: Path, turn: int
) -> None:
    square = pages["path"].iloc[0]
    turned = tmp_path / "turned.png"
    Image.fromarray(np.ascontiguousarray(apply_turn(read_rgb(square), turn))).save(turned)
    plain = ask(checkpoint, [square], all_views((0,)))
    undone = ask(checkpoint, [str(turned)], all_views((inverse_turn(turn),)))
    np.testing.assert_array_equal(undone, plain)


def test_batches_do_not_change_the_answer(
    checkpoint: Checkpoint, pages: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = pages["path"].tolist() * 3
    whole = ask(checkpoint, paths, all_views((0, 6)))
    monkeypatch.setattr("docsort.inference.forward.CHUNK_PAGES", {"cpu": 2})
    monkeypatch.setattr("docsort.inference.forward.BATCH_VIEWS", {"cpu": 3})
    np.testing.assert_allclose(ask(checkpoint, paths, all_views((0, 6))), whole, atol=1e-5)


def test_no_pages_give_an_empty_table_of_the_same_columns(checkpoint: Checkpoint, pages: pd.DataFrame) -> None:
    table = predict(checkpoint, pages.iloc[:0], all_views(), model="main", device="cpu")
    assert list(table.columns) == [*PREDICTION_KEYS, "p_2", "p_9", "p_14"]
    assert table.empty


def test_unreadable_page_is_named(checkpoint: Checkpoint, pages: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    broken = pages.assign(path=str(tmp_path / "broken.jpg"))
    with pytest.raises(InputError, match=r"broken\.jpg: not a whole image"):
        predict(checkpoint, broken, all_views((0,)), model="main", device="cpu")


def test_test_pages_are_the_test_renders_under_the_ids_of_their_images() -> None:
    renders = pd.DataFrame(
        {"render_id": ["b~plain-0", "a~plain-0"], "source_id": ["b", "a"], "copy": 0, "path": ["/b", "/a"]}
    )
    table = pages_module.test_pages(renders, fold=3)
    assert tuple(table.columns) == pages_module.PAGES
    assert table["image_id"].tolist() == table["render_id"].tolist() == table["group"].tolist() == ["b", "a"]
    assert set(table["fold"]) == {3}
    assert set(table["view"]) == {"test"}
    assert table["label"].isna().all()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many (page, view) pairs each call of the workers was to fill."""
    counts: list[int] = []
    ask_workers = prediction.map_in_workers

    def run(function: Any, tasks: Any) -> Any:
        counts.append(sum(int(np.isnan(task[5][:, :, 0]).sum()) for task in tasks))
        return ask_workers(function, tasks)

    monkeypatch.setattr(prediction, "map_in_workers", run)
    return counts


def test_what_was_said_before_is_not_asked_again(
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


def test_a_broken_file_of_the_store_is_no_answer(checkpoint: Checkpoint, pages: pd.DataFrame, tmp_path: Path) -> None:
    store = Store(tmp_path)
    predict(checkpoint, pages, all_views((0,)), "main", store, "cpu")
    (kept,) = tmp_path.glob("*/*.parquet")
    kept.write_bytes(b"half")
    with pytest.raises(StorageError, match=r"Expected .* to hold predictions.*delete it"):
        predict(checkpoint, pages, all_views((0,)), "main", store, "cpu")


def test_a_sure_page_is_asked_no_more_and_its_mean_is_of_what_was_asked(
    checkpoint: Checkpoint, pages: pd.DataFrame
) -> None:
    full = predict(checkpoint, pages, all_views(), "main", device="cpu")
    lead = np.sort(full[full["turn"] == 0][probability_columns(full)].to_numpy(), axis=1)
    margins = lead[:, -1] - lead[:, -2]
    margin = float(np.median(margins))
    policy = ViewPolicy(name="until", views=all_views().views, looks=(1,), margin=margin)
    few = predict(checkpoint, pages, policy, "main", device="cpu")
    sure = [name for name, own in zip(pages["render_id"], margins, strict=True) if own >= margin]
    assert sorted(set(few["render_id"])) == sorted(pages["render_id"])
    counts = few.groupby("render_id").size()
    assert all(counts[name] == (1 if name in sure else 8) for name in pages["render_id"])
    # the table that lacks views and the one that has all of them give the same members
    pd.testing.assert_frame_equal(members_of(few, policy), members_of(full, policy))


def test_pages_parted_among_workers_get_the_answers_they_get_together(
    checkpoint: Checkpoint, pages: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = predict(checkpoint, pages, all_views((0, 3)), "main", device="cpu")
    monkeypatch.setattr(prediction, "LEAST_PART", 1)
    monkeypatch.setattr(prediction, "worker_count", lambda: 2)
    parted = predict(checkpoint, pages, all_views((0, 3)), "main", device="cpu")
    columns = probability_columns(together)
    pd.testing.assert_frame_equal(parted.drop(columns=columns), together.drop(columns=columns))
    np.testing.assert_allclose(parted[columns], together[columns], atol=1e-6)


def test_a_larger_scale_is_another_view(checkpoint: Checkpoint, pages: pd.DataFrame) -> None:
    table = predict(checkpoint, pages, all_views((0,), (100, 200)), "main", device="cpu")
    assert table["scale"].tolist() == [100, 200] * 3
    by_scale = [table[table["scale"] == scale][probability_columns(table)].to_numpy() for scale in (100, 200)]
    assert not np.array_equal(*by_scale)
