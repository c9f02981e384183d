"""Swin's attention in windows, on maps of any size. B batch; H, W and C of a feature map, channels last."""

import math
from collections.abc import Sequence

import torch
from timm.models.swin_transformer import PatchMerging, SwinTransformerBlock, window_partition, window_reverse
from torch import Tensor, nn
from torch.nn import functional

WINDOW = 8
"""Side of a window: a page of 128 pixels is one at a sixteenth, one of 512 is four by four."""
CHANNELS_A_HEAD = 32
AWAY = -100.0
"""Added to the attention of a pair of places that must not see each other, as in Swin."""


class WindowBlock(SwinTransformerBlock):
    """Swin's block for a map of any size: what fills the last windows up is not attended to.

    timm's own fills up after the shift and attends to the filling, so a map that the windows do not part evenly is
    thinned with zeros, a map of 2 by 2 in a window of 8 by 8 sixteen times over. Where nothing is filled up, the two
    are the same (Liu et al., "Swin Transformer", ICCV 2021).
    """

    def _attn(self, x: Tensor) -> Tensor:
        height, width = x.shape[1:3]
        window: tuple[int, int] = self.window_size
        full = [math.ceil(side / across) * across for side, across in zip((height, width), window, strict=True)]
        # a side of one window is seen whole already
        shift = [
            0 if side <= across else by for side, across, by in zip(full, window, self.target_shift_size, strict=True)
        ]
        filled = functional.pad(x, (0, 0, 0, full[1] - width, 0, full[0] - height))
        rolled = torch.roll(filled, (-shift[0], -shift[1]), dims=(1, 2))
        places = window_partition(rolled, window).flatten(1, 2)  # (B * windows, places, C)
        seen = self.attn(places, mask=window_mask((height, width), full, shift, window, x))
        merged = window_reverse(seen.unflatten(1, window), window, *full)
        return torch.roll(merged, shift, dims=(1, 2))[:, :height, :width].contiguous()


def window_mask(
    real: Sequence[int], full: Sequence[int], shift: Sequence[int], window: tuple[int, int], like: Tensor
) -> Tensor | None:
    """(windows, places, places) to add to the attention: 0, or AWAY where the second place is filling, or where the two
    met over the edge of the map by the shift. None where all may see all.

    real, full, shift: height and width of the map, of the filled map, and how far it was rolled up and left.
    """
    if not any(shift) and list(real) == list(full):
        return None
    # came: from which row and column of the filled map
    came = [(torch.arange(side, device=like.device) + by) % side for side, by in zip(full, shift, strict=True)]
    over = [index < by for index, by in zip(came, shift, strict=True)]
    there = [index < side for index, side in zip(came, real, strict=True)]
    region = 2 * over[0].long()[:, None] + over[1].long()[None, :]
    present = there[0][:, None] & there[1][None, :]
    regions, presents = (window_partition(each[None, :, :, None], window).flatten(1) for each in (region, present))
    apart = (regions[:, :, None] != regions[:, None, :]) | ~presents[:, None, :]
    return torch.zeros_like(apart, dtype=like.dtype).masked_fill(apart, AWAY)


class WindowStage(nn.Module):
    """Blocks one after the other on (B, H, W, C), every second with shifted windows.

    merge: halve the sides and double the channels first. drop_paths: chance to skip each block.
    """

    def __init__(self, width: int, depth: int, merge: bool, drop_paths: Sequence[float]) -> None:
        super().__init__()
        self.downsample = PatchMerging(width // 2, width) if merge else nn.Identity()
        self.blocks = nn.Sequential(
            *(
                WindowBlock(
                    width,
                    input_resolution=(WINDOW, WINDOW),
                    num_heads=width // CHANNELS_A_HEAD,
                    window_size=WINDOW,
                    shift_size=WINDOW // 2 if number % 2 else 0,
                    always_partition=True,
                    dynamic_mask=True,
                    drop_path=drop_paths[number],
                )
                for number in range(depth)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.blocks(self.downsample(x))
        return out
