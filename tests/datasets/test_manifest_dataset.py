"""Manifests of renders: movable, and there only while the renders are."""

import base64
import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from docsort.datasets.manifest_dataset import RenderManifestDataset


def manifest(store: Path) -> pd.DataFrame:
    rng, rows = np.random.default_rng(0), []
    for label in range(2):
        folder = store / "shards" / f"shard-{label}"
        folder.mkdir(parents=True)
        for copy in range(3):
            path = folder / f"{copy}.jpg"
            Image.fromarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(path)
            rows.append((f"s{label}~{copy}", f"s{label}", f"s{label}", label, 0, copy, str(path)))
    return pd.DataFrame(rows, columns=["render_id", "source_id", "group", "label", "fold", "copy", "path"])


def dataset(folder: Path) -> RenderManifestDataset:
    return RenderManifestDataset(filepath=str(folder / "m.parquet"), store={"path": str(folder / "store")})


def test_paths_follow_a_data_folder_that_was_moved(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    dataset(old).save(manifest(old / "store"))
    shutil.move(old, new)
    assert all(Path(path).is_file() for path in dataset(new).load()["path"])


def test_a_manifest_whose_renders_are_gone_does_not_exist(tmp_path: Path) -> None:
    dataset(tmp_path).save(manifest(tmp_path / "store"))
    assert dataset(tmp_path).exists()
    shutil.rmtree(tmp_path / "store" / "shards" / "shard-1")
    assert not dataset(tmp_path).exists()


def test_the_preview_is_a_picture(tmp_path: Path) -> None:
    dataset(tmp_path).save(manifest(tmp_path / "store"))
    with Image.open(BytesIO(base64.b64decode(dataset(tmp_path).preview()))) as sheet:
        assert sheet.format == "PNG"
        assert np.asarray(sheet.convert("L")).std() > 5
