"""Embeddings: which pages, held out and learnt apart, and what is kept of their features."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from docsort.errors import LeakError
from docsort.members.checkpoints import Checkpoint
from docsort.models.backbones import build_model
from docsort.models.descriptions import ModelDescription
from docsort.models.embeddings import embed, embedding_table, pages_to_embed, unit
from docsort.models.weights import save_model
from docsort.stores import RECORD
from docsort.tables import EMBEDDING_KEYS, VALIDATION_RENDERS, embedding_columns

SOURCES, COPIES = 20, 2


@pytest.fixture
def folds() -> pd.DataFrame:
    rows = [(f"{i:02}.jpg", f"g{i}", i % 3, i % 5) for i in range(SOURCES)]
    return pd.DataFrame(rows, columns=["image_id", "group", "label", "fold"])


@pytest.fixture
def renders(folds: pd.DataFrame, tmp_path: Path) -> pd.DataFrame:
    rng, rows = np.random.default_rng(0), []
    for source in folds.itertuples():
        for condition, copies in (("clean", 1), ("test_like", COPIES)):
            for copy in range(copies):
                path = tmp_path / f"{source.image_id}-{condition}-{copy}.png"
                Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)
                name = f"{source.image_id}~{condition}-{copy}"
                facts = (source.image_id, source.group, source.label, source.fold)
                rows.append((name, *facts, copy, 32, True, True, str(path), condition))
    return pd.DataFrame(rows, columns=list(VALIDATION_RENDERS))


def checkpoint_of(fold: int, learnt: list[str], tmp_path: Path) -> Checkpoint:
    torch.manual_seed(fold)
    folder = tmp_path / f"model{fold}"
    save_model(
        build_model("lcnet_035", 3, 32), ModelDescription("lcnet_035", (0, 1, 2), 32, (0.5,) * 3, (0.5,) * 3), folder
    )
    record = {"name": f"fold_{fold}", "kind": "network", "learnt_groups": learnt, "side": 32, "straighten": True}
    (folder / RECORD).write_text(json.dumps(record))
    return Checkpoint(folder, folder.name)


def chosen(fold: int, folds: pd.DataFrame, renders: pd.DataFrame, limit: int, tmp_path: Path) -> pd.DataFrame:
    learnt = folds.loc[folds["fold"] != fold, "group"].tolist()
    return pages_to_embed(checkpoint_of(fold, learnt, tmp_path), f"fold_{fold}", fold, folds, renders, limit, seed=0)


def test_every_test_like_page_is_learnt_or_held_out_by_its_fold(
    folds: pd.DataFrame, renders: pd.DataFrame, tmp_path: Path
) -> None:
    pages = chosen(2, folds, renders, 1000, tmp_path)
    assert list(pages.columns) == [*EMBEDDING_KEYS, "path"]
    assert set(pages["render_id"]) == set(renders.loc[renders["condition"] == "test_like", "render_id"])
    held = set(folds.loc[folds["fold"] == 2, "image_id"])
    assert set(pages.loc[~pages["learnt"], "image_id"]) == held
    assert not held & set(pages.loc[pages["learnt"], "image_id"])
    assert set(pages["fold"]) == {2}


def test_the_limit_takes_every_source_before_a_second_copy_and_the_same_for_every_fold(
    folds: pd.DataFrame, renders: pd.DataFrame, tmp_path: Path
) -> None:
    few = {fold: chosen(fold, folds, renders, 16, tmp_path) for fold in (0, 1)}
    for pages in few.values():
        assert pages["learnt"].sum() == 16
        assert pages.loc[pages["learnt"], "image_id"].is_unique
    first, second = (set(few[fold].loc[few[fold]["learnt"], "render_id"]) for fold in (0, 1))
    both_learnt = set(folds.loc[~folds["fold"].isin([0, 1]), "image_id"])
    assert {name for name in first if name.split("~")[0] in both_learnt} == {
        name for name in second if name.split("~")[0] in both_learnt
    }


def test_a_model_that_has_learnt_what_it_holds_out_is_refused(
    folds: pd.DataFrame, renders: pd.DataFrame, tmp_path: Path
) -> None:
    leaky = checkpoint_of(1, folds["group"].tolist(), tmp_path)
    with pytest.raises(LeakError, match="never to have seen the pages"):
        pages_to_embed(leaky, "fold_1", 1, folds, renders, 100, seed=0)


def test_what_is_kept_has_the_distances_of_the_directions(
    folds: pd.DataFrame, renders: pd.DataFrame, tmp_path: Path
) -> None:
    pages = chosen(0, folds, renders, 1000, tmp_path)
    features = np.random.default_rng(1).normal(size=(len(pages), 12)).astype(np.float32)
    table = embedding_table(pages, features)
    places, directions = table[embedding_columns(table)].to_numpy(float), unit(features.astype(float))
    assert places.shape == (len(pages), 12)
    apart, expected = (np.linalg.norm(each[:, None] - each[None], axis=2) for each in (places, directions))
    np.testing.assert_allclose(apart, expected, atol=1e-5)
    np.testing.assert_allclose(places[pages["learnt"]].mean(axis=0), 0, atol=1e-6)


@pytest.mark.parametrize("other", [{"side": 64}, {"straighten": False}])
def test_renders_of_another_format_are_not_embedded(
    folds: pd.DataFrame, renders: pd.DataFrame, tmp_path: Path, other: dict[str, int]
) -> None:
    both = pd.concat([renders.assign(**other, path="none.png"), renders], ignore_index=True)
    found, expected = (chosen(2, folds, table, 1000, tmp_path) for table in (both, renders))
    pd.testing.assert_frame_equal(found, expected)


def test_pages_come_out_in_their_order_by_a_worker(folds: pd.DataFrame, renders: pd.DataFrame, tmp_path: Path) -> None:
    model = checkpoint_of(0, [], tmp_path)
    paths = renders["path"].tolist()[:18]
    together, reverse = (embed(model, each, "cpu") for each in (paths, paths[::-1]))
    assert len(together) > 1
    for block, turned in zip(together, reverse, strict=True):
        assert len(block) == len(np.unique(block, axis=0)) == 18
        np.testing.assert_array_equal(block, turned[::-1])
