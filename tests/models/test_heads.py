import json
from pathlib import Path
from typing import Any

import pytest
import torch

from docsort.errors import InputError, WeightsError
from docsort.models.backbones import build_model, head_prefixes
from docsort.models.descriptions import DESCRIPTION_FILE, LINEAR, ModelDescription, read_description
from docsort.models.heads import ArcFaceHead, MlpHead
from docsort.models.pretrained import load_pretrained
from docsort.models.weights import load_model, save_model

MLP: dict[str, Any] = {"kind": "mlp", "hidden": [16, 8]}
ARCFACE: dict[str, Any] = {"kind": "arcface", "scale": 20.0}
BACKBONES = ("test_vit", "test_resnet", "test_efficientnet", "test_convnext")


def describe(backbone: str, head: dict[str, Any]) -> ModelDescription:
    return ModelDescription(backbone, (3, 7, 14), 32, (0.5,) * 3, (0.2,) * 3, head=head)


@pytest.mark.parametrize("head", [LINEAR, MLP, ARCFACE])
@pytest.mark.parametrize("backbone", BACKBONES)
def test_model_on_disk_comes_back_with_its_head_bit_for_bit(
    backbone: str, head: dict[str, Any], tmp_path: Path
) -> None:
    model = build_model(backbone, 3, 32, head=head).eval()
    save_model(model, describe(backbone, head), tmp_path)
    loaded, description = load_model(tmp_path)
    pages = torch.rand(2, 3, 32, 32)
    assert torch.equal(loaded(pages), model(pages))
    assert description == describe(backbone, head)


def test_description_of_before_there_were_heads_is_linear(tmp_path: Path) -> None:
    save_model(build_model("lcnet_035", 3, 32), describe("lcnet_035", LINEAR), tmp_path)
    values = json.loads((tmp_path / DESCRIPTION_FILE).read_text())
    assert values["head"] == {"kind": "linear"}
    for old in ({**values, "head": "linear"}, {name: values[name] for name in values if name != "head"}):
        (tmp_path / DESCRIPTION_FILE).write_text(json.dumps(old))
        assert load_model(tmp_path)[1] == describe("lcnet_035", LINEAR)


@pytest.mark.parametrize("head", ["cosface", {"kind": "mlp"}, {}, 3])
def test_head_that_cannot_be_built_again_is_refused(head: object, tmp_path: Path) -> None:
    save_model(build_model("lcnet_035", 3, 32), describe("lcnet_035", LINEAR), tmp_path)
    values = json.loads((tmp_path / DESCRIPTION_FILE).read_text())
    (tmp_path / DESCRIPTION_FILE).write_text(json.dumps({**values, "head": head}))
    with pytest.raises(WeightsError, match=r"model\.json to describe a model"):
        read_description(tmp_path)


def test_weights_of_another_kind_of_head_are_refused(tmp_path: Path) -> None:
    save_model(build_model("lcnet_035", 3, 32, head=MLP), describe("lcnet_035", ARCFACE), tmp_path)
    with pytest.raises(WeightsError, match="the two files are not of one model"):
        load_model(tmp_path)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_pooling_and_norms_of_the_backbone_stay(backbone: str) -> None:
    model = build_model(backbone, 3, 32, head=ARCFACE).eval()
    (prefix,) = head_prefixes(model)
    seen: list[torch.Tensor] = []
    model.get_submodule(prefix).register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    pages = torch.rand(2, 3, 32, 32)
    model(pages)
    linear = build_model(backbone, 3, 32).eval()
    linear.load_state_dict(model.state_dict(), strict=False)
    assert torch.equal(seen[0], linear.forward_head(linear.forward_features(pages), pre_logits=True))  # type: ignore[operator]


def test_cosines_do_not_depend_on_lengths() -> None:
    head = ArcFaceHead(features=6, scale=20.0, classes=3)
    features = torch.randn(4, 6)
    expected = 20 * torch.nn.functional.cosine_similarity(features[:, None], head.prototypes[None], dim=2)
    torch.testing.assert_close(head(features), expected)
    torch.testing.assert_close(head(7 * features), expected)


def test_cosines_are_float32_whatever_the_precision() -> None:
    head, features = ArcFaceHead(features=64, scale=30.0, classes=3), torch.randn(4, 64).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = head(features)
    assert logits.dtype == torch.float32
    assert torch.equal(logits, head(features.float()))


def test_dropout_is_in_every_hidden_layer_and_not_in_prediction() -> None:
    head, features = MlpHead(features=6, hidden=(16, 8), classes=3, drop_rate=0.5), torch.randn(4, 6)
    assert [layer.p for layer in head.modules() if isinstance(layer, torch.nn.Dropout)] == [0.5, 0.5]
    assert not torch.equal(head.train()(features), head(features))
    assert torch.equal(head.eval()(features), head(features))


def test_a_batch_of_one_page_can_be_learnt() -> None:
    assert torch.isfinite(MlpHead(6, (16,), 3).train()(torch.randn(1, 6))).all()


@pytest.mark.parametrize("head", [MLP, ARCFACE])
@pytest.mark.parametrize("backbone", ["dla34", "deit_tiny_distilled_patch16_224"])
def test_classifier_that_is_not_one_linear_layer_keeps_its_own_head(backbone: str, head: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"one linear classifier for the head .*(fc \(Conv2d\)|head_dist \(Linear\))"):
        build_model(backbone, 3, 32, head=head)
    assert build_model(backbone, 3, 32).eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 3)


@pytest.mark.parametrize("head", [MLP, ARCFACE])
def test_given_weights_fill_the_backbone_and_leave_the_head(head: dict[str, Any], tmp_path: Path) -> None:
    torch.save(build_model("lcnet_035", 3, 32).state_dict(), tmp_path / "given.pth")  # as many classes, a linear head
    model = build_model("lcnet_035", 3, 32, head=head)
    before = {name: value.clone() for name, value in model.get_submodule("classifier").state_dict().items()}
    report = load_pretrained(model, tmp_path / "given.pth")
    assert report.matched == report.expected > 50
    assert not report.head_matched
    assert all(
        torch.equal(value, before[name]) for name, value in model.get_submodule("classifier").state_dict().items()
    )
