import numpy as np
import pytest
import torch

from docsort.training.parameters import Stage
from docsort.training.warping import CELLS, KNOTS, Warp, apply_warp, draw_warp

WHITE = torch.tensor([1.0, 2.0, 3.0])


def warp(count: int = 1, degrees: float = 0.0) -> Warp:
    """A map that bends nothing but for the turn."""
    even = torch.full((count, 2, CELLS), 1 / CELLS)
    return Warp(torch.full((count,), degrees), torch.zeros(count, 2, KNOTS, KNOTS), even)


def pages(size: int = 31) -> torch.Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_a_map_that_bends_nothing_gives_the_same_page() -> None:
    torch.testing.assert_close(apply_warp(pages(), warp(2), WHITE), pages(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_quarter_turn_is_the_exact_one(quarters: int) -> None:
    turned = apply_warp(pages(), warp(2, 90.0 * quarters), WHITE)
    torch.testing.assert_close(turned, torch.rot90(pages(), quarters, dims=(-2, -1)), rtol=0, atol=1e-4)


def test_what_was_outside_is_white() -> None:
    corner = apply_warp(pages(), warp(2, 45.0), WHITE)[:, :, 0, 0]
    torch.testing.assert_close(corner, WHITE.expand(2, 3))


def test_a_wider_column_of_the_grid_takes_more_room_of_the_source() -> None:
    shares = torch.full((1, 2, CELLS), 1 / CELLS)
    shares[0, 0] = torch.tensor([0.4, 0.15, 0.15, 0.15, 0.15])
    ramp = torch.linspace(0, 1, 51).expand(1, 3, 51, 51)
    bent = apply_warp(ramp, warp()._replace(grid=shares), torch.ones(3))[0, 0, 25]
    edges = np.interp(np.linspace(0, 1, 51), np.linspace(0, 1, CELLS + 1), [0, 0.4, 0.55, 0.7, 0.85, 1])
    np.testing.assert_allclose(bent.numpy(), edges, atol=1e-5)


def test_waves_shift_by_shares_of_the_side() -> None:
    waves = torch.zeros(1, 2, KNOTS, KNOTS)
    waves[:, 0] = 0.1
    ramp = torch.linspace(0, 1, 51).expand(1, 3, 51, 51)
    bent = apply_warp(ramp, warp()._replace(elastic=waves), torch.ones(3))[0, 0, 25]
    np.testing.assert_allclose(bent[:45].numpy(), np.linspace(0, 1, 51)[5:50], atol=1e-5)
    assert (bent[46:] == 1).all()


def test_memory_layout_is_kept() -> None:
    given = pages().contiguous(memory_format=torch.channels_last)
    assert apply_warp(given, warp(2), WHITE).is_contiguous(memory_format=torch.channels_last)


def test_draws_keep_to_the_stage_and_depend_on_their_place_alone() -> None:
    stage = Stage(share=1, degrees=15, elastic=0.02, grid=0.3)
    drawn = draw_warp(stage, 400, 1, "fold_0", 0, 3)
    assert drawn is not None
    assert drawn.degrees.abs().max() <= 15
    assert drawn.degrees.abs().max() > 14
    assert drawn.elastic.std().item() == pytest.approx(0.02, rel=0.05)
    torch.testing.assert_close(drawn.grid.sum(dim=2), torch.ones(400, 2))
    again, other = (draw_warp(stage, 400, 1, "fold_0", 0, batch) for batch in (3, 4))
    assert again is not None
    assert other is not None
    assert all(torch.equal(one, two) for one, two in zip(drawn, again, strict=True))
    assert not torch.equal(drawn.degrees, other.degrees)


def test_a_stage_that_bends_nothing_draws_nothing() -> None:
    assert draw_warp(Stage(share=1), 4, 1, "fold_0", 0, 0) is None
