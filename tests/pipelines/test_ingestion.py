"""The stage of ingestion, from a folder of photos to tables: every photo is listed once, or rejected by name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from stage import run_stage

from docsort.errors import InputError
from docsort.ingestion.parameters import SourceParameters
from docsort.pipelines.ingestion import create_pipeline
from docsort.stores import Store
from docsort_sample.parameters import SampleParameters


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of three photos, one of them cut off in its middle."""
    rng = np.random.default_rng(0)
    for name in ("passport", "resume"):
        (tmp_path / "raw" / name).mkdir(parents=True)
        for number in range(3):
            page = rng.integers(0, 256, (80, 60, 3), dtype=np.uint8)
            Image.fromarray(page).save(tmp_path / "raw" / name / f"{number}.png")
    broken = tmp_path / "raw/resume/1.png"
    broken.write_bytes(broken.read_bytes()[:2000])
    return tmp_path / "raw"


def run(folder: Path, store: Path, key: Path | None = None) -> dict[str, Any]:
    given = {
        "params:source": SourceParameters(layout="class_folders", raw_dir=str(folder), answer_key=key and str(key)),
        "params:sample": SampleParameters(scale=0.1, label_noise=0, near_duplicates=0),
        "params:seed": 0,
        "sample_store": Store(store),
        "raw_store": Store(store),
        "page_store": Store(store.with_name("pages")),
    }
    return run_stage(create_pipeline(), given)


def test_every_photo_is_an_image_or_is_rejected_by_name_with_a_reason(photos: Path, tmp_path: Path) -> None:
    made = run(photos, tmp_path / "store")
    images, rejected = made["images"], made["rejected_images"]
    assert rejected["image_id"].tolist() == ["resume/1.png"]
    assert rejected["reason"].str.len().min() > 10
    assert sorted([*images["image_id"], *rejected["image_id"]]) == sorted(made["photos"]["image_id"])
    assert len(images) == 5
    assert images["sha256"].is_unique


def test_a_folder_of_the_users_own_draws_no_sample(photos: Path, tmp_path: Path) -> None:
    assert run(photos, tmp_path / "store")["raw_location"]["folder"] == str(photos)
    assert not (tmp_path / "store").exists()


def test_missing_data_is_an_error_and_no_fall_back_to_the_sample(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Expected .*nowhere"):
        run(tmp_path / "nowhere", tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_an_answer_key_of_other_data_is_refused_before_any_work(photos: Path, tmp_path: Path) -> None:
    (photos / "test").mkdir()
    (photos / "resume/0.png").rename(photos / "test/t.png")
    key = tmp_path / "key.csv"
    key.write_text("ID;target\nt.png;1.0\n")
    assert len(run(photos, tmp_path / "store", key)["images"]) == 5
    for text, message in (
        ("t.png;7", r"classes of the data, but got 7 \(t.png\)"),
        ("x.png;1", r"missing .*\(t.png\)"),
    ):
        key.write_text(f"ID;target\n{text}\n")
        with pytest.raises(InputError, match=message):
            run(photos, tmp_path / "store", key)
