import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from docsort.errors import WeightsError
from docsort.models.backbones import build_model
from docsort.models.pretrained import load_pretrained, read_tensors

BACKBONE = "lcnet_035"


def _model(classes: int = 3, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build_model(BACKBONE, num_classes=classes, image_size=32)


@pytest.fixture
def donor() -> dict[str, Tensor]:
    return _model(classes=7, seed=1).state_dict()


def _equal(model: nn.Module, tensors: dict[str, Tensor], name: str) -> bool:
    return torch.equal(model.state_dict()[name], tensors[name])


@pytest.mark.parametrize("nest", [None, "state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module.", "model.module."])
def test_torch_file_fills_the_backbone_and_leaves_the_head(
    tmp_path: Path, donor: dict[str, Tensor], nest: str | None, prefix: str
) -> None:
    named = {prefix + name: tensor for name, tensor in donor.items()}
    torch.save({nest: named, "epoch": 3} if nest else named, tmp_path / "weights.pth")
    model, fresh = _model(), _model().state_dict()
    report = load_pretrained(model, tmp_path / "weights.pth")
    assert report.matched == report.expected > 50
    assert not report.head_matched
    assert set(report.other_shape) == {"classifier.weight", "classifier.bias"}
    assert not report.left_as_built
    assert not report.unused
    assert _equal(model, donor, "conv_stem.weight")
    assert _equal(model, donor, "bn1.running_mean")
    assert _equal(model, fresh, "classifier.weight")


def test_safetensors_file_is_read_whatever_its_name(tmp_path: Path, donor: dict[str, Tensor]) -> None:
    safetensors.torch.save_file(donor, tmp_path / "weights.bin")
    model = _model(classes=7)
    report = load_pretrained(model, tmp_path / "weights.bin")
    assert report.head_matched
    assert all(_equal(model, donor, name) for name in donor)


def test_partial_file_is_reported_by_name(tmp_path: Path, donor: dict[str, Tensor]) -> None:
    del donor["bn1.weight"]
    donor["conv_stem.weight"] = torch.zeros(1, 1)
    donor["stranger"] = torch.zeros(1)
    torch.save(donor, tmp_path / "weights.pth")
    report = load_pretrained(_model(), tmp_path / "weights.pth")
    assert report.matched == report.expected - 2
    assert set(report.left_as_built) == {"bn1.weight", "conv_stem.weight"}
    assert "conv_stem.weight" in report.other_shape
    assert report.unused == ("stranger",)
    assert "2 left as built: conv_stem.weight, bn1.weight" in report.sentence()
    assert report.as_record()["unused_count"] == 1


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    torch.save(build_model("test_resnet", 3, 32).state_dict(), tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match=r"weights of lcnet_035, but only 0 of its backbone's \d+ tensors"):
        load_pretrained(_model(), tmp_path / "weights.pth")


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return open, ("docsort_must_not_exist", "w")  # type: ignore[return-value]


@pytest.mark.parametrize("saver", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value, 2))])
def test_file_with_code_is_refused_and_not_run(tmp_path: Path, saver: object) -> None:
    saver({"weight": _Evil()}, tmp_path / "weights.pth")  # type: ignore[operator]
    with pytest.raises(WeightsError, match=r"weights\.pth to hold nothing but tensors.*was not loaded"):
        read_tensors(tmp_path / "weights.pth")
    assert not Path("docsort_must_not_exist").exists()


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04 half a zip"])
def test_garbage_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=name):
        read_tensors(tmp_path / name)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"a weights file at .*nowhere\.pth, but there is none"):
        read_tensors(tmp_path / "nowhere.pth")


def test_file_without_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match="named tensors, but got dict without any"):
        read_tensors(tmp_path / "weights.pth")


def test_file_whose_group_holds_itself_is_refused(tmp_path: Path) -> None:
    content: dict[str, object] = {"epoch": 3}
    content["model"] = {"state_dict": content}
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(
        WeightsError, match=r"weights\.pth to hold named tensors, but it holds a group that holds itself"
    ):
        read_tensors(tmp_path / "weights.pth")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused_by_name(
    tmp_path: Path, donor: dict[str, Tensor], value: float
) -> None:
    donor["bn1.weight"][2] = value
    torch.save(donor, tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match=r"numbers in all tensors of .*, but 1 hold infinity .*: bn1\.weight; "):
        load_pretrained(_model(), tmp_path / "weights.pth")
