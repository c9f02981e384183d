"""Features: what a model makes of a page on its way to the answer."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from docsort.errors import InputError
from docsort.models.activations import MAPS, batch_features, last_layer
from docsort.models.backbones import build_model
from docsort.models.hybrids import EfficientNetSwin


def build(backbone: str, size: int = 32, **options: Any) -> nn.Module:
    torch.manual_seed(0)
    return build_model(backbone, 3, size, **options).eval()


@pytest.mark.parametrize("backbone", ["lcnet_035", "test_vit", "test_convnext", "test_resnet"])
@pytest.mark.parametrize(
    "head", [{"kind": "linear"}, {"kind": "mlp", "hidden": [16, 8]}, {"kind": "arcface", "scale": 30}]
)
def test_the_last_block_is_what_the_last_layer_reads(backbone: str, head: dict[str, Any]) -> None:
    model, pages = build(backbone, head=head), torch.randn(3, 3, 32, 32)
    layer = last_layer(model, backbone)
    blocks = batch_features(model, layer, pages)
    with torch.no_grad():
        torch.testing.assert_close(layer(torch.from_numpy(blocks[-1])), model(pages), rtol=1e-4, atol=1e-5)
    assert all(len(block) == 3 and block.dtype == np.float32 for block in blocks)
    assert 2 <= len(blocks) <= MAPS + 1


def test_a_map_is_told_by_the_mean_and_spread_of_its_channels() -> None:
    model, pages = build("test_resnet"), torch.randn(2, 3, 32, 32)
    first = batch_features(model, last_layer(model, "test_resnet"), pages)[0]
    with torch.no_grad():
        maps = model.forward_intermediates(pages, intermediates_only=True)[0]  # type: ignore[operator]
    expected = torch.cat([maps.mean((2, 3)), maps.std((2, 3), correction=0)], dim=1)
    np.testing.assert_allclose(first, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_the_hybrids_show_their_maps_on_the_way_to_the_same_features() -> None:
    torch.manual_seed(0)
    model, pages = EfficientNetSwin("efficientnet_b0", 3).eval(), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        features, maps = model.forward_intermediates(pages)
        torch.testing.assert_close(features, model.forward_features(pages))
    assert [each.shape[-1] for each in maps] == [32, 16, 8, 4, 4, 4, 2]
    assert all(each.shape[-1] == each.shape[-2] for each in maps)


class Plain(nn.Module):
    """A backbone that shows nothing of its way."""

    pretrained_cfg = {"classifier": "fc"}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, pages: Tensor) -> Tensor:
        out: Tensor = self.fc(pages.mean((2, 3)))
        return out


def test_a_backbone_that_shows_no_maps_has_the_last_block_alone() -> None:
    model, pages = Plain().eval(), torch.randn(2, 3, 8, 8)
    blocks = batch_features(model, last_layer(model, "plain"), pages)
    assert len(blocks) == 1
    np.testing.assert_allclose(blocks[0], pages.mean((2, 3)).numpy(), rtol=1e-5)


def test_a_backbone_without_a_named_classifier_is_refused_in_one_sentence() -> None:
    with pytest.raises(InputError, match="Expected odd_net to have a classifier.*embedded_pages to 0"):
        last_layer(nn.Sequential(nn.Linear(2, 2)), "odd_net")
