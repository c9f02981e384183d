"""From stored pixels to a model's input, on the device. B batch, H and W pixels.

Pages travel as uint8 with the channels last, a quarter of the bytes of float, and become float in one pass.
"""

import torch
from torch import Tensor


class Normaliser:
    """Turns uint8 pixels into what the backbone's recipe expects: (x / 255 - mean) / std per RGB channel."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...], device: torch.device | str = "cpu") -> None:
        self.mean = torch.tensor(mean, device=device).view(1, 1, 3)
        self.std = torch.tensor(std, device=device).view(1, 1, 3)

    @property
    def white(self) -> Tensor:
        """(3,) what a white pixel becomes."""
        return ((1 - self.mean) / self.std).view(3)

    def __call__(self, pages: Tensor, contrast: Tensor | None = None, brightness: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) uint8 to float32, channels last in memory.

        contrast: (B,) factor about mid-grey; brightness: (B,) added afterwards, 1 being the whole range. Both are
        folded into the one multiplication, so they cost nothing; values are not clipped.
        """
        scale, shift = 1 / (255 * self.std), -self.mean / self.std
        if contrast is not None and brightness is not None:
            stretch, added = contrast.view(-1, 1, 1), brightness.view(-1, 1, 1)
            scale, shift = scale * stretch, ((1 - stretch) / 2 + added - self.mean) / self.std
        batch, _, height, width = pages.shape
        # Whole rows of 3 * W values, each with its factor: a third of the time of broadcasting over three channels.
        rows = pages.permute(0, 2, 3, 1).reshape(batch, height, 3 * width)
        factors, terms = (values.repeat(1, 1, width) for values in (scale, shift))
        floats = torch.empty(rows.shape, dtype=torch.float32, device=rows.device)
        if rows.device.type == "cpu":
            # page by page, so that the three steps find the page in the cache
            factors, terms = (values.expand(batch, 1, 3 * width) for values in (factors, terms))
            for into, page, factor, term in zip(floats, rows, factors, terms, strict=True):
                into.copy_(page).mul_(factor).add_(term)
        else:
            floats.copy_(rows).mul_(factors).add_(terms)
        return floats.view(batch, height, width, 3).permute(0, 3, 1, 2)
