"""Folded models answer as they did, whatever the family."""

import pytest
import timm
import torch
from torch import nn

from docsort.models.backbones import build_model
from docsort.models.folding import fold_normalisation


def shaken(backbone: str) -> nn.Module:
    """With statistics and scales that are not those of the beginning."""
    torch.manual_seed(0)
    model = build_model(backbone, 5, 64).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    return model


def normalisations(model: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


@pytest.mark.parametrize("backbone", ["mobilenetv3_small_050", "resnet10t", "lcnet_050", "efficientnet_b0"])
def test_a_folded_model_says_the_same_and_has_no_normalisation_left(backbone: str) -> None:
    model = shaken(backbone)
    pages = torch.rand(3, 3, 64, 64)
    before, count = model(pages), normalisations(model)
    folded = fold_normalisation(model, 64)
    torch.testing.assert_close(folded(pages), before, rtol=1e-3, atol=1e-3)
    assert normalisations(folded) == 0
    assert normalisations(model) == count > 0  # the one given stays as it is


def test_a_model_without_batch_normalisation_is_left_as_it_is() -> None:
    model = timm.create_model("test_vit", num_classes=3, img_size=32).eval()
    assert fold_normalisation(model, 32) is model


def test_a_convolution_that_somebody_else_reads_too_is_not_folded() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution, self.normalisation = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

        def forward(self, pages: torch.Tensor) -> torch.Tensor:
            maps = self.convolution(pages)
            return (self.normalisation(maps) * 3 + maps).mean(dim=(2, 3))

    model = Shared().eval()
    model.normalisation.running_mean.fill_(2.0)
    assert fold_normalisation(model, 16) is model
