"""Every family that people name builds, takes a step of the engine's own, and so does every head on it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from docsort.errors import WeightsError
from docsort.models.activations import batch_features, last_layer
from docsort.models.backbones import build_model, head_prefixes, in_head, require_backbone, require_input_size
from docsort.models.descriptions import ModelDescription
from docsort.models.grad_cam import find_map_layer, turned_heat
from docsort.models.pretrained import load_pretrained
from docsort.models.weights import load_model, save_model
from docsort.training.losses import build_loss
from docsort.training.optimisation import build_optimizer
from docsort.training.parameters import TrainingParameters

FAMILIES = {
    "resnet34": 32,
    "resnet50": 32,
    "resnet101": 32,
    "densenet121": 32,
    "efficientnet_b0": 32,
    "efficientnet_b1": 32,
    "efficientnet_b2": 32,
    "efficientnet_b3": 32,
    "efficientnet_b4": 32,
    "efficientnet_b5": 32,
    "efficientnet_b6": 32,
    "efficientnet_b7": 32,
    "tf_efficientnet_b0": 32,
    "tf_efficientnet_b5": 32,
    "tf_efficientnet_b7": 32,
    "tf_efficientnetv2_s": 32,
    "efficientnetv2_rw_s": 32,
    "convnext_tiny": 32,
    "convnextv2_atto": 32,
    "vit_tiny_patch16_224": 32,
    "vit_small_patch16_224": 32,
    "swin_tiny_patch4_window7_224": 64,
    "swinv2_tiny_window8_256": 64,
    "tiny_vit_5m_224": 64,
    "maxvit_tiny_tf_224": 64,
    "maxvit_tiny_rw_224": 64,
    "coatnet_nano_rw_224": 64,
    "caformer_s18": 64,
    "eva02_tiny_patch14_224": 42,
    "vit_base_patch32_clip_224": 64,
    "vit_small_patch14_dinov2": 42,
    "mobilenetv2_035": 32,
    "mobilenetv3_small_050": 32,
    "mobilenetv4_conv_small": 32,
    "deit_tiny_distilled_patch16_224": 32,
    "efficientnet_b0_swin": 64,
    "efficientnet_b3_swin": 64,
    "efficientnet_b5_swin": 64,
    "tf_efficientnet_b5_swin": 64,
}
"""Each with a small side that it takes, in pixels."""
QUICK = {"test_resnet": 32, "test_efficientnet": 32, "test_vit": 32, "test_convnext": 32}
KINDS = (
    "resnet34",
    "densenet121",
    "efficientnet_b0",
    "efficientnetv2_rw_s",
    "convnext_tiny",
    "vit_tiny_patch16_224",
    "swin_tiny_patch4_window7_224",
    "swinv2_tiny_window8_256",
    "tiny_vit_5m_224",
    "maxvit_tiny_tf_224",
    "caformer_s18",
    "eva02_tiny_patch14_224",
    "vit_base_patch32_clip_224",
    "mobilenetv3_small_050",
    "efficientnet_b0_swin",
)
"""One of each kind, for the heads."""
HEADS: list[dict[str, Any]] = [{"kind": "mlp", "hidden": [32, 16]}, {"kind": "arcface"}]


def recipe(backbone: str, size: int, head: dict[str, Any]) -> TrainingParameters:
    values = {
        "backbone": backbone,
        "pretrained": False,
        "image_size": size,
        "epochs": 1,
        "patience": 1,
        "batch_size": 2,
        "learning_rate": {"scratch": 0.001, "pretrained": 0.001},
        "layer_decay": 0.9,
        "head": head,
    }
    return TrainingParameters.model_validate(values)


def take_a_step(backbone: str, size: int, head: dict[str, Any], folder: Path) -> None:
    """Builds, steps, saves and loads: the loss is finite, head and backbone learn, the loaded answers alike."""
    torch.manual_seed(0)
    parameters = recipe(backbone, size, head)
    record = parameters.head.record()
    model = build_model(backbone, 3, size, head=record).to(memory_format=torch.channels_last).train()
    require_input_size(model, backbone, size)
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    optimizer, objective = build_optimizer(model, parameters, "cpu"), build_loss(parameters, [1, 1, 1])
    pages, shares = torch.randn(2, 3, size, size), torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.3, 0.7]])
    loss = objective(model(pages), shares)
    loss.backward()
    optimizer.step()
    assert torch.isfinite(loss)
    changed = {name for name, each in model.named_parameters() if not torch.equal(each, before[name])}
    heads = head_prefixes(model)
    backbone_names = [name for name in before if not in_head(name, heads)]
    assert all(name in changed for name in before if in_head(name, heads))
    assert backbone_names[0] in changed
    # branches that begin at nothing, by a last norm of zeros as in ResNet and Swin V2, hand nothing down at first
    assert len(changed.intersection(backbone_names)) > len(backbone_names) / 3
    rates = {group["lr_scale"] for group in optimizer.param_groups}
    assert len(rates) > 3
    assert max(rates) == next(
        scale_of(optimizer, each) for name, each in model.named_parameters() if in_head(name, heads)
    )
    save_model(model, ModelDescription(backbone, (0, 1, 2), size, (0.5,) * 3, (0.5,) * 3, head=record), folder)
    with torch.no_grad():
        torch.testing.assert_close(load_model(folder)[0](pages), model.eval()(pages), rtol=1e-3, atol=1e-4)


def scale_of(optimizer: torch.optim.Optimizer, parameter: torch.Tensor) -> float:
    return next(
        group["lr_scale"] for group in optimizer.param_groups if any(each is parameter for each in group["params"])
    )


@pytest.mark.parametrize("head", [{}, *HEADS], ids=["linear", "mlp", "arcface"])
@pytest.mark.parametrize("backbone", QUICK)
def test_small_families_take_a_step(backbone: str, head: dict[str, Any], tmp_path: Path) -> None:
    take_a_step(backbone, QUICK[backbone], head, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", FAMILIES)
def test_every_family_takes_a_step(backbone: str, tmp_path: Path) -> None:
    take_a_step(backbone, FAMILIES[backbone], {}, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", FAMILIES)
def test_every_family_can_be_explained_and_embedded(backbone: str) -> None:
    torch.manual_seed(0)
    size = FAMILIES[backbone]
    model = build_model(backbone, 3, size).eval().requires_grad_(False)
    pages = torch.randn(2, 3, size, size)
    heat = turned_heat(model, find_map_layer(model, backbone, size), pages, np.array([0, 1]), [0, 5])
    assert heat.shape == (2, size, size)
    assert heat.min() >= 0
    assert heat.max() <= 1
    blocks = batch_features(model, last_layer(model, backbone), pages)
    assert len(blocks) > 2
    assert all(np.isfinite(block).all() for block in blocks)


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS, ids=["mlp", "arcface"])
@pytest.mark.parametrize("backbone", KINDS)
def test_every_head_takes_a_step_on_every_kind_of_family(backbone: str, head: dict[str, Any], tmp_path: Path) -> None:
    take_a_step(backbone, FAMILIES[backbone], head, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", KINDS)
def test_every_kind_begins_from_a_file_of_other_classes(backbone: str, tmp_path: Path) -> None:
    size = FAMILIES[backbone]
    given = build_model(backbone, 5, size).state_dict()
    torch.save(given, tmp_path / "given.pth")
    model = build_model(backbone, 3, size, head=HEADS[0])
    report = load_pretrained(model, tmp_path / "given.pth")
    assert report.matched == report.expected
    heads, own = head_prefixes(model), model.state_dict()
    assert all(torch.equal(own[name], each) for name, each in given.items() if not in_head(name, heads))


@pytest.mark.parametrize("backbone", ["efficientnet_b5.sw_in12k", "tf_efficientnet_b5.ns_jft_in1k", "caformer_s18"])
def test_hub_out_of_reach_is_one_sentence(backbone: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    require_backbone(backbone)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        WeightsError, match=rf"weights of {backbone}, but the hub is out of reach[^\n]*pretrained=false\.$"
    ):
        build_model(backbone, num_classes=3, image_size=32, pretrained=True)
