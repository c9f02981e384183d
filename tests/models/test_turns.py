import numpy as np
import pytest
import torch

from docsort.images.dihedral import TURNS, inverse_turn
from docsort.images.dihedral import apply_turn as apply_numpy_turn
from docsort.models.turns import apply_turn, apply_turns, look_up_turns


@pytest.fixture
def pages() -> torch.Tensor:
    return torch.arange(4 * 3 * 6 * 6, dtype=torch.int16).reshape(4, 3, 6, 6)


@pytest.mark.parametrize("turn", TURNS)
def test_tensor_turn_is_the_numpy_turn(pages: torch.Tensor, turn: int) -> None:
    expected = [apply_numpy_turn(page.permute(1, 2, 0).numpy(), turn).transpose(2, 0, 1) for page in pages]
    np.testing.assert_array_equal(apply_turn(pages, turn).numpy(), np.stack(expected))


@pytest.mark.parametrize("turn", TURNS)
def test_inverse_turn_undoes_exactly(pages: torch.Tensor, turn: int) -> None:
    assert torch.equal(apply_turn(apply_turn(pages, turn), inverse_turn(turn)), pages)


def test_oblong_pages_change_sides_on_odd_turns() -> None:
    assert apply_turn(torch.zeros(1, 3, 4, 6), 5).shape == (1, 3, 6, 4)


@pytest.mark.parametrize("turns", [[0, 0, 0, 0], [7, 3, 7, 0], [5, 4, 6, 1], [2, 2, 5, 7]])
def test_each_page_gets_its_own_turn(pages: torch.Tensor, turns: list[int]) -> None:
    expected = torch.cat([apply_turn(pages[i : i + 1], turn) for i, turn in enumerate(turns)])
    assert torch.equal(apply_turns(pages, torch.tensor(turns)), expected)
    assert torch.equal(look_up_turns(pages, torch.tensor(turns)), expected)


def test_channels_stay_last_in_memory(pages: torch.Tensor) -> None:
    last = pages.contiguous(memory_format=torch.channels_last)
    for way in (apply_turns, look_up_turns):
        assert way(last, torch.tensor([1, 4, 7, 2])).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.gpu
def test_a_gpu_turns_as_a_cpu_does(pages: torch.Tensor) -> None:
    turns = torch.tensor([6, 1, 0, 3])
    assert torch.equal(apply_turns(pages.cuda(), turns.cuda()).cpu(), apply_turns(pages, turns))
