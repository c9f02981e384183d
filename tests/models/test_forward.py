"""A network's answers: those of plain torch, and a page's own, in every bit, whatever it is asked beside."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from docsort.images.dihedral import TURNS, apply_turn, inverse_turn
from docsort.members.views import ViewPolicy, all_views
from docsort.models import forward
from docsort.models.activations import batch_features, last_layer
from docsort.models.backbones import build_model, head_prefixes
from docsort.models.descriptions import ModelDescription
from docsort.models.forward import NetworkMember
from docsort.models.weights import load_model, save_model

SIZE = 32
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
BACKBONES = ("lcnet_035", "mobilenetv3_small_050")
COUNT = 21
"""Pages: more than a batch, and no multiple of it."""

VIEWS = all_views((0, 3, 6))


class Squares:
    """Pages in memory (N, S, S, 3), read in the order that `rows` lists them."""

    def __init__(self, pixels: np.ndarray, rows: Sequence[int] | None = None) -> None:
        self.pixels = pixels if rows is None else pixels[list(rows)]

    def __len__(self) -> int:
        return len(self.pixels)

    def squares(self, rows: Sequence[int], side: int) -> np.ndarray:
        assert side == SIZE
        return np.ascontiguousarray(self.pixels[list(rows)])


def normalised(pages: np.ndarray) -> torch.Tensor:
    """(N, 3, S, S) float32 of pages (N, S, S, 3)."""
    return torch.tensor((pages / 255 - MEAN) / STD, dtype=torch.float32).permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 256, (COUNT, 8, 8, 3), dtype=np.uint8)
    return coarse.repeat(4, axis=1).repeat(4, axis=2)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, pixels: np.ndarray) -> dict[str, Path]:
    """Untrained networks by backbone whose answers differ by page and turn: their norms are those of the pages."""
    root = tmp_path_factory.mktemp("networks")
    for backbone in BACKBONES:
        torch.manual_seed(0)
        model = build_model(backbone, 3, SIZE).train()
        with torch.no_grad():
            for _ in range(30):
                model(normalised(pixels))
            model.get_parameter(f"{head_prefixes(model)[0]}.weight").mul_(20)
        save_model(model, ModelDescription(backbone, (2, 14, 9), SIZE, MEAN, STD), root / backbone)
    return {backbone: root / backbone for backbone in BACKBONES}


@pytest.fixture(params=BACKBONES)
def folder(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Path:
    return folders[request.param]


def nothing(pages: int, views: int = 3) -> np.ndarray:
    return np.full((pages, views, 3), np.nan, dtype=np.float32)


def ask(member: NetworkMember, pages: Squares, policy: ViewPolicy = VIEWS, known: np.ndarray | None = None) -> Any:
    """(N, V, K)"""
    return member.predict(pages, policy, nothing(len(pages), len(policy.views)) if known is None else known)


def test_answers_are_those_of_a_plain_loop_over_the_saved_model(folder: Path, pixels: np.ndarray) -> None:
    model, _ = load_model(folder)
    found = ask(NetworkMember(folder, "cpu"), Squares(pixels))
    assert np.ptp(found[:, :, 0]) > 1e-3  # else any answer would be near any other
    for page, answers in zip(pixels, found, strict=True):
        for (turn, _), answer in zip(VIEWS.views, answers, strict=True):
            with torch.inference_mode():
                expected = torch.softmax(model(normalised(apply_turn(page, turn)[None])), dim=1)[0]
            np.testing.assert_allclose(answer, expected, atol=1e-5)


def test_features_are_those_of_a_plain_loop_over_the_saved_model(folder: Path, pixels: np.ndarray) -> None:
    model, description = load_model(folder)
    layer = last_layer(model, description.backbone)
    found = NetworkMember(folder, "cpu").embed(Squares(pixels))
    expected = batch_features(model, layer, normalised(pixels))
    assert len(found) == len(expected) > 1
    for block, own in zip(found, expected, strict=True):
        np.testing.assert_allclose(block, own, rtol=1e-3, atol=1e-4)


def ask_both(member: NetworkMember, pages: Squares, known: np.ndarray | None = None) -> list[np.ndarray]:
    answers, blocks = member.predict_and_embed(pages, VIEWS, nothing(len(pages)) if known is None else known)
    return [answers, *blocks]


def test_answers_and_features_together_are_those_of_two_calls_and_cost_a_pass_less(
    folder: Path, pixels: np.ndarray
) -> None:
    member, passes = NetworkMember(folder, "cpu"), []
    last_layer(member.model, member.description.backbone).register_forward_pre_hook(lambda *_: passes.append(1))
    assert member._answers_alike
    passes.clear()
    apart = [ask(member, Squares(pixels)), *member.embed(Squares(pixels))]
    passes_apart, passes[:] = len(passes), []
    together = ask_both(member, Squares(pixels))
    batches = -(-COUNT // member.batch)
    assert (passes_apart, len(passes)) == (
        -(-3 * COUNT // member.batch) + batches,
        batches + -(-2 * COUNT // member.batch),
    )
    for block, own in zip(together, apart, strict=True):
        np.testing.assert_array_equal(block, own)


def test_what_is_known_of_some_pages_is_not_asked_again_with_features(folder: Path, pixels: np.ndarray) -> None:
    member, known = NetworkMember(folder, "cpu"), nothing(COUNT)
    known[3, 0] = (0.1, 0.2, 0.7)
    answers, *blocks = ask_both(member, Squares(pixels), known)
    np.testing.assert_array_equal(answers, ask(member, Squares(pixels), known=known))
    assert answers[3, 0].tolist() == pytest.approx([0.1, 0.2, 0.7])
    for block, own in zip(blocks, member.embed(Squares(pixels)), strict=True):
        np.testing.assert_array_equal(block, own)


def test_a_model_that_answers_otherwise_where_it_shows_features_is_asked_twice(
    folder: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = forward.blocks_and_logits

    def otherwise(*given: Any) -> tuple[list[torch.Tensor], torch.Tensor]:
        blocks, logits = shown(*given)
        return blocks, logits * 1.0001

    member = NetworkMember(folder, "cpu")
    expected = ask(member, Squares(pixels))
    monkeypatch.setattr(forward, "blocks_and_logits", otherwise)
    assert not member._answers_alike
    np.testing.assert_array_equal(ask_both(member, Squares(pixels))[0], expected)


Asked = Callable[[NetworkMember, Squares], list[np.ndarray]]


@pytest.mark.parametrize(
    "asked", [lambda *given: [ask(*given)], NetworkMember.embed, ask_both], ids=["predict", "embed", "both"]
)
def test_a_page_gets_the_same_bits_alone_in_any_company_and_in_any_order(
    folder: Path, pixels: np.ndarray, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = NetworkMember(folder, "cpu")
    together = asked(member, Squares(pixels))
    for block in together:
        assert len(np.unique(block.reshape(COUNT, -1), axis=0)) == COUNT  # a page in another's place would show
    order = np.random.default_rng(1).permutation(COUNT)
    companies = [order, order[:3], order[:17], [5], [20], [0, 0, 4]]
    for chunk in (forward.CHUNK_PAGES["cpu"], 5):
        monkeypatch.setattr(forward, "CHUNK_PAGES", {"cpu": chunk})
        for rows in companies:
            for block, whole in zip(asked(member, Squares(pixels, rows)), together, strict=True):
                np.testing.assert_array_equal(block, whole[list(rows)])


def test_every_batch_has_the_same_size_however_few_pages_are_asked_about(
    folder: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries choose their way to compute by the shape of a batch: the same bits need the same shape."""
    member, sizes = NetworkMember(folder, "cpu"), []
    assert member._answers_alike  # found out on two pages, once
    for model in (member.model, member.net):
        model.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    last_layer(member.model, member.description.backbone).register_forward_pre_hook(
        lambda _, inputs: sizes.append(len(inputs[0]))
    )
    for count in (1, 5, COUNT):
        ask(member, Squares(pixels[:count]))
        member.embed(Squares(pixels[:count]))
        ask_both(member, Squares(pixels[:count]))
    assert len(sizes) > 6
    assert set(sizes) == {member.batch}


