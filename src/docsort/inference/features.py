"""What a model makes of pages before its last layer, inside a worker process. N pages, B batch, D features."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from docsort.errors import InputError
from docsort.models.backbones import head_prefixes
from docsort.models.heads import MlpHead
from docsort.models.pixels import Normaliser
from docsort.models.weights import load_model
from docsort.training.epochs import split_rows
from docsort.training.pages import StreamedPages, loader_workers_for
from docsort.training.worker import prepare_worker
from docsort.workers import worker_count

logger = logging.getLogger(__name__)

BATCH_PAGES = {"cpu": 16, "cuda": 128}
"""Pages decoded at a time: enough to keep the device busy, few enough that memory stays flat."""


def page_features(
    folder: Path, name: str, paths: Sequence[str], device: str, concurrent: int
) -> NDArray[np.float32]:
    """(N, D) of the model in `folder`, pages as they lie; `name` stands in the log. Raises InputError for a model
    without a last layer, and for an unreadable page.
    """
    prepare_worker()
    model, description = load_model(folder)
    kind = device.partition(":")[0]
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    normaliser = Normaliser(description.mean, description.std, device)
    workers = loader_workers_for(device, worker_count(), concurrent)
    pages = StreamedPages(paths, description.image_size, workers, pinned=kind == "cuda")
    rows = split_rows(np.arange(len(paths)), BATCH_PAGES.get(kind, BATCH_PAGES["cpu"]))
    layer, started = last_layer(model, description.backbone), time.perf_counter()
    batches = (normaliser(batch.to(device, non_blocking=True)) for batch in pages.batches(rows))
    results = [batch_features(model, layer, batch) for batch in batches]
    logger.info("%s: embedded %d pages (%.0f/s)", name, len(paths), len(paths) / (time.perf_counter() - started))
    return np.concatenate(results)


@torch.inference_mode()
def batch_features(model: nn.Module, layer: nn.Module, pages: Tensor) -> NDArray[np.float32]:
    """(B, D): what comes to `layer` when the model looks at normalised pages (B, 3, S, S)."""
    caught: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    try:
        model(pages)
    finally:
        handle.remove()
    return caught[0].flatten(1).float().cpu().numpy()


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
