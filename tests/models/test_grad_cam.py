"""Grad-CAM: the heat lies where the answer came from, whatever the backbone and however the page is turned."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from docsort.errors import InputError, NoMapError
from docsort.images.dihedral import TURNS, apply_turn
from docsort.members.checkpoints import Checkpoint
from docsort.members.pages import RenderPages
from docsort.models.backbones import build_model
from docsort.models.descriptions import ModelDescription
from docsort.models.grad_cam import FINE, find_map_layer, page_heat, turned_heat
from docsort.models.heat import heat_of
from docsort.models.weights import save_model

SIZE = 64


class ColourFinder(nn.Module):
    """Two logits: how much red and how much green there is on a page, seen at a quarter of its side."""

    def __init__(self) -> None:
        super().__init__()
        self.colours = nn.Conv2d(3, 2, 4, stride=4, bias=False)
        self.fc = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.colours.weight.zero_()
            self.colours.weight[0, 0], self.colours.weight[1, 1] = 1 / 16, 1 / 16
            self.fc.weight.copy_(torch.eye(2))

    def forward(self, pages: Tensor) -> Tensor:
        out: Tensor = self.fc(self.colours(pages).relu().mean((2, 3)))
        return out


def red_and_green() -> Tensor:
    """Red in the upper left eighth of the page, green in the lower right one."""
    page = torch.zeros(1, 3, SIZE, SIZE)
    page[:, 0, 4:12, 4:12] = 1
    page[:, 1, 40:56, 40:56] = 1
    return page


@pytest.mark.parametrize("turns", [[0], [5], list(TURNS)])
def test_the_heat_lies_where_the_class_is_however_the_page_is_turned(turns: list[int]) -> None:
    model = ColourFinder().eval().requires_grad_(False)
    found = find_map_layer(model, "finder", SIZE)
    assert found.layer is model.colours
    red, green = (turned_heat(model, found, red_and_green(), np.array([output]), turns)[0] for output in (0, 1))
    assert red.shape == (SIZE, SIZE)
    assert red[4:12, 4:12].min() > 0.3
    assert red[24:].max() == 0
    assert green[40:56, 40:56].min() > 0.3
    assert green[:24].max() == 0
    assert red.max() == green.max() == pytest.approx(1)


@pytest.mark.parametrize("backbone", ["lcnet_035", "test_vit", "test_convnext", "test_resnet", "test_efficientnet"])
def test_every_kind_has_a_map_through_which_the_answer_goes(backbone: str) -> None:
    torch.manual_seed(0)
    model = build_model(backbone, 3, 32).eval().requires_grad_(False)
    heat = turned_heat(model, find_map_layer(model, backbone, 32), torch.randn(2, 3, 32, 32), np.array([0, 2]), [0, 3])
    assert heat.shape == (2, 32, 32)
    assert heat.min() >= 0
    assert heat.max() == pytest.approx(1)
    assert heat.std() > 0.01


def test_a_map_of_enough_places_is_preferred_and_the_last_of_them_taken() -> None:
    model = build_model("test_resnet", 3, 160).eval().requires_grad_(False)
    seen: dict[nn.Module, Tensor] = {}
    handles = [each.register_forward_hook(lambda m, _, out: seen.update({m: out})) for each in model.modules()]
    found = find_map_layer(model, "test_resnet", 160)
    for handle in handles:
        handle.remove()
    assert found.lay_out(seen[found.layer]).shape[-1] >= FINE
    later = list(seen)[list(seen).index(found.layer) + 1 :]
    assert all(seen[each].dim() != 4 or seen[each].shape[-1] < FINE for each in later)


def test_the_search_leaves_the_model_as_it_was() -> None:
    model = build_model("lcnet_035", 3, 32).eval().requires_grad_(False)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    find_map_layer(model, "lcnet_035", 32)
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())
    assert all(not layer._forward_hooks for layer in model.modules())
    assert all(each.grad is None for each in model.parameters())


def test_a_backbone_without_places_is_refused_in_one_sentence() -> None:
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 2)).eval()
    with pytest.raises(NoMapError, match="Expected a layer of flat with a map of places at 16 px"):
        find_map_layer(flat, "flat", 16)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    torch.manual_seed(0)
    model = build_model("lcnet_035", 3, SIZE)
    save_model(model, ModelDescription("lcnet_035", (2, 14, 9), SIZE, (0.5,) * 3, (0.5,) * 3), tmp_path / "0123")
    return Checkpoint(tmp_path / "0123", "0123")


def test_a_turned_page_has_the_turned_heat(checkpoint: Checkpoint, tmp_path: Path) -> None:
    page = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    paths = [str(tmp_path / "page.png"), str(tmp_path / "turned.png")]
    Image.fromarray(page).save(paths[0])
    Image.fromarray(np.ascontiguousarray(apply_turn(page, 5))).save(paths[1])
    heat = page_heat(checkpoint.folder, RenderPages(paths), [(14, 2), (14, 2)], TURNS, "cpu")
    assert heat.shape == (2, 2, SIZE, SIZE)
    for own, turned in zip(heat[0], heat[1], strict=True):
        np.testing.assert_allclose(apply_turn(own, 5), turned, atol=1e-3)  # type: ignore[arg-type]


def test_a_class_that_the_model_does_not_know_is_named(checkpoint: Checkpoint) -> None:
    with pytest.raises(InputError, match="Expected classes among 2, 9, 14, but got 3"):
        heat_of(checkpoint, ["page.png"], [(3,)], device="cpu")
