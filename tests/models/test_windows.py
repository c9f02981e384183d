import itertools

import pytest
import torch
from timm.models.swin_transformer import SwinTransformerBlock

from docsort.models.windows import AWAY, WindowBlock, WindowStage, window_mask

WIDTH = 8


def block(kind: type[SwinTransformerBlock], size: int, shift: int, **options: bool) -> SwinTransformerBlock:
    torch.manual_seed(0)
    made = kind(WIDTH, (size, size), num_heads=2, window_size=4, shift_size=shift, **options).eval()
    torch.nn.init.normal_(made.attn.relative_position_bias_table)
    return made


def ours(shift: int) -> SwinTransformerBlock:
    return block(WindowBlock, 4, shift, always_partition=True, dynamic_mask=True)


@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize("size", [4, 8, 12])
def test_map_that_the_windows_part_evenly_is_timms_own(size: int, shift: int) -> None:
    reference = block(SwinTransformerBlock, size, shift)
    x = torch.randn(2, size, size, WIDTH)
    torch.testing.assert_close(ours(shift)(x), reference(x))


@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_map_smaller_than_a_window_is_one_small_window(size: int, shift: int) -> None:
    small, large = block(SwinTransformerBlock, size, shift), ours(shift)
    small.load_state_dict({**large.state_dict(), "attn.relative_position_bias_table": central(large, size)})
    x = torch.randn(2, size, size, WIDTH)
    torch.testing.assert_close(large(x), small(x))


def central(large: SwinTransformerBlock, size: int) -> torch.Tensor:
    """The biases of the offsets that a smaller window has: -size + 1 to size - 1 on both axes."""
    table, skip = large.attn.relative_position_bias_table.detach().view(7, 7, -1), 4 - size
    return table[skip : 7 - skip, skip : 7 - skip].reshape((2 * size - 1) ** 2, -1)


@pytest.mark.parametrize("real", [(5, 7), (8, 6), (3, 9)])
@pytest.mark.parametrize("by", [0, 2])
def test_places_see_each_other_unless_one_is_filling_or_they_met_over_the_edge(real: tuple[int, int], by: int) -> None:
    full = [-(-side // 4) * 4 for side in real]
    shift = [0 if side == 4 else by for side in full]
    mask = window_mask(real, full, shift, (4, 4), torch.zeros(1))
    assert mask is not None
    windows = itertools.product(range(0, full[0], 4), range(0, full[1], 4))
    for number, (top, left) in enumerate(windows):
        rolled = [(top + row, left + column) for row in range(4) for column in range(4)]
        for (i, one), (j, other) in itertools.product(enumerate(rolled), repeat=2):
            came = [(other[axis] + shift[axis]) % full[axis] for axis in (0, 1)]
            filling = came[0] >= real[0] or came[1] >= real[1]
            wrapped = [[place[axis] + shift[axis] >= full[axis] for axis in (0, 1)] for place in (one, other)]
            assert mask[number, i, j] == (AWAY if filling or wrapped[0] != wrapped[1] else 0)


def test_nothing_is_masked_where_all_may_see_all() -> None:
    assert window_mask((8, 4), (8, 4), (0, 0), (4, 4), torch.zeros(1)) is None


@pytest.mark.parametrize("size", [1, 5, 8])
def test_a_stage_halves_the_sides_rounded_up_and_doubles_the_channels(size: int) -> None:
    stage = WindowStage(64, 2, merge=True, drop_paths=[0.0, 0.1])
    assert stage(torch.randn(2, size, size, 32)).shape == (2, -(-size // 2), -(-size // 2), 64)
    assert [each.target_shift_size for each in stage.blocks] == [(0, 0), (4, 4)]
