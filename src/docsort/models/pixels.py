"""From stored pixels to a model's input, on the device. B batch, H and W pixels.

Pages travel as uint8 with the channels last, a quarter of the bytes of float, and become float in one pass.
"""

import torch
from torch import Tensor


class Normaliser:
    """Turns uint8 pixels into what the backbone's recipe expects: (x / 255 - mean) / std per RGB channel."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...], device: torch.device | str = "cpu") -> None:
        self.mean = torch.tensor(mean, device=device).view(1, 3, 1, 1)
        self.std = torch.tensor(std, device=device).view(1, 3, 1, 1)

    def __call__(self, pages: Tensor, contrast: Tensor | None = None, brightness: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) uint8 to float32 of the same layout in memory.

        contrast: (B,) factor about mid-grey; brightness: (B,) added afterwards, 1 being the whole range. Both are
        folded into the one multiplication, so they cost nothing; values are not clipped.
        """
        if contrast is None or brightness is None:
            return pages.to(torch.float32).mul_(1 / (255 * self.std)).add_(-self.mean / self.std)
        factor, added = contrast.view(-1, 1, 1, 1), brightness.view(-1, 1, 1, 1)
        scale = factor / (255 * self.std)
        shift = ((1 - factor) / 2 + added - self.mean) / self.std
        return pages.to(torch.float32).mul_(scale).add_(shift)