class Crowded(torch.nn.Module):
    """Says of each page how dark it is, but for a little that depends on all that is in the batch."""

    def forward(self, pages: torch.Tensor) -> torch.Tensor:
        own = pages.mean(dim=(2, 3))
        return own + 0.001 * len(pages)


def test_what_fills_a_batch_up_is_no_answer(folder: Path, pixels: np.ndarray) -> None:
    """A model that is fed with the count of its batch answers the same for every company, and once for each page."""
    member = NetworkMember(folder, "cpu")
    member.model = Crowded()
    for count in (1, 15, 16, 17):
        answers = ask(member, Squares(pixels[:count]))
        assert answers.shape == (count, 3, 3)
        own = (pixels[:count].mean(axis=(1, 2)) / 255 - MEAN) / STD + 0.001 * member.batch
        expected = np.exp(own) / np.exp(own).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(answers, np.repeat(expected[:, None], 3, axis=1), atol=1e-5)


def test_what_is_known_is_not_asked_again_and_changes_no_bit_of_the_rest(folder: Path, pixels: np.ndarray) -> None:
    member = NetworkMember(folder, "cpu")
    whole, rng = ask(member, Squares(pixels)), np.random.default_rng(2)
    given = rng.random((COUNT, 3)) < 0.4
    known = nothing(COUNT)
    known[given] = (0.7, 0.2, 0.1)
    before, asked = known.copy(), []
    member.model.register_forward_pre_hook(lambda _, inputs: asked.append(inputs[0]))
    found = ask(member, Squares(pixels), known=known)
    np.testing.assert_array_equal(known, before)
    np.testing.assert_array_equal(found[given], known[given])
    np.testing.assert_array_equal(found[~given], whole[~given])
    assert len(asked) == -(-int((~given).sum()) // member.batch)
    asked.clear()
    np.testing.assert_array_equal(ask(member, Squares(pixels), known=whole), whole)
    assert not asked


def test_passes_are_reported_chunk_by_chunk(folder: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    member, known = NetworkMember(folder, "cpu"), nothing(COUNT)
    known[0, 1:] = 0.3
    events: list[Any] = []
    monkeypatch.setattr(forward, "report", events.append)
    ask(member, Squares(pixels), known=known)
    assert [(each.pages, each.passes) for each in events] == [(COUNT, known.shape[1] * (COUNT - 1) + 1)]


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_page_under_the_inverse_turn_is_the_page(
    folders: dict[str, Path], pixels: np.ndarray, turn: int
) -> None:
    member = NetworkMember(folders["lcnet_035"], "cpu")
    turned = np.stack([apply_turn(page, turn) for page in pixels])
    undone = ask(member, Squares(turned), all_views((inverse_turn(turn),)))
    np.testing.assert_array_equal(undone, ask(member, Squares(pixels), all_views((0,))))


def test_a_scale_is_another_side_in_steps_that_backbones_take(folders: dict[str, Path], pixels: np.ndarray) -> None:
    member, sides = NetworkMember(folders["lcnet_035"], "cpu"), []
    member.model.register_forward_pre_hook(lambda _, inputs: sides.append(inputs[0].shape[-1]))
    found = ask(member, Squares(pixels[:2]), all_views((0,), (100, 150, 25, 201)))
    assert sides[-4:] == [32, 32, 64, 64]  # by scale, after the trials of each side
    np.testing.assert_array_equal(found[:, 2], found[:, 0])
    assert not np.allclose(found[:, 1], found[:, 0], atol=1e-3)


def test_pages_are_read_once_however_many_views_they_get(folders: dict[str, Path], pixels: np.ndarray) -> None:
    read: list[int] = []

    class Noted(Squares):
        def squares(self, rows: Sequence[int], side: int) -> np.ndarray:
            read.extend(rows)
            return super().squares(rows, side)

    ask(NetworkMember(folders["lcnet_035"], "cpu"), Noted(pixels), all_views())
    assert sorted(read) == list(range(COUNT))
