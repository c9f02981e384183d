from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch
from timm.models import get_arch_pretrained_cfgs, get_pretrained_cfg

from docsort.errors import InputError, WeightsError
from docsort.models.backbones import (
    build_model,
    head_prefixes,
    input_statistics,
    require_backbone,
    require_input_size,
    takes_one_size,
)
from docsort.models.hybrids import WIDTHS
from docsort.models.pretrained import load_pretrained

NAME = "efficientnet_b0_swin"
ENCODER = ("conv_stem.", "bn1.", "blocks.")


@pytest.fixture(scope="module")
def donor() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return timm.create_model("efficientnet_b0").state_dict()


@pytest.mark.parametrize("size", [16, 32, 57, 96, 160])
def test_any_size_is_answered_by_one_model(size: int) -> None:
    model = build_model(NAME, 3, 32).eval()
    require_input_size(model, NAME, size)
    pages = torch.rand(2, 3, size, size)
    with torch.no_grad():
        together, alone = model(pages), torch.cat([model(pages[:1]), model(pages[1:])])
    assert together.shape == (2, 3)
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    assert not takes_one_size(NAME)


def test_every_part_learns() -> None:
    model = build_model(NAME, 3, 64).train()
    torch.nn.functional.cross_entropy(model(torch.rand(4, 3, 64, 64)), torch.arange(4) % 3).backward()
    still = [name for name, each in model.named_parameters() if each.grad is None or not each.grad.any()]
    assert still == []


def test_timm_knows_the_hybrids_and_the_tags_of_their_encoders() -> None:
    for encoder in WIDTHS:
        require_backbone(f"{encoder}_swin")
        assert len(get_arch_pretrained_cfgs(f"{encoder}_swin")) == len(get_arch_pretrained_cfgs(encoder)) > 0
    require_backbone("efficientnet_b5_swin.sw_in12k")
    with pytest.raises(InputError, match="the tag of the backbone efficientnet_b5_swin to be one of .*sw_in12k"):
        require_backbone("efficientnet_b5_swin.nonsense")
    assert get_pretrained_cfg("efficientnet_b5_swin.sw_in12k").hf_hub_id == "timm/efficientnet_b5.sw_in12k"


def test_head_and_statistics_are_found_as_in_any_timm_model() -> None:
    model = build_model("efficientnet_b0_swin.ra4_e3600_r224_in1k", 3, 32)
    assert head_prefixes(model) == ("head.fc",)
    assert input_statistics(model) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert model.get_classifier() is model.get_submodule("head.fc")  # type: ignore[operator]
    model.reset_classifier(7)  # type: ignore[operator]
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize("coarse", [False, True])
def test_layers_are_grouped_from_the_stem_to_the_head(coarse: bool) -> None:
    model = build_model(NAME, 3, 32)
    groups = timm.models.group_parameters(model, model.group_matcher(coarse), reverse=True)  # type: ignore[operator]
    order = ["conv_stem.weight", "blocks.0.0.conv_dw.weight", "blocks.4.0.conv_dw.weight", "embed.weight"]
    order += ["stages.0.blocks.0.norm1.weight", "stages.1.blocks.0.norm1.weight", "head.fc.weight"]
    levels = [groups[name] for name in order]
    assert levels == sorted(set(levels))
    assert groups["stages.1.downsample.norm.weight"] == groups["stages.1.blocks.0.norm1.weight"]
    assert (groups["stages.0.blocks.3.norm1.weight"] > groups["stages.0.blocks.0.norm1.weight"]) is not coarse
    assert groups["norm.weight"] < groups["head.fc.weight"] == max(groups.values())


def test_a_file_of_the_plain_efficientnet_fills_the_encoder(tmp_path: Path, donor: dict[str, torch.Tensor]) -> None:
    safetensors.torch.save_file(donor, tmp_path / "given.safetensors")
    model = build_model(NAME, 3, 32)
    report = load_pretrained(model, tmp_path / "given.safetensors")
    own = model.state_dict()
    encoder = {name for name in own if name.startswith(ENCODER)}
    assert all(torch.equal(own[name], donor[name]) for name in encoder)
    assert not any(name.startswith(ENCODER) for name in report.left_as_built)
    assert report.matched == len([name for name in encoder if not name.endswith("num_batches_tracked")])


def test_hub_weights_are_the_encoders(tmp_path: Path, donor: dict[str, torch.Tensor]) -> None:
    safetensors.torch.save_file(donor, tmp_path / "hub.safetensors")
    file = {"file": str(tmp_path / "hub.safetensors")}
    own = timm.create_model(NAME, pretrained=True, num_classes=3, pretrained_cfg_overlay=file).state_dict()
    assert all(torch.equal(value, donor[name]) for name, value in own.items() if name.startswith(ENCODER))
    assert own["head.fc.weight"].shape == (3, 384)


def test_hub_out_of_reach_names_the_alternatives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match=rf"weights of {NAME}, but the hub is out of reach.*pretrained=<path>"):
        build_model(NAME, num_classes=3, image_size=32, pretrained=True)
