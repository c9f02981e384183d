"""What a network makes of pages, from its first maps to its last layer, inside a worker process.

N pages, B batch, D features, C channels of a map. Blocks of features run from shallow to deep: of each of a few maps
the mean and the standard deviation of every channel, at last what the last layer reads.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from docsort.errors import InputError
from docsort.models.backbones import head_prefixes
from docsort.models.heads import MlpHead

MAPS = 5
"""Maps that are measured at most, evenly chosen over the depth: a convolutional backbone has as many scales."""


@torch.inference_mode()
def batch_features(model: nn.Module, layer: nn.Module, pages: Tensor) -> list[NDArray[np.float32]]:
    """Blocks (B, D) of normalised pages (B, 3, S, S), the last being what comes to `layer`.

    Of a backbone that does not show its maps there is the last block alone.
    """
    return [block.cpu().numpy() for block in blocks_and_logits(model, layer, pages)[0]]


def blocks_and_logits(model: nn.Module, layer: nn.Module, pages: Tensor) -> tuple[list[Tensor], Tensor]:
    """The blocks of `batch_features`, float32, and what the model answers, (B, K), of one forward pass."""
    caught: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    try:
        maps, logits = _maps_on_the_way(model, pages)
    finally:
        handle.remove()
    chosen = np.unique(np.linspace(0, len(maps) - 1, min(MAPS, len(maps))).round().astype(int))
    blocks = [*(_channel_statistics(maps[i]) for i in chosen), caught[0].flatten(1)]
    return [block.float() for block in blocks], logits


def _channel_statistics(maps: Tensor) -> Tensor:
    """(B, 2 C) mean and standard deviation of each channel; torch's own `std` takes ten times as long."""
    mean = maps.mean((2, 3), dtype=torch.float32)
    squares = maps.square().mean((2, 3), dtype=torch.float32)
    return torch.cat([mean, (squares - mean.square()).clamp_min(0).sqrt()], dim=1)


def _maps_on_the_way(model: Any, pages: Tensor) -> tuple[list[Tensor], Tensor]:
    """Lets the model answer; (B, C, H, W) of its scales or blocks, in their order, and its logits."""
    if not hasattr(model, "forward_intermediates"):
        return [], model(pages)
    features, maps = model.forward_intermediates(pages)
    return list(maps), model.forward_head(features)


def last_layer(model: nn.Module, backbone: str) -> nn.Module:
    """The layer that makes logits of features: the classifier that timm names, in an MLP head its last layer; of the
    two of a distilled model the first, which reads the class token.

    Caught by a hook there, features come out of any backbone alike, whatever its own functions give.
    """
    prefixes = head_prefixes(model)
    if not prefixes:
        raise InputError(
            f"Expected {backbone} to have a classifier that timm names, but it has none; its pages cannot be embedded: "
            "set embedded_pages to 0."
        )
    layer = model.get_submodule(prefixes[0])
    return layer.out if isinstance(layer, MlpHead) else layer
