"""Grad-CAM of any backbone, inside a worker process: where on a page a class was found.

Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based localization" (ICCV 2017), by the
library grad-cam. What the library leaves to its user is which layer to look at and how its output is laid out; both are
found here by a trial: the last layer whose output is a map of places through which the class's logit can be changed.
N pages, J classes a page, B batch, T turns, S side of the page; H, W places and C channels of a map, L tokens.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from docsort.chunks import chunks
from docsort.errors import NoMapError
from docsort.images.dihedral import inverse_turn
from docsort.members.pages import Pages
from docsort.models.pixels import Normaliser
from docsort.models.threads import prepare_worker
from docsort.models.turns import apply_turn
from docsort.models.weights import load_model

BATCH_PAGES = 8
"""Pages at a time: a pass back keeps every layer's output, several times what a pass forward takes."""


FINE = 7
"""Places a side that a map should have: what a page of 224 pixels has at a thirty-second of its side, where Grad-CAM is
mostly used. On the four by four of a page of 128 pixels one sees next to nothing."""


TRIED = 2
"""Pages of the trial."""


class MapLayer(NamedTuple):
    """A layer whose output is a map of places, and what lays it out as (B, C, H, W)."""

    layer: nn.Module
    lay_out: Callable[[Tensor], Tensor]


def page_heat(
    folder: Path, pages: Pages, classes: Sequence[Sequence[int]], turns: Sequence[int], device: str
) -> NDArray[np.float32]:
    """(N, J, S, S) in [0, 1]: how much each place counts for the class, the mean over the turns, each laid back.

    classes: J class numbers a page. Raises NoMapError where the model has no map of places.
    """
    prepare_worker()
    model, description = load_model(folder)
    model = model.to(device).requires_grad_(False)
    normaliser = Normaliser(description.mean, description.std, device)
    outputs = np.array([[description.targets.index(target) for target in row] for row in classes])
    found = find_map_layer(model, description.backbone, description.image_size, device)
    heat = []
    for rows in chunks(range(len(pages)), BATCH_PAGES):
        squares = torch.from_numpy(pages.squares(rows, description.image_size))
        batch = normaliser(squares.permute(0, 3, 1, 2).to(device))
        heat.append(np.stack([turned_heat(model, found, batch, column, turns) for column in outputs[rows].T], axis=1))
    return np.concatenate(heat)


def turned_heat(
    model: nn.Module, found: MapLayer, pages: Tensor, outputs: NDArray[np.int64], turns: Sequence[int]
) -> NDArray[np.float32]:
    """(B, S, S) of normalised pages (B, 3, S, S), for one output each; scaled so that the hottest place is 1."""
    wanted = [ClassifierOutputTarget(int(output)) for output in outputs]
    views = []
    with GradCAM(model, [found.layer], reshape_transform=found.lay_out) as grad_cam:
        for turn in turns:
            # the pixels need a gradient, because the frozen weights have none
            maps = grad_cam(apply_turn(pages, turn).clone().requires_grad_(True), wanted)
            views.append(apply_turn(torch.from_numpy(maps)[:, None], inverse_turn(turn))[:, 0].numpy())
    mean = np.mean(views, axis=0)
    return np.asarray(mean / np.maximum(mean.max(axis=(1, 2), keepdims=True), 1e-7), dtype=np.float32)


def find_map_layer(model: nn.Module, backbone: str, size: int, device: str = "cpu") -> MapLayer:
    """The last layer called whose output is a map with a gradient in it: of FINE places a side, or of as many as are.

    Of a convolutional backbone that is its last block or norm, on small pages an earlier one; of a transformer that
    pools its tokens the last norm; of one that answers from a class token the norm before the last attention, because
    after it the other tokens no longer count. Raises NoMapError where there is none.
    """
    called: list[tuple[nn.Module, Tensor]] = []

    def note(layer: nn.Module, _: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.dim() in (3, 4) and output.requires_grad:
            output.retain_grad()
            called.append((layer, output))

    handles = [layer.register_forward_hook(note) for layer in _outside_attention(model)]
    try:
        page = torch.randn(TRIED, 3, size, size, device=device, generator=torch.Generator(device).manual_seed(0))
        model(page.requires_grad_(True))[:, 0].sum().backward()
    finally:
        for handle in handles:
            handle.remove()
    times = Counter(layer for layer, _ in called)
    best: tuple[int, MapLayer] | None = None
    for layer, output in reversed(called):
        lay_out = _layout(output, model)
        # windows stand where pages do; and the library expects a layer to be called once a pass
        if lay_out is None or output.grad is None or len(output) != TRIED or times[layer] > 1:
            continue
        gradient = lay_out(output.grad)
        side = min(gradient.shape[-1], FINE)
        if (best is None or side > best[0]) and gradient.abs().amax() > 0:
            best = (side, MapLayer(layer, lay_out))
    if best is None:
        raise NoMapError(
            f"Expected a layer of {backbone} with a map of places at {size} px, but there is none; a larger image_size "
            "may have one."
        )
    return best[1]


def _outside_attention(layer: nn.Module) -> Iterator[nn.Module]:
    """The layer and all within it but attention, whose maps are of windows, or of what looks at what."""
    if "Attention" not in type(layer).__name__:
        yield layer
        for inner in layer.children():
            yield from _outside_attention(inner)


def _layout(output: Tensor, model: nn.Module) -> Callable[[Tensor], Tensor] | None:
    """How an output becomes (B, C, H, W) with more than one place; None where it is no map of a square page.

    Of tokens only those as wide as the model itself are taken, not what stands inside a layer of attention.
    """
    if output.dim() == 4:
        _, first, second, third = output.shape
        if second == third and second > 1 and first != second:
            return _as_it_is
        return _channels_first if first == second and first > 1 else None
    prefix = int(getattr(model, "num_prefix_tokens", 0))
    side = math.isqrt(max(0, output.shape[1] - prefix))
    square = side > 1 and side * side == output.shape[1] - prefix
    if not square or output.shape[2] != getattr(model, "num_features", output.shape[2]):
        return None
    return lambda tokens: tokens[:, prefix:].transpose(1, 2).unflatten(2, (side, side))


def _as_it_is(maps: Tensor) -> Tensor:
    return maps


def _channels_first(maps: Tensor) -> Tensor:
    return maps.permute(0, 3, 1, 2)
