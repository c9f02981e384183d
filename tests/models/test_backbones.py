import math

import pytest
import timm
import torch

from docsort.errors import InputError, WeightsError
from docsort.models.backbones import (
    build_model,
    head_prefixes,
    input_statistics,
    require_backbone,
    require_input_size,
)


def test_model_answers_one_logit_a_class() -> None:
    model = build_model("lcnet_035", num_classes=5, image_size=32).eval()
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 5)


@pytest.mark.parametrize("backbone", ["mobilenetv3_small_050", "test_resnet", "test_vit"])
def test_fresh_model_is_unsure(backbone: str) -> None:
    torch.manual_seed(0)
    model = build_model(backbone, num_classes=3, image_size=64).train()
    loss = torch.nn.functional.cross_entropy(model(torch.randn(8, 3, 64, 64)), torch.arange(8) % 3)
    assert loss.item() == pytest.approx(math.log(3), abs=0.2)


def test_transformer_is_built_for_the_wanted_size() -> None:
    model = build_model("test_vit", num_classes=3, image_size=64).eval()
    assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 3)


def test_unknown_backbone_is_refused_with_close_names() -> None:
    with pytest.raises(InputError, match=r"'mobilenetv3_smal_050'; did you mean mobilenetv3_small_050"):
        require_backbone("mobilenetv3_smal_050")


def test_backbone_like_no_other_is_refused_without_a_guess() -> None:
    with pytest.raises(InputError, match=r"'@@@@'; timm.list_models\(\) lists them"):
        require_backbone("@@@@")


def test_unknown_tag_is_refused_with_the_tags_there_are() -> None:
    with pytest.raises(InputError, match=r"to be one of .*lamb_in1k.*, but got 'nonsense'"):
        require_backbone("mobilenetv3_small_050.nonsense")


def test_known_tag_is_accepted() -> None:
    require_backbone("mobilenetv3_small_050.lamb_in1k")


def test_hub_out_of_reach_names_the_alternatives(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match=r"hub is out of reach.*pretrained=<path>.*pretrained=false"):
        build_model("mobilenetv3_small_050", num_classes=3, image_size=32, pretrained=True)


def test_backbone_without_hub_weights_is_named() -> None:
    with pytest.raises(WeightsError, match=r"for mobilenetv2_035, but there are none on the hub"):
        build_model("mobilenetv2_035", num_classes=3, image_size=32, pretrained=True)


@pytest.mark.parametrize("backbone", ["densenet121", "vgg11"])
@pytest.mark.parametrize("pretrained", [False, True])
def test_backbone_without_stochastic_depth_is_named(backbone: str, pretrained: bool) -> None:
    with pytest.raises(InputError, match=f"for drop_path_rate 0.1, but {backbone} has none"):
        build_model(backbone, num_classes=3, image_size=32, pretrained=pretrained, drop_path_rate=0.1)


def test_later_blocks_are_skipped_more_often() -> None:
    model = build_model("convnext_atto", num_classes=3, image_size=32, drop_path_rate=0.2)
    rates = [layer.drop_prob for layer in model.modules() if type(layer).__name__ == "DropPath"]
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(0.2)


def test_size_that_a_backbone_cannot_be_built_for_is_refused() -> None:
    with pytest.raises(InputError, match=r"twins_svt_small can take, but it cannot take 48 px \(img_size.*for 224\."):
        build_model("twins_svt_small", num_classes=3, image_size=48)


@pytest.mark.parametrize("backbone", ["coatnet_nano_rw_224", "efficientformerv2_s0"])
def test_size_that_a_backbone_cannot_answer_is_refused_and_a_multiple_of_32_is_not(backbone: str) -> None:
    require_input_size(model := build_model(backbone, 3, 64), backbone, 64)
    assert model.training
    with pytest.raises(InputError, match=f"{backbone} can take, but it cannot take 48 px .*multiples of 32"):
        require_input_size(build_model(backbone, 3, 48), backbone, 48)


def test_trying_a_size_leaves_the_model_and_the_random_numbers_as_they_were() -> None:
    model = build_model("tiny_vit_5m_224", 3, 64)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    require_input_size(model, "tiny_vit_5m_224", 64)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model(torch.zeros(2, 3, 64, 64)).device.type == "cpu"


def test_statistics_are_the_models_own() -> None:
    model = timm.create_model("mobilenetv4_conv_small_050", num_classes=2)
    assert input_statistics(model) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def test_head_is_found_by_timms_own_name_for_it() -> None:
    assert head_prefixes(timm.create_model("test_resnet", num_classes=2)) == ("fc",)
