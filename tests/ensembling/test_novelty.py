"""Novelty: foreign pages come out on top, and the number is a share of held-out pages."""

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from docsort.arrays import arrays_from_bytes, arrays_to_bytes
from docsort.ensembling.novelty import (
    NoveltyIndex,
    Space,
    fit_index,
    neighbour_distances,
    rate_novelty,
)
from docsort.models.activations import batch_features, last_layer
from docsort.models.backbones import build_model
from docsort.models.embeddings import unit

Blocks = list[NDArray[np.float32]]


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


def part(blocks: Blocks, rows: slice | NDArray[np.int64]) -> Blocks:
    return [block[rows] for block in blocks]


@pytest.fixture(scope="module")
def drawn() -> tuple[list[NoveltyIndex], list[Blocks]]:
    """Two folds' indices, and what their networks make of 30 pages like the learnt ones and of 18 foreign ones."""
    rng = np.random.default_rng(0)
    own = [written_page(rng) for _ in range(30)]
    foreign = [foreign_page(rng, kind) for kind in range(3) for _ in range(6)]
    indices, asked = [], []
    for fold in range(2):
        known = blocks_of([written_page(rng) for _ in range(110)], fold)
        indices.append(fit_index(part(known, slice(80)), part(known, slice(80, 110))))
        asked.append(blocks_of(own + foreign, fold))
    return indices, asked


def test_planted_foreign_pages_come_out_on_top(drawn: tuple[list[NoveltyIndex], list[Blocks]]) -> None:
    indices, asked = drawn
    novelty = rate_novelty(indices, [index.distances(own) for index, own in zip(indices, asked, strict=True)])
    foreign = np.arange(48) >= 30
    assert roc_auc_score(foreign, novelty) > 0.98
    assert (novelty[foreign] == 1).mean() > 0.9
    assert novelty[~foreign].mean() == pytest.approx(0.5, abs=0.15)


def test_a_distance_is_the_mean_over_blocks_of_neighbour_distances_in_medians_of_held_out_pages() -> None:
    rng = np.random.default_rng(1)
    wide, deep = (rng.normal(size=(60, width)).astype(np.float32) * [5.0] * width for width in (4, 6))
    blocks = [wide.astype(np.float32), deep.astype(np.float32)]
    index = fit_index(part(blocks, slice(40)), part(blocks, slice(40, 60)))
    learnt, held = blocks[0][:40], blocks[0][40:]
    middle, cov = learnt.mean(axis=0), np.cov(learnt.T, bias=True)
    whitener = np.linalg.inv(np.linalg.cholesky(cov)).T  # another whitening: turned, so of the same distances
    shallow = neighbour_distances((learnt - middle) @ whitener, (held - middle) @ whitener)
    last = neighbour_distances(unit(blocks[1][:40].astype(float)), unit(blocks[1][40:].astype(float)))
    expected = np.mean([own / np.median(own) for own in (shallow, last)], axis=0)
    np.testing.assert_allclose(index.distances(part(blocks, slice(40, 60))), expected, rtol=1e-4)
    np.testing.assert_allclose(index.held, np.sort(expected), rtol=1e-4)


def test_a_page_is_as_far_whatever_pages_are_beside_it_bit_for_bit(
    drawn: tuple[list[NoveltyIndex], list[Blocks]],
) -> None:
    index, asked = drawn[0][0], drawn[1][0]
    assert len(asked[0]) > 32
    together = index.distances(asked)
    alone = [index.distances(part(asked, slice(row, row + 1)))[0] for row in range(len(together))]
    assert alone == together.tolist()
    order = np.random.default_rng(0).permutation(len(together))
    assert (index.distances(part(asked, order)) == together[order]).all()
    assert index.distances(part(asked, slice(0))).tolist() == []


def test_an_index_comes_back_from_its_arrays_as_it_was(drawn: tuple[list[NoveltyIndex], list[Blocks]]) -> None:
    index, asked = drawn[0][0], drawn[1][0]
    back = NoveltyIndex.from_arrays(arrays_from_bytes(arrays_to_bytes(index.to_arrays()), "index"))
    assert len(back.spaces) == len(asked)
    assert (back.distances(asked) == index.distances(asked)).all()
    assert (back.held == index.held).all()
    assert back.fingerprint() == index.fingerprint() != drawn[0][1].fingerprint()


def test_novelty_is_the_share_of_held_out_pages_of_all_folds_that_lie_nearer() -> None:
    indices = [NoveltyIndex((), np.array([1.0, 3.0])), NoveltyIndex((), np.array([2.0, 4.0]))]
    rated = rate_novelty(indices, [np.array([9.0, 2.5, 1.0]), np.array([4.5, 1.5, 0.0])])
    assert rated.tolist() == [1.0, 0.375, 0.0]
    order = [2, 0, 1]
    shuffled = rate_novelty(indices, [np.array([9.0, 2.5, 1.0])[order], np.array([4.5, 1.5, 0.0])[order]])
    assert shuffled.tolist() == rated[order].tolist()


def test_neighbour_distances_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    base, queries = rng.normal(size=(40, 6)), rng.normal(size=(25, 6))
    expected = NearestNeighbors(n_neighbors=4).fit(base).kneighbors(queries)[0][:, 3]
    np.testing.assert_allclose(neighbour_distances(base, queries, 4), expected)
    farthest = NearestNeighbors(n_neighbors=40).fit(base).kneighbors(queries)[0][:, 39]
    np.testing.assert_allclose(neighbour_distances(base, queries, 99), farthest)


def test_whitened_pages_vary_alike_in_every_direction_and_flat_ones_are_left_out() -> None:
    rng = np.random.default_rng(0)
    learnt = np.hstack([rng.normal(size=(200, 3)) * [100, 1, 0.1], np.full((200, 2), 7.0)]).astype(np.float32)
    space: Space = fit_index([learnt, learnt], [learnt[:9], learnt[:9]]).spaces[0]
    assert space.learnt.shape == (200, 3)
    np.testing.assert_allclose(np.cov(space.learnt.T, bias=True), np.eye(3), atol=1e-4)
    np.testing.assert_allclose(space.place(learnt[:5]), space.learnt[:5], rtol=1e-4, atol=1e-4)
