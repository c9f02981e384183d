"""Oddity: foreign pages come out on top, and the number is a share of held-out pages."""

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from docsort.ensembling.oddity import (
    distances_of,
    measure_distances,
    neighbour_distances,
    no_distances,
    rate_oddity,
    whiten,
)
from docsort.inference.features import batch_features, last_layer
from docsort.models.backbones import build_model
from docsort.tables import PAGE_DISTANCES, PAGE_ODDITY


def written_page(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Paper with lines of writing, a heading and a frame."""
    page = np.full((64, 64, 3), rng.integers(215, 250), dtype=np.uint8)
    cv2.rectangle(page, (4, 4), (59, 59), (90, 90, 90), 1)
    for line in range(int(rng.integers(4, 9))):
        cv2.line(page, (9, 14 + 5 * line), (int(rng.integers(25, 55)), 14 + 5 * line), (60, 60, 60), 1)
    cv2.rectangle(page, (9, 6), (int(rng.integers(20, 50)), 10), (40, 40, 40), -1)
    return page


def foreign_page(rng: np.random.Generator, kind: int) -> NDArray[np.uint8]:
    """Noise, a scene with a sky and hills, or a coarse blur of colours."""
    if kind == 0:
        return rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    if kind == 1:
        page = np.repeat(np.linspace(210, 120, 64).astype(np.uint8)[:, None, None], 64, axis=1) * np.ones(3, np.uint8)
        cv2.circle(page, (int(rng.integers(10, 55)), 14), 7, (250, 220, 60), -1)
        cv2.ellipse(page, (int(rng.integers(0, 64)), 64), (50, 30), 0, 0, 360, (40, 130, 50), -1)
        return np.asarray(page, dtype=np.uint8)
    return np.asarray(cv2.resize(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8), (64, 64)), dtype=np.uint8)


def blocks_of(pages: list[NDArray[np.uint8]], seed: int) -> list[NDArray[np.float32]]:
    torch.manual_seed(seed)
    model = build_model("lcnet_035", 4, 64).eval()
    batch = torch.from_numpy(np.stack(pages)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return batch_features(model, last_layer(model, "lcnet_035"), batch)


def known_pages(fold: int, learnt: int, held: int) -> pd.DataFrame:
    names = [f"{i:03}.jpg" for i in range(learnt + held)]
    table = pd.DataFrame({"render_id": names, "image_id": names, "group": names, "label": 0, "fold": fold})
    return table.assign(learnt=[True] * learnt + [False] * held)


def test_planted_foreign_pages_come_out_on_top() -> None:
    rng, tables = np.random.default_rng(0), []
    own = [written_page(rng) for _ in range(30)]
    foreign = [foreign_page(rng, kind) for kind in range(3) for _ in range(6)]
    test = pd.DataFrame({"image_id": [f"t{i:02}" for i in range(30)] + [f"x{i:02}" for i in range(18)]})
    for fold in range(2):
        known, asked = (blocks_of(each, fold) for each in ([written_page(rng) for _ in range(110)], own + foreign))
        tables.append(measure_distances(known_pages(fold, 80, 30), known, test, asked, neighbours=3))
    rated = rate_oddity(distances_of(tables))
    assert rated["image_id"].tolist() == sorted(test["image_id"])
    assert roc_auc_score(rated["image_id"].str.startswith("x"), rated["oddity"]) > 0.98
    assert (rated.loc[rated["image_id"].str.startswith("x"), "oddity"] == 1).mean() > 0.9
    assert rated.loc[rated["image_id"].str.startswith("t"), "oddity"].mean() == pytest.approx(0.5, abs=0.15)


def distances(fold: int, held: list[float], test: dict[str, float]) -> pd.DataFrame:
    rows = [(fold, f"h{i}", f"h{i}", "test_like", value) for i, value in enumerate(held)]
    rows += [(fold, name, name, "test", value) for name, value in test.items()]
    return pd.DataFrame(rows, columns=list(PAGE_DISTANCES))


def test_oddity_is_the_share_of_held_out_pages_that_lie_nearer_averaged_over_folds() -> None:
    tables = [
        distances(0, [1.0, 3.0], {"b": 2.5, "a": 9.0, "c": 1.0}),
        distances(1, [2.0, 4.0], {"a": 4.5, "b": 1.5, "c": 0.0}),
    ]
    rated = rate_oddity(pd.concat(tables))
    assert list(rated.columns) == list(PAGE_ODDITY)
    assert dict(zip(rated["image_id"], rated["oddity"], strict=True)) == {"a": 1.0, "b": 0.375, "c": 0.0}
    shuffled = pd.concat(tables).sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(rate_oddity(shuffled), rated)


def test_without_distances_no_page_is_judged() -> None:
    rated = rate_oddity(distances_of([no_distances(), no_distances()]))
    assert list(rated.columns) == list(PAGE_ODDITY)
    assert rated.empty


def test_a_fold_without_distances_leaves_the_others_as_they_are() -> None:
    table = distances(0, [1.0, 2.0], {"a": 1.5})
    pd.testing.assert_frame_equal(rate_oddity(distances_of([no_distances(), table])), rate_oddity(table))


def test_neighbour_distances_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docsort.ensembling.oddity.PAGES_AT_ONCE", 7)
    rng = np.random.default_rng(0)
    base, queries = rng.normal(size=(40, 6)), rng.normal(size=(25, 6))
    expected = NearestNeighbors(n_neighbors=4).fit(base).kneighbors(queries)[0][:, 3]
    np.testing.assert_allclose(neighbour_distances(base, queries, 4), expected)
    farthest = NearestNeighbors(n_neighbors=40).fit(base).kneighbors(queries)[0][:, 39]
    np.testing.assert_allclose(neighbour_distances(base, queries, 99), farthest)


def test_whitened_pages_vary_alike_in_every_direction_and_flat_ones_are_left_out() -> None:
    rng = np.random.default_rng(0)
    learnt = np.hstack([rng.normal(size=(200, 3)) * [100, 1, 0.1], np.full((200, 2), 7.0)]).astype(np.float32)
    base, other = whiten(learnt, learnt[:5])
    assert base.shape == (200, 3)
    np.testing.assert_allclose(np.cov(base.T, bias=True), np.eye(3), atol=1e-4)
    np.testing.assert_allclose(other, base[:5])
