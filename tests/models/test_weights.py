import json
import os
from pathlib import Path

import pytest
import torch

from docsort.errors import StorageError, WeightsError
from docsort.models.backbones import build_model
from docsort.models.descriptions import DESCRIPTION_FILE, WEIGHTS_FILE, ModelDescription, read_description
from docsort.models.weights import LIBRARIES, load_model, save_model
from docsort.versions import versions_of

DESCRIPTION = ModelDescription(
    backbone="lcnet_035",
    targets=(3, 7, 14),
    image_size=32,
    mean=(0.5, 0.4, 0.3),
    std=(0.2, 0.2, 0.2),
    drop_rate=0.1,
    pretrained={"file": "weights.pth", "matched": 100},
    versions=versions_of(LIBRARIES),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_model(build_model("lcnet_035", 3, 32), DESCRIPTION, tmp_path)
    return tmp_path


def test_loaded_model_answers_like_the_saved_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build_model("lcnet_035", 3, 32).to(memory_format=torch.channels_last).eval()
    save_model(model, DESCRIPTION, tmp_path)
    loaded, description = load_model(tmp_path)
    pages = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(loaded(pages), model(pages))
    assert description == DESCRIPTION
    assert not loaded.training


def test_same_weights_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    model, description = load_model(folder)
    save_model(model, description, tmp_path / "again")
    for name in (WEIGHTS_FILE, DESCRIPTION_FILE):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_weights_of_another_head_are_refused(folder: Path) -> None:
    values = json.loads((folder / DESCRIPTION_FILE).read_text())
    (folder / DESCRIPTION_FILE).write_text(json.dumps({**values, "targets": [0, 1]}))
    with pytest.raises(WeightsError, match=r"\(lcnet_035 with 2 classes\), but 2 tensors differ: classifier.weight"):
        load_model(folder)


def test_weights_of_another_backbone_are_refused(folder: Path) -> None:
    values = json.loads((folder / DESCRIPTION_FILE).read_text())
    (folder / DESCRIPTION_FILE).write_text(json.dumps({**values, "backbone": "test_resnet"}))
    with pytest.raises(WeightsError, match=r"the two files are not of one model"):
        load_model(folder)


def test_half_a_weights_file_is_named(folder: Path) -> None:
    data = (folder / WEIGHTS_FILE).read_bytes()
    (folder / WEIGHTS_FILE).write_bytes(data[: len(data) // 2])
    with pytest.raises(WeightsError, match=r"model\.safetensors, but they cannot be read"):
        load_model(folder)


@pytest.mark.parametrize("name", [WEIGHTS_FILE, DESCRIPTION_FILE])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(StorageError, match=rf"read .*{name}, but got: No such file or directory; .*run the pipeline"):
        load_model(folder)


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_all_files_have_the_mode_that_the_umask_gives(folder: Path) -> None:
    (folder / "other").touch()
    modes = {(folder / name).stat().st_mode for name in (WEIGHTS_FILE, DESCRIPTION_FILE, "other")}
    assert len(modes) == 1


@pytest.mark.parametrize("text", ["", "{}", '{"backbone": "lcnet_035"}', "[1]"])
def test_damaged_description_is_named(folder: Path, text: str) -> None:
    (folder / DESCRIPTION_FILE).write_text(text)
    with pytest.raises(WeightsError, match=r"model\.json to describe a model"):
        read_description(folder)
